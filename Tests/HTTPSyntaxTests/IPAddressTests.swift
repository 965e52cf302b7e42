import Glibc
import HTTPSyntax
import Testing

@Suite struct IPAddressTests {
    private func written(_ address: IPAddress) -> String {
        var text = ByteBuffer()
        address.append(to: &text)
        return text.view.text
    }

    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("255.254.10.9", "255.254.10.9"), ("10.0.0.1", "10.0.0.1"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::00a:1", "2001:db8::a:1"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ("0:0:3:0:0:0:7:8", "0:0:3::7:8"), ("1:0:0:4:5:0:0:8", "1::4:5:0:0:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("fe80::abcd", "fe80::abcd"),
        ("::10.1.2.3", "::10.1.2.3"), ("::1:2", "::0.1.0.2"), ("::1.2.3.4", "::1.2.3.4"),
        ("::ffff:10.1.2.3", "10.1.2.3"), ("::FFFF:a01:203", "10.1.2.3"),
        ("0:0:0:0:0:ffff:0:0", "0.0.0.0"), ("::fffe:1.2.3.4", "::fffe:102:304"),
    ])
    func `an address is written in its short form`(_ text: String, _ short: String) throws {
        let address = try #require(text.withView { IPAddress($0) })
        #expect(written(address) == short)
        #expect(short.withView { IPAddress($0) } == address)
        #expect(address.isIPv4 == !short.contains(":"))
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1.2.3.256", "1.2.3.04",
        "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", " 1.2.3.4", "1..2.3", "0x1.2.3.4", "1.2.3.1000",
        "127.1", "2130706433", "localhost", ":", ":::", "::1::", "1::2::3", ":1::2", "1:", "1",
        "12345::", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "::1.2.3.256", "::01.2.3.4",
        "::1.2.3.4:5", "fe80::1%eth0", "[::1]", "::1/128", "a.b", "1.2.3.4\0",
    ])
    func `everything else is no address`(_ text: String) {
        #expect(text.withView { IPAddress($0) } == nil)
    }

    @Test func `any number is written as inet_ntop writes it, and read back`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            // Zeros are what the short form is about.
            var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
            for group in 0..<8 where Bool.random(using: &generator) {
                bytes[2 * group] = 0
                if Bool.random(using: &generator) { bytes[2 * group + 1] = 0 }
            }
            let number = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
            let address = IPAddress(number: number)
            var text = [CChar](repeating: 0, count: 64)
            try #require(inet_ntop(AF_INET6, bytes, &text, 64) != nil)
            let expected = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            guard !address.isIPv4 else { continue }
            #expect(written(address) == expected)
            #expect(expected.withView { IPAddress($0) } == address)
        }
    }

    @Test func `an IPv4 address is the one that it is mapped to`() {
        let plain = "10.1.2.3".withView { IPAddress($0) }
        #expect(plain == IPAddress(ipv4: 0x0a01_0203))
        #expect(plain == "::ffff:10.1.2.3".withView { IPAddress($0) })
        #expect(plain != "::10.1.2.3".withView { IPAddress($0) })
    }
}

@Suite struct AddressSetTests {
    private func address(_ text: String) throws -> IPAddress {
        try #require(text.withView { IPAddress($0) })
    }

    @Test(arguments: [
        ("10.0.0.0", 8, "10.255.255.255", true), ("10.0.0.0", 8, "11.0.0.0", false),
        ("10.0.0.0", 8, "9.255.255.255", false), ("192.0.2.4", 30, "192.0.2.7", true),
        ("192.0.2.4", 30, "192.0.2.8", false), ("192.0.2.4", 32, "192.0.2.4", true),
        ("192.0.2.4", 32, "192.0.2.5", false), ("0.0.0.0", 0, "255.255.255.255", true),
        ("0.0.0.0", 0, "::1", false), ("::", 0, "::1", true), ("::", 0, "10.0.0.1", false),
        ("::", 8, "10.0.0.1", false), ("2001:db8::", 32, "2001:db8:ffff::1", true),
        ("2001:db8::", 32, "2001:db9::", false), ("2001:db8::", 65, "2001:db8::8000:0:0:0", false),
        ("::1", 128, "::1", true), ("::1", 128, "::2", false),
        ("10.0.0.0", 8, "::ffff:10.1.1.1", true), ("10.0.0.0", 8, "::10.1.1.1", false),
        ("::", 96, "::10.1.1.1", true),
    ])
    func `a network holds the addresses that begin like it`(
        _ network: String, _ length: Int, _ other: String, _ isInside: Bool
    ) throws {
        let prefix = try #require(AddressPrefix(try address(network), length: length))
        #expect(prefix.contains(try address(other)) == isInside)
        #expect(prefix.length == length)
        let set = AddressSet([prefix])
        #expect(set.contains(try address(other)) == isInside)
        #expect(!set.contains(nil))
    }

    @Test(arguments: [
        ("10.0.0.1", 8), ("10.0.0.0", 6), ("10.0.0.0", 33), ("10.0.0.0", -1), ("::1", 127),
        ("::", 129), ("2001:db8::", 28),
    ])
    func `a network has no bits behind its prefix`(_ network: String, _ length: Int) throws {
        #expect(AddressPrefix(try address(network), length: length) == nil)
    }

    @Test func `a set holds what any of its networks holds, and Unix sockets where it says so`()
        throws
    {
        let prefixes = try [("10.0.0.0", 8), ("2001:db8::", 32)].map {
            try #require(AddressPrefix(try address($0), length: $1))
        }
        let set = AddressSet(prefixes, includesUnix: true)
        for text in ["10.1.1.1", "2001:db8::1"] { #expect(set.contains(try address(text))) }
        #expect(!set.contains(try address("127.0.0.1")))
        #expect(set.contains(nil))
        #expect(!AddressSet([]).contains(try address("127.0.0.1")))
    }
}
