// Names of hosts, as the configuration writes them and as requests carry them.

internal import HTTPSyntax

/// A host of the configuration in the form in which it is compared.
struct HostName: Hashable {
    /// Lower case, without `*.`, port and trailing dot.
    var name: [UInt8]
    var isWildcard: Bool

    /// Longer names are no names (RFC 1035 §2.3.4): requests with one are refused, see `HostField`.
    static let maximumLength = 255
    /// The numbers under which hosts stand in the table of patterns; no node has them.
    static let exactKey: Int32 = -2
    static let wildcardKey: Int32 = -3

    init(parsing text: String) throws(PathPattern.Failure) {
        func fail(_ what: String, _ accepted: String) -> PathPattern.Failure {
            PathPattern.Failure(message: "the host '\(text)' \(what)", accepted: accepted)
        }
        var bytes = Array(text.utf8)
        guard bytes.allSatisfy({ $0 < 0x80 }) else {
            throw fail("holds letters beyond ASCII", "the ASCII form (xn--…) of the name")
        }
        isWildcard = bytes.starts(with: Array("*.".utf8))
        if isWildcard { bytes.removeFirst(2) }
        if bytes.last == 0x2e { bytes.removeLast() }
        name = bytes.map(ASCII.lowercased)
        if name.contains(0x2a) {
            throw fail("holds '*' elsewhere than in front", "*.example.com")
        }
        let isAddress = name.first == 0x5b && name.last == 0x5d
        if name.contains(0x3a) && !isAddress {
            throw fail("holds a port", "the name alone: every port counts")
        }
        let isName = name.allSatisfy {
            ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f
        }
        let hasEmptyLabel = name.split(separator: 0x2e, omittingEmptySubsequences: false)
            .contains(where: \.isEmpty)
        guard isAddress ? !isWildcard : isName && !hasEmptyLabel, name.count <= Self.maximumLength
        else { throw fail("is no name", "example.com or *.example.com") }
    }

    /// Lends the host of a Host value as it is compared; nil where it is none that a
    /// configuration could name.
    @inline(__always) static func withNormalized<Result>(
        _ value: ByteView, _ body: (ByteView) -> Result
    ) -> Result? {
        var length = value.count
        let isAddress = length > 0 && value[0] == 0x5b
        if let end = value.firstIndex(of: isAddress ? 0x5d : 0x3a) {
            length = isAddress ? end + 1 : end
        }
        if length > 1, value[length - 1] == 0x2e { length -= 1 }
        guard length > 0, length <= maximumLength else { return nil }
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: maximumLength) {
            buffer in
            // length is at most the capacity.
            for index in 0..<length { unsafe buffer[index] = ASCII.lowercased(value[index]) }
            guard let base = buffer.baseAddress else { return nil }
            return body(unsafe ByteView(base: base, count: length))
        }
    }
}
