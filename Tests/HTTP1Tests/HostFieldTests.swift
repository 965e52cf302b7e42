import HTTP1
import HTTPSyntax
import Testing

@Suite struct HostFieldTests {
    @Test(arguments: [
        "a", "a.b", "a.b.", "a_.", "a.b.:80", "A-B_c~d", "127.0.0.1", "a:", "a:0", "a:80",
        "a:00080", "a:65535",
        "!$&'()*+=", "0.0.0.0=5000", "[::1]", "[::]", "[::1]:80", "[::ffff:1.2.3.4]",
        "[1:2:3:4:5:6:7:8]",
        "[1:2:3:4:5:6:1.2.3.4]", "[1::8]", "[1:2:3:4:5:6:7::]", "[FE80::abcd]:",
    ])
    func `a host with an optional port is valid`(value: String) {
        #expect(latin(value).withView(HostField.isValid))
    }

    @Test(arguments: [
        "x,closed.example", "closed.example,x", "x;for=6.6.6.6", "", ":", ":80", ".", "..",
        ".:80", ".a", "a..", "a..b", "a_..b", "_..", "a b", "a/b",
        "a\\b", "a?b", "a#b", "a@b", "a%41", "a%", "a\"", "a<", "a^",
        "a|b", "a{", "a`", "\u{e4}", "a:b", "a:-1", "a:+1", "a:65536", "a:999999999999999999999",
        "a:80:80", "a::", "::1", "[", "]", "[]", "[::1", "::1]", "[::1]a", "[::1]:x",
        "[::1%25eth0]",
        "[v1.a]", "[1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1::2::3]", "[:::]", "[:1::2]",
        "[1:]", "[12345::]", "[g::]", "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]", "[::1.2.3.4:5]",
        "[1.2.3.4]", "[1:2:3:4:5:6:7:8::]", "[1:2:3:4:5:6:7:1.2.3.4]", "[::1]]", "a[::1]",
    ])
    func `everything else is not`(value: String) {
        #expect(!latin(value).withView(HostField.isValid))
    }

    // Hosts are looked at in words of eight bytes: every byte at every place of several words.
    @Test(arguments: [1, 2, 7, 8, 9, 15, 16, 17, 24])
    func `each byte of a name is looked at wherever it stands`(length: Int) {
        let allowed = Set("abcxyzABCXYZ0189-._~!$&'()*+=".utf8)
        for place in 0..<length {
            for byte in UInt8.min...UInt8.max where byte != 0x3a {
                var name = [UInt8](repeating: 0x61, count: length)
                name[place] = byte
                let isFirstDot = byte == 0x2e && place == 0
                let isAllowed =
                    ASCII.isLetter(byte) || ASCII.isDigit(byte)
                    || allowed.contains(byte) && !isFirstDot
                #expect(name.withView(HostField.isValid) == isAllowed, "\(byte) at \(place)")
                #expect((name + Array(":80".utf8)).withView(HostField.isValid) == isAllowed)
                #expect(!(name + Array(":8a".utf8)).withView(HostField.isValid))
            }
        }
    }

    @Test(arguments: [2, 3, 7, 8, 9, 10, 15, 16, 17, 24])
    func `an empty label is no part of a name wherever it stands`(length: Int) {
        for place in 0..<(length - 1) {
            for other in [0x61, 0x5f] as [UInt8] {
                var name = [UInt8](repeating: 0x61, count: length)
                name[length - 1] = other
                name[place] = 0x2e
                #expect(name.withView(HostField.isValid) == (place > 0))
                name[place + 1] = 0x2e
                #expect(!name.withView(HostField.isValid), "\(place)")
                #expect(!(name + Array(":80".utf8)).withView(HostField.isValid))
            }
        }
    }

    @Test(arguments: [
        ("a", "A", 80, true), ("a", "a:80", 80, true), ("a:", "a:080", 80, true),
        ("a", "a:443", 443, true), ("a", "a:443", 80, false), ("a:81", "a:81", 80, true),
        ("a", "b", 80, false), ("a", "a.", 80, false), ("[::A]:80", "[::a]", 80, true),
        ("a", "ab", 80, false), ("a:8", "a:80", 80, false),
    ])
    func `case and the default port do not tell hosts apart`(
        one: String, other: String, port: Int, agree: Bool
    ) {
        for (one, other) in [(one, other), (other, one)] {
            let result = latin(one).withView { one in
                latin(other).withView { other in
                    HostField.agree(one, other, defaultPort: UInt16(port))
                }
            }
            #expect(result == agree)
        }
    }

    @Test(arguments: [
        ("a.b", "a.b"), ("a.b.", "a.b"), ("a.b.:80", "a.b"), ("A:80", "A"), ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"), ("", ""), (".", "."), ("a..", "a."),
    ])
    func `the host for the rules has neither port nor trailing dot`(value: String, host: String) {
        #expect(latin(value).withView { latin(HostField.host(of: $0).bytes) } == host)
    }
}
