// Overrides in `application/x-www-form-urlencoded` data: a query, or content as it streams.

internal import HTTPSyntax

/// Reads `name=value` pairs between `&` or `;`, in constant space. How the bytes are cut into
/// pieces makes no difference.
struct FormScanner: ~Copyable {
    private enum Phase: UInt8 {
        case name, value
        /// The value of another parameter.
        case other
    }

    private var phase = Phase.name
    private var name = EscapedName()
    private var value = CollectedValue()

    /// At the first byte of the data.
    mutating func begin() {
        phase = .name
        name.restart()
    }

    /// The next override that ends in `bytes`, from `offset` on, which moves behind it; nil at
    /// their end. An empty value is none.
    mutating func next(in bytes: ByteView, from offset: inout Int) -> OverrideValue? {
        while offset < bytes.count {
            if phase == .other {
                offset = ByteSearch.first(of: 0x26, or: 0x3b, in: bytes, from: offset)
                guard offset < bytes.count else { return nil }
            }
            let byte = bytes[offset]
            offset += 1
            if let found = take(byte) { return found }
        }
        return nil
    }

    /// The data has ended.
    mutating func finish() -> OverrideValue? {
        phase == .value ? value.settle(isEscaped: true) : nil
    }

    private mutating func take(_ byte: UInt8) -> OverrideValue? {
        // PHP separates by `&` alone, and cuts the name before a `;` that follows a NUL.
        let isInCutName = phase == .name && name.isCut
        if byte == UInt8(ascii: "&") || byte == UInt8(ascii: ";") && !isInCutName {
            let ended = phase
            begin()
            return ended == .value ? value.settle(isEscaped: true) : nil
        }
        switch phase {
        case .name:
            if byte == UInt8(ascii: "=") {
                phase = name.isMatch ? .value : .other
                value.removeAll()
            } else {
                name.take(byte)
                if name.isOther { phase = .other }
            }
        case .value:
            value.append(byte)
            if value.isTooLong {
                phase = .other
                return value.settle(isEscaped: true)
            }
        case .other: break
        }
        return nil
    }
}
