// Bytes, and text that is bytes.

public typealias Bytes = [UInt8]

extension String {
    /// Each byte as the code point of the same number, so that nothing is lost or repaired.
    public init(latin1 bytes: some Sequence<UInt8>) {
        var scalars = String.UnicodeScalarView()
        for byte in bytes { scalars.append(UnicodeScalar(byte)) }
        self.init(scalars)
    }
}
