import HTTPSyntax
import Testing

@testable import HTTP1

/// The header as the parser sees it, at the end of the address space.
private func parse(_ bytes: [UInt8]) -> ProxyHeader.Outcome {
    withGuardedBytes(bytes) { ProxyHeader.parse($0.view) }
}

private func address(_ text: String) -> IPAddress? { text.withView { IPAddress($0) } }

/// A binary header; `length` is that of what follows unless it is given.
private func binary(
    _ family: UInt8, _ rest: [UInt8], command: UInt8 = 0x21, length: Int? = nil
) -> [UInt8] {
    let length = length ?? rest.count
    return latin("\r\n\r\n\0\r\nQUIT\n") + [command, family]
        + [UInt8(length >> 8), UInt8(length & 255)] + rest
}

private let inet: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb]
private let inet6: [UInt8] =
    [0x20, 1, 0x0d, 0xb8] + Array(repeating: 0, count: 11) + [7] + Array(repeating: 1, count: 16)
    + [0xdc, 0x04, 0x01, 0xbb]
private let unix = Array(repeating: UInt8(0x2f), count: 216)
/// A binary header with its checksum, as RFC 3720 counts it.
private let checked: [UInt8] = {
    let header = binary(0x11, inet + [3, 0, 4, 0, 0, 0, 0])
    let sum = header.withView { CRC32C.of($0, zeroing: 0..<0) }
    return header.dropLast(4) + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
}()

@Suite struct ProxyHeaderTests {
    static let lines: [(String, String?)] = [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443", "192.0.2.1"),
        ("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535", "0.0.0.0"),
        ("PROXY TCP6 2001:db8::7 ::1 56324 443", "2001:db8::7"),
        ("PROXY TCP6 2001:DB8:0:0:0:0:0:7 ::1 56324 443", "2001:db8::7"),
        ("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 56324 443", "192.0.2.1"),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                + "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        ),
        ("PROXY UNKNOWN", nil), ("PROXY UNKNOWN ", nil), ("PROXY UNKNOWN whatever \u{ff}\t1", nil),
        ("PROXY UNKNOWN " + String(repeating: "f", count: 91), nil),
    ]

