// The PROXY protocol (haproxy.org/download/3.0/doc/proxy-protocol.txt): a few bytes before the
// first request, in which a proxy that forwards streams says who connected to it. Nothing here
// knows a socket; whose header is believed is the caller's business.

package import HTTPSyntax

/// What a PROXY header says, of either version.
package enum ProxyHeader: Equatable, Sendable, BitwiseCopyable {
    /// The proxy speaks for itself, such as for a health check.
    case local
    /// It speaks for somebody it cannot or does not name: not over TCP, or `UNKNOWN`.
    case unnamed
    /// It speaks for that client.
    case client(IPAddress, port: UInt16)

    /// Why bytes are no PROXY header.
    package enum Problem: Error, Equatable, Sendable, BitwiseCopyable {
        case missing
        case malformed
        case tooLong
        case wrongChecksum

        /// For the operator.
        package var text: StaticString {
            switch self {
            case .missing: "no PROXY header comes first"
            case .malformed: "malformed PROXY header"
            case .tooLong: "the PROXY header is longer than 16 KiB"
            case .wrongChecksum: "the checksum of the PROXY header is wrong"
            }
        }
    }

    /// What an attempt to read one comes to.
    package enum Outcome: Equatable, Sendable, BitwiseCopyable {
        /// A beginning of one, as far as it goes.
        case incomplete
        case failed(Problem)
        /// What follows the first `length` bytes is the client's.
        case complete(ProxyHeader, length: Int)
    }

    /// Reads the header that must begin with the first byte. Reading it again with more bytes
    /// never changes a verdict once there is one.
    package static func parse(_ bytes: ByteView) -> Outcome {
        do throws(Problem) {
            guard !bytes.isEmpty else { return .incomplete }
            return bytes[0] == 0x0d ? try parseBinary(bytes) : try parseText(bytes)
        } catch {
            return .failed(error)
        }
    }

    /// Whether `bytes` agree with `expected` as far as they go; false where they are shorter.
    static func isWhole(
        _ bytes: ByteView, _ expected: ByteView
    ) throws(Problem) -> Bool {
        let length = min(bytes.count, expected.count)
        guard bytes.slice(0, length).equals(expected.slice(0, length)) else { throw .missing }
        return length == expected.count
    }
}

// MARK: Version 1

extension ProxyHeader {
    /// Bytes of a line, its CRLF included.
    private static var longestLine: Int { 107 }

    /// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` and CRLF (§2.1).
    private static func parseText(_ bytes: ByteView) throws(Problem) -> Outcome {
        guard try isWhole(bytes, ByteView("PROXY ")) else { return .incomplete }
        let end = min(bytes.count, longestLine)
        var index = 6
        while index < end, bytes[index] != 0x0d, bytes[index] != 0x0a { index += 1 }
        guard index < longestLine - 1 else { throw .malformed }
        guard index < end else { return .incomplete }
        guard bytes[index] == 0x0d else { throw .malformed }
        guard index + 1 < bytes.count else { return .incomplete }
        guard bytes[index + 1] == 0x0a else { throw .malformed }
        return .complete(try read(bytes.slice(6, index - 6)), length: index + 2)
    }

    /// What stands between `PROXY ` and CRLF. Behind `UNKNOWN` nothing counts.
    private static func read(_ line: ByteView) throws(Problem) -> ProxyHeader {
        var words = Words(rest: line)
        let family = words.next()
        if family.equals(ByteView("UNKNOWN")) { return .unnamed }
        let isIPv4 = family.equals(ByteView("TCP4"))
        guard isIPv4 || family.equals(ByteView("TCP6")) else { throw .malformed }
        let source = try address(words.next(), isIPv4)
        _ = try address(words.next(), isIPv4)
        let port = try port(words.next())
        _ = try self.port(words.next())
        guard words.isAtEnd else { throw .malformed }
        return .client(source, port: port)
    }

    private static func address(_ text: ByteView, _ isIPv4: Bool) throws(Problem) -> IPAddress {
        guard let address = isIPv4 ? IPAddress.ipv4(text) : IPAddress.ipv6(text) else {
            throw .malformed
        }
        return address
    }

    /// Decimal, up to 65535, without leading zeros.
    private static func port(_ text: ByteView) throws(Problem) -> UInt16 {
        var number: UInt32 = 0
        guard (1...5).contains(text.count), text.count == 1 || text[0] != 0x30 else {
            throw .malformed
        }
        for index in 0..<text.count {
            guard ASCII.isDigit(text[index]) else { throw .malformed }
            number = number * 10 + UInt32(text[index] - 0x30)
        }
        guard number <= UInt32(UInt16.max) else { throw .malformed }
        return UInt16(number)
    }

    /// Words with exactly one space between two of them.
    private struct Words {
        var rest: ByteView
        var isAtEnd = false

        /// The next word; empty where there is none.
        mutating func next() -> ByteView {
            guard !isAtEnd else { return .empty }
            guard let space = rest.firstIndex(of: 0x20) else {
                isAtEnd = true
                return rest
            }
            defer { rest = rest.dropFirst(space + 1) }
            return rest.slice(0, space)
        }
    }
}
