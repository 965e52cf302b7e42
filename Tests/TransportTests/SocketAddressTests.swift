import HTTPSyntax
import Testing

@testable import Transport

@Suite struct SocketAddressTests {
    private func host(_ address: SocketAddress) -> String {
        var text = ByteBuffer()
        address.appendHost(to: &text)
        return text.view.text
    }

    @Test(arguments: [
        ("127.0.0.1", UInt16(80), "127.0.0.1:80"), ("0.0.0.0", 0, "0.0.0.0:0"),
        ("255.254.10.9", 65_535, "255.254.10.9:65535"),
    ])
    func `an IPv4 address is written as it was read`(
        _ text: String, _ port: UInt16, _ whole: String
    ) throws {
        let address = try #require(SocketAddress.ipv4(text, port: port))
        #expect(host(address) == text)
        #expect(address.text == whole)
        #expect(address.port == port)
        #expect(!address.isUnix && !address.isIPv6)
    }

    @Test(arguments: [
        ("::1", "::1", "[::1]:8080"), ("2001:DB8::00a:1", "2001:db8::a:1", "[2001:db8::a:1]:8080"),
        ("::", "::", "[::]:8080"),
    ])
    func `an IPv6 address is written in its short form`(
        _ text: String, _ short: String, _ whole: String
    ) throws {
        let address = try #require(SocketAddress.ipv6(text, port: 8080))
        #expect(host(address) == short)
        #expect(address.text == whole)
        #expect(address.port == 8080)
        #expect(address.isIPv6)
    }

    @Test func `an IPv4 address mapped into IPv6 is written as IPv4`() throws {
        let address = try #require(SocketAddress.ipv6("::ffff:10.1.2.3", port: 443))
        #expect(host(address) == "10.1.2.3")
        #expect(address.text == "10.1.2.3:443")
        let compatible = try #require(SocketAddress.ipv6("::10.1.2.3", port: 443))
        #expect(host(compatible) == "::10.1.2.3")
    }

    @Test(arguments: ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "localhost", "::1", "1.2.3.4 "])
    func `what is no IPv4 address is refused`(_ text: String) {
        #expect(SocketAddress.ipv4(text, port: 1) == nil)
    }

    @Test(arguments: ["", "1.2.3.4", "::g", "[::1]", "1::2::3", "fe80::1%lo"])
    func `what is no IPv6 address is refused`(_ text: String) {
        #expect(SocketAddress.ipv6(text, port: 1) == nil)
    }

    @Test func `a path may have 107 bytes`() throws {
        let longest = "/" + String(repeating: "a", count: 106)
        let address = try #require(SocketAddress.unix(longest))
        #expect(address.text == "unix:" + longest)
        #expect(address.isUnix)
        #expect(address.port == 0)
        #expect(host(address).isEmpty)
        #expect(SocketAddress.unix(longest + "a") == nil)
        #expect(SocketAddress.unix("") == nil)
    }

    @Test func `connections of one host have one address, whatever their port`() throws {
        let first = try #require(SocketAddress.ipv4("10.0.0.1", port: 1)).ipAddress
        #expect(first == SocketAddress.ipv4("10.0.0.1", port: 2)?.ipAddress)
        #expect(first != SocketAddress.ipv4("10.0.0.2", port: 1)?.ipAddress)
        let second = try #require(SocketAddress.ipv6("2001:db8::1", port: 1)).ipAddress
        #expect(second == SocketAddress.ipv6("2001:db8::1", port: 2)?.ipAddress)
        #expect(second != SocketAddress.ipv6("2001:db9::1", port: 1)?.ipAddress)
        #expect(second != SocketAddress.ipv6("2001:db8::2", port: 1)?.ipAddress)
        #expect(SocketAddress.unix("/a")?.ipAddress == SocketAddress.unix("/b")?.ipAddress)
    }
}