    @Test(arguments: lines)
    func `a line names the client, or nobody`(_ line: String, _ client: String?) throws {
        let bytes = latin(line + "\r\n")
        let port: UInt16 =
            line.contains(" 56324 ") ? 56324 : line.contains(" 65535 ") ? 65535 : 0
        let header = try client.map {
            ProxyHeader.client(try #require(address($0)), port: port)
        }
        let expected = ProxyHeader.Outcome.complete(header ?? .unnamed, length: bytes.count)
        #expect(parse(bytes) == expected)
        // What follows is the client's.
        #expect(parse(bytes + latin("GET / HTTP/1.1\r\n")) == expected)
    }

    @Test(arguments: [
        "PROXY\r\n", "PROXY \r\n", "PROXY UNKNOWNS\r\n", "PROXY unknown\r\n", "PROXY TCP\r\n",
        "PROXY TCP4\r\n", "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r \n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", "PROXY TCP4 1.2.3.4\r\n1.2.3.4 1 2\r\n",
        "PROXY TCP4 ::1 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 ::1 1 2\r\n", "PROXY TCP6 ::1 1.2.3.4 1 2\r\n",
        "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.256 1 2\r\n", "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY TCP6 fe80::1%lo ::1 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 00\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 123456\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\0\r\n", "PROXY UNKNOWN a\nb\r\n",
        "PROXY UNKNOWN " + String(repeating: "f", count: 92) + "\r\n",
        String(repeating: "PROXY ", count: 40),
    ])
    func `a line with anything else is malformed`(_ line: String) {
        let problem: ProxyHeader.Problem = line.hasPrefix("PROXY ") ? .malformed : .missing
        #expect(parse(latin(line)) == .failed(problem))
    }

    @Test(arguments: [
        "G", "GET / HTTP/1.1\r\n\r\n", "proxy TCP4", "PROXX", "\r\nGET", "\r\n\r\n\0\r\nQUIX",
        "\u{16}\u{3}\u{1}", "\n", "\0", " PROXY UNKNOWN\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ])
    func `what begins like neither version is told apart`(_ text: String) {
        #expect(parse(latin(text)) == .failed(.missing))
    }

    static let headers: [([UInt8], ProxyHeader)] = {
        let v4 = ProxyHeader.client(IPAddress(ipv4: 0xc000_0201), port: 56324)
        let v6 = ProxyHeader.client(
            IPAddress(number: 0x2001_0db8_0000_0000_0000_0000_0000_0007), port: 56324)
        return [
            (binary(0x11, inet), v4), (binary(0x21, inet6), v6), (checked, v4),
            (binary(0x11, inet + [4, 0, 0]), v4), (binary(0x11, inet + [1, 0, 1, 0x68]), v4),
            (binary(0x21, inet6 + [0xe2, 0, 2, 1, 1, 4, 0, 1, 0]), v6),
            (binary(0x12, inet), .unnamed), (binary(0x22, inet6), .unnamed),
            (binary(0x31, unix), .unnamed), (binary(0x32, unix + [4, 0, 0]), .unnamed),
            (binary(0x00, []), .unnamed), (binary(0x00, [1, 2, 3]), .unnamed),
            (binary(0x00, [], command: 0x20), .local), (binary(0x11, inet, command: 0x20), .local),
            (binary(0xff, [9, 9], command: 0x20), .local),
            (binary(0x11, inet + [4, 0x3f, 0xe1] + Array(repeating: 0, count: 0x3fe1)), v4),
        ]
    }()

    @Test(arguments: headers)
    func `a binary header names the client, or nobody`(_ bytes: [UInt8], _ header: ProxyHeader) {
        let expected = ProxyHeader.Outcome.complete(header, length: bytes.count)
        #expect(parse(bytes) == expected)
        #expect(parse(bytes + latin("GET / HTTP/1.1\r\n")) == expected)
    }

    static let broken: [([UInt8], ProxyHeader.Problem)] = [
        // Version and command
        (binary(0x11, inet, command: 0x11), .malformed),
        (binary(0x11, inet, command: 0x22), .malformed),
        (binary(0x11, inet, command: 0x31), .malformed),
        (binary(0x11, inet, command: 0x2f), .malformed),
        // Family and protocol
        (binary(0x01, inet), .malformed), (binary(0x10, inet), .malformed),
        (binary(0x13, inet), .malformed), (binary(0x20, inet6), .malformed),
        (binary(0x41, unix), .malformed), (binary(0xff, unix), .malformed),
        // Lengths
        (binary(0x11, []), .malformed), (binary(0x11, Array(inet.dropLast())), .malformed),
        (binary(0x21, inet), .malformed), (binary(0x31, inet6), .malformed),
        (binary(0x11, [], length: 0x3ff1), .tooLong), (binary(0x11, [], length: 0xffff), .tooLong),
        // Extensions
        (binary(0x11, inet + [4]), .malformed), (binary(0x11, inet + [4, 0]), .malformed),
        (binary(0x11, inet + [4, 0, 1]), .malformed),
        (binary(0x11, inet + [4, 0, 0, 4, 0xff, 0xff, 0]), .malformed),
        (binary(0x31, unix + [4, 0, 1]), .malformed),
        (binary(0x11, inet + [3, 0, 3, 0, 0, 0]), .malformed),
        (binary(0x11, inet + [3, 0, 4, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0]), .malformed),
        (binary(0x11, inet + [3, 0, 4, 0, 0, 0, 0]), .wrongChecksum),
    ]

    @Test(arguments: broken)
    func `a binary header with anything else is refused`(
        _ bytes: [UInt8], _ problem: ProxyHeader.Problem
    ) {
        #expect(parse(bytes) == .failed(problem))
    }

    @Test func `a checksum is over every byte of the header`() {
        #expect(latin("123456789").withView { CRC32C.of($0, zeroing: 0..<0) } == 0xe306_9283)
        for index in 16..<checked.count {
            // A type or a length that changes is another extension.
            guard !(28..<31).contains(index) else { continue }
            var bytes = checked
            bytes[index] ^= 1
            #expect(parse(bytes) == .failed(.wrongChecksum), "byte \(index)")
        }
    }

    private func check(_ bytes: [UInt8]) {
        let whole = parse(bytes)
        for length in 0..<bytes.count {
            let verdict = parse(Array(bytes[0..<length]))
            if verdict != .incomplete && verdict != whole {
                Issue.record("\(length) bytes of \(latin(bytes).debugDescription): \(verdict)")
                return
            }
        }
    }

    @Test func `a header has one verdict however it is split`() {
        var generator = FixedSeed(3)
        let all =
            Self.lines.map { latin($0.0 + "\r\nGET") } + Self.headers.dropLast().map { $0.0 + [65] }
            + Self.broken.map(\.0)
        for bytes in all {
            check(bytes)
            for _ in 0..<20 { check(mutated(bytes, &generator)) }
        }
    }

    @Test func `every beginning of a header is incomplete`() {
        for bytes in Self.lines.map({ latin($0.0 + "\r\n") }) + Self.headers.map(\.0) {
            for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 250)) {
                #expect(parse(Array(bytes[0..<length])) == .incomplete)
            }
        }
    }
}
