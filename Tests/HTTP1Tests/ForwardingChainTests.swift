import HTTPSyntax
import Testing

@testable import HTTP1

private func address(_ text: String) -> IPAddress? { text.withView { IPAddress($0) } }

/// 10.0.0.0/8, 192.0.2.1 and 2001:db8:f::/48 are trusted.
private let trusted = AddressSet(
    [("10.0.0.0", 8), ("192.0.2.1", 32), ("2001:db8:f::", 48)].compactMap { text, length in
        address(text).flatMap { AddressPrefix($0, length: length) }
    })

/// What a back-end is told, and who the client is, where a trusted proxy sent these lines.
private struct Told: Equatable {
    var client: String?
    var lines: [String: String] = [:]

    /// `sender` nil: the proxy came by a Unix socket.
    init(_ lines: [String], from sender: String? = "10.0.0.1", version: String = "1.1") {
        let text = "GET / HTTP/\(version)\r\nHost: own.example\r\n"
        let bytes = latin(text + lines.map { $0 + "\r\n" }.joined() + "\r\n")
        withGuardedBytes(bytes) { view in
            var head = RequestHead(maximumFields: 100)
            let result = RequestParser.parse(view.view, into: &head, limits: usualLimits)
            guard case .complete = result else {
                Issue.record("no request: \(lines)")
                return
            }
            let chain = ForwardingChain(head, in: view.view, trusting: trusted)
            var buffer = ByteBuffer()
            client = chain.client.map { client in
                client.append(to: &buffer)
                return buffer.view.text
            }
            buffer.removeAll()
            (sender ?? "").withView {
                chain.append(
                    head, in: view.view, from: $0, host: ByteView("own.example"), to: &buffer)
            }
            for line in buffer.view.text.split(separator: "\r\n") {
                let parts = line.split(separator: ": ", maxSplits: 1)
                let name = String(parts[0])
                #expect(self.lines[name] == nil, "two lines \(name)")
                self.lines[name] = parts.count > 1 ? String(parts[1]) : ""
            }
        }
    }

    var addresses: String? { lines["X-Forwarded-For"] }
    var forwarded: String? { lines["Forwarded"] }
    var proto: String? { lines["X-Forwarded-Proto"] }
    var host: String? { lines["X-Forwarded-Host"] }
}

@Suite struct ForwardingChainTests {
    /// Members as they came, the client that they name, and those that stay.
    static let walks: [(String, String?, String)] = [
        ("203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.9.9.9", "203.0.113.9", "203.0.113.9, 10.9.9.9"),
        // What stands before the first who is not trusted is his word alone.
        ("1.1.1.1, 203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("10.1.1.1, 203.0.113.9, 10.9.9.9", "203.0.113.9", "203.0.113.9, 10.9.9.9"),
        ("garbage, 203.0.113.9", "203.0.113.9", "203.0.113.9"),
        // All are trusted: the farthest is the client.
        ("10.1.1.1, 10.2.2.2", "10.1.1.1", "10.1.1.1, 10.2.2.2"),
        // A malformed member ends the walk at the last good one.
        ("203.0.113.9, garbage, 10.9.9.9", "10.9.9.9", "10.9.9.9"),
        ("203.0.113.9, 10.9.9.9, garbage", nil, ""),
        ("203.0.113.9 10.9.9.9", nil, ""), ("203.0.113.9;10.9.9.9", nil, ""),
        ("203.0.113.09", nil, ""), ("203.0.113", nil, ""), ("host.example", nil, ""),
        ("fe80::1%eth0", nil, ""), ("\"203.0.113.9\"", nil, ""), ("_hidden", nil, ""),
        ("for=203.0.113.9", nil, ""), ("[203.0.113.9]", nil, ""), ("203.0.113.9:", nil, ""),
        ("203.0.113.9:x", nil, ""), ("203.0.113.9:65536", nil, ""), ("[2001:db8::9", nil, ""),
        ("203.0.113.9:1:2", nil, ""), ("[2001:db8::9]8", nil, ""), ("[]", nil, ""), (":", nil, ""),
        // Whoever is hidden may be named so by a trusted proxy; nobody behind him is looked for.
        ("unknown", nil, "unknown"), ("203.0.113.9, unknown", nil, "unknown"),
        ("203.0.113.9, Unknown, 10.9.9.9", "10.9.9.9", "Unknown, 10.9.9.9"),
        // Forms of an address
        ("203.0.113.9:4711", "203.0.113.9", "203.0.113.9:4711"),
        ("2001:db8::9", "2001:db8::9", "2001:db8::9"),
        ("[2001:DB8::9]", "2001:db8::9", "[2001:DB8::9]"),
        ("[2001:db8::9]:4711", "2001:db8::9", "[2001:db8::9]:4711"),
        ("::ffff:203.0.113.9", "203.0.113.9", "::ffff:203.0.113.9"),
        ("203.0.113.9, ::ffff:10.9.9.9", "203.0.113.9", "203.0.113.9, ::ffff:10.9.9.9"),
        ("203.0.113.9, 2001:db8:f::1", "203.0.113.9", "203.0.113.9, 2001:db8:f::1"),
        // Empty members and white space are nothing
        ("", nil, ""), (",", nil, ""), (" , ,", nil, ""),
        (",203.0.113.9 ,\t, 10.9.9.9,", "203.0.113.9", "203.0.113.9, 10.9.9.9"),
    ]

    @Test(arguments: walks)
    func `the client is the first from the right who is not trusted`(
        _ members: String, _ client: String?, _ kept: String
    ) {
        let told = Told(["X-Forwarded-For: " + members])
        #expect(told.client == client)
        #expect(told.addresses == (kept.isEmpty ? "10.0.0.1" : kept + ", 10.0.0.1"))
        #expect(told.host == "own.example")
        #expect(told.proto == "http")
        #expect(told.lines["Via"] == "1.1 methodgate")
    }

    @Test func `several lines are one list`() {
        let told = Told([
            "X-Forwarded-For: 1.1.1.1", "Accept: a", "x-forwarded-for: 203.0.113.9, 10.8.8.8",
            "X-Forwarded-For:", "X-Forwarded-For: 10.9.9.9",
        ])
        #expect(told.client == "203.0.113.9")
        #expect(told.addresses == "203.0.113.9, 10.8.8.8, 10.9.9.9, 10.0.0.1")
        let cut = Told(["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: garbage, 10.9.9.9"])
        #expect(cut.client == "10.9.9.9")
        #expect(cut.addresses == "10.9.9.9, 10.0.0.1")
    }

    @Test func `both notations say the same`() {
        let told = Told([
            "X-Forwarded-For: 2001:db8::9, unknown, 10.8.8.8:80, 2001:db8:f::1",
            "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example:8443",
        ])
        #expect(
            told.forwarded == "for=unknown;proto=https;host=\"shop.example:8443\", for=10.8.8.8, "
                + "for=\"[2001:db8:f::1]\", for=10.0.0.1")
        #expect(told.addresses == "unknown, 10.8.8.8:80, 2001:db8:f::1, 10.0.0.1")
        #expect(told.proto == "https")
        #expect(told.host == "shop.example:8443")
        let alone = Told(["X-Forwarded-Proto: https"], from: "2001:db8:f::7")
        #expect(alone.forwarded == "for=\"[2001:db8:f::7]\";proto=https;host=\"own.example\"")
        #expect(alone.addresses == "2001:db8:f::7")
        #expect(alone.client == nil)
    }

    @Test func `a Unix socket has no address to add`() {
        let told = Told(["X-Forwarded-For: 203.0.113.9, 10.9.9.9"], from: nil)
        #expect(told.addresses == "203.0.113.9, 10.9.9.9")
        #expect(
            told.forwarded == "for=203.0.113.9;proto=http;host=\"own.example\", for=10.9.9.9")
        let empty = Told(["X-Forwarded-For: garbage"], from: nil)
        #expect(empty.addresses == "unknown")
        #expect(empty.forwarded == "for=unknown;proto=http;host=\"own.example\"")
    }

    static let elements: [(String, String?, String, String)] = [
        ("for=203.0.113.9", "203.0.113.9", "203.0.113.9", "for=203.0.113.9"),
        (
            "for=203.0.113.9;proto=https;host=shop.example, for=10.9.9.9;by=10.0.0.1",
            "203.0.113.9", "203.0.113.9, 10.9.9.9",
            "for=203.0.113.9;proto=https;host=shop.example, for=10.9.9.9;by=10.0.0.1"
        ),
        ("for=1.1.1.1, for=203.0.113.9", "203.0.113.9", "203.0.113.9", "for=203.0.113.9"),
        (
            "FOR=\"[2001:db8::9]:4711\";ext=\"a, b;c\"", "2001:db8::9", "2001:db8::9",
            "FOR=\"[2001:db8::9]:4711\";ext=\"a, b;c\""
        ),
        ("for=\"203.0.113.9:_p\"", "203.0.113.9", "203.0.113.9", "for=\"203.0.113.9:_p\""),
        // Hidden, or not said
        ("for=unknown", nil, "unknown", "for=unknown"),
        ("for=_a.B-9, for=10.9.9.9", "10.9.9.9", "unknown, 10.9.9.9", "for=_a.B-9, for=10.9.9.9"),
        ("for=1.1.1.1, proto=https", nil, "unknown", "proto=https"),
        // Malformed
        ("for=203.0.113.9, for=[2001:db8::9]", nil, "", ""), ("for=\"2001:db8::9\"", nil, "", ""),
        ("for=203.0.113.9:80", nil, "", ""), ("for=\"203.0.113.9:99999\"", nil, "", ""),
        ("for=_", nil, "", ""), ("for=host", nil, "", ""), ("for=", nil, "", ""),
        ("for", nil, "", ""), ("203.0.113.9", nil, "", ""), ("=203.0.113.9", nil, "", ""),
        ("for =203.0.113.9", nil, "", ""), ("for= 203.0.113.9", nil, "", ""),
        ("for=203.0.113.9; proto=https", nil, "", ""), ("for=203.0.113.9;for=1.1.1.1", nil, "", ""),
        ("for=203.0.113.9;by=host", nil, "", ""), ("for=203.0.113.9;proto=1", nil, "", ""),
        ("for=203.0.113.9;proto=\"a b\"", nil, "", ""), ("for=203.0.113.9;host=\"\"", nil, "", ""),
        ("for=203.0.113.9;host=\"a b\"", nil, "", ""), ("for=\"203.0.113.\\9\"", nil, "", ""),
        ("for=203.0.113.9;x=\"\\\"\"", nil, "", ""), ("for=\"203.0.113.9", nil, "", ""),
        ("for=203.0.113.9\"", nil, "", ""), ("for=203.0.113.9;x=\"\u{e4}\"", nil, "", ""),
        // An attempt to swallow what the proxy adds
        ("for=\", for=203.0.113.9", "203.0.113.9", "203.0.113.9", "for=203.0.113.9"),
        (
            "for=\"x\\\", for=\"[2001:db8::9]\"", "2001:db8::9", "2001:db8::9",
            "for=\"[2001:db8::9]\""
        ),
        (
            "for=\"_x, for=203.0.113.9;x=\", for=10.9.9.9", "10.9.9.9", "10.9.9.9", "for=10.9.9.9"
        ),
        ("for=203.0.113.9;;", "203.0.113.9", "203.0.113.9", "for=203.0.113.9;;"),
        (", for=203.0.113.9 ,,", "203.0.113.9", "203.0.113.9", "for=203.0.113.9"),
    ]

    @Test(arguments: elements)
    func `Forwarded is believed where no X-Forwarded field is there`(
        _ value: String, _ client: String?, _ addresses: String, _ kept: String
    ) {
        let told = Told(["Forwarded: " + value])
        #expect(told.client == client)
        #expect(told.addresses == (addresses.isEmpty ? "10.0.0.1" : addresses + ", 10.0.0.1"))
        #expect(
            told.forwarded
                == (kept.isEmpty
                    ? "for=10.0.0.1;proto=http;host=\"own.example\"" : kept + ", for=10.0.0.1"))
    }

    @Test func `scheme and host of Forwarded are those of the client's element`() {
        let told = Told([
            "Forwarded: for=1.1.1.1;proto=ftp;host=liar.example",
            "Forwarded: for=203.0.113.9;Proto=https;Host=\"shop.example:8443\", "
                + "for=10.9.9.9;proto=http;host=inner.example",
        ])
        #expect(told.proto == "https")
        #expect(told.host == "shop.example:8443")
        #expect(told.client == "203.0.113.9")
        let silent = Told(["Forwarded: for=203.0.113.9, for=10.9.9.9;proto=https;host=a"])
        #expect(silent.proto == "http")
        #expect(silent.host == "own.example")
    }

    @Test(arguments: ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"])
    func `one notation is believed, never both`(_ line: String) {
        let told = Told(["Forwarded: for=1.1.1.1;proto=gopher;host=liar.example", line])
        #expect(told.client != "1.1.1.1")
        #expect(told.addresses?.contains("1.1.1.1") == false)
        #expect(told.forwarded?.contains("1.1.1.1") == false)
        #expect(told.proto != "gopher")
        #expect(told.host == "own.example")
    }

    static let schemes: [([String], String)] = [
        (["https"], "https"), (["HTTPS"], "HTTPS"), (["wss"], "wss"), ([" https, https"], "https"),
        (["https", "HTTPS"], "https"), (["https, http"], "http"), (["http", "https"], "http"),
        (["https;"], "http"), (["ht tp"], "http"), (["\"https\""], "http"), ([""], "http"),
        (["1"], "http"), ([String(repeating: "a", count: 33)], "http"), ([",https,"], "https"),
    ]

    @Test(arguments: schemes)
    func `a scheme is believed if there is one`(_ values: [String], _ proto: String) {
        let told = Told(values.map { "X-Forwarded-Proto: " + $0 })
        #expect(told.proto == proto)
        #expect(told.forwarded == "for=10.0.0.1;proto=\(proto);host=\"own.example\"")
    }

    static let hosts: [([String], String)] = [
        (["shop.example"], "shop.example"), (["[2001:db8::1]:8443"], "[2001:db8::1]:8443"),
        (["shop.example, shop.EXAMPLE"], "shop.example"), (["a", "b"], "own.example"),
        (["a,b"], "own.example"), (["a b"], "own.example"), (["a\";x=\""], "own.example"),
        (["http://a"], "own.example"), ([""], "own.example"),
    ]

    @Test(arguments: hosts)
    func `a host is believed if there is one`(_ values: [String], _ host: String) {
        let told = Told(values.map { "X-Forwarded-Host: " + $0 })
        #expect(told.host == host)
        #expect(told.forwarded == "for=10.0.0.1;proto=http;host=\"\(host)\"")
    }

    @Test func `a name spelled with an underscore is not believed`() {
        let told = Told([
            "X_Forwarded_For: 203.0.113.9", "X-Forwarded_Proto: https", "X_Real_IP: 203.0.113.9",
            "X_Forwarded_Prefix: /a", "X-Forwarded-Proto: http",
        ])
        #expect(told.client == nil)
        #expect(told.addresses == "10.0.0.1")
        #expect(told.proto == "http")
        #expect(told.lines["X_Real_IP"] == nil && told.lines["X_Forwarded_Prefix"] == nil)
        let mixed = Told([
            "X_Forwarded_For: 203.0.113.9", "X-Forwarded-For: 10.9.9.9",
            "X_Forwarded_For: 203.0.113.10", "X_Forwarded_Proto: https",
        ])
        #expect(mixed.client == "10.9.9.9")
        #expect(mixed.addresses == "10.9.9.9, 10.0.0.1")
    }

    @Test func `what else a trusted proxy says is passed on as it came`() {
        let told = Told([
            "Via: 1.1 front", "Via: 2 edge (a)", "X-Real-Ip: 203.0.113.9",
            "X-Forwarded-Port:  443 ",
            "X-Forwarded-Server: front", "x-forwarded-prefix: /shop",
        ])
        #expect(told.lines["Via"] == "1.1 front, 2 edge (a), 1.1 methodgate")
        #expect(told.lines["X-Real-Ip"] == "203.0.113.9")
        #expect(told.lines["X-Forwarded-Port"] == "443")
        #expect(told.lines["X-Forwarded-Server"] == "front")
        #expect(told.lines["x-forwarded-prefix"] == "/shop")
        #expect(
            Told(["Via: 1.0 front"], version: "1.0").lines["Via"] == "1.0 front, 1.0 methodgate")
    }

    @Test func `no more than 32 proxies are looked behind`() {
        let proxies = (0..<40).map { "10.1.1.\($0)" }
        let told = Told(["X-Forwarded-For: " + proxies.joined(separator: ",")])
        #expect(told.client == "10.1.1.8")
        #expect(told.addresses == proxies.suffix(32).joined(separator: ", ") + ", 10.0.0.1")
        let elements = proxies.map { "for=" + $0 }
        let forwarded = Told(["Forwarded: " + elements.joined(separator: ",")])
        #expect(forwarded.client == "10.1.1.8")
        #expect(forwarded.forwarded?.hasPrefix("for=10.1.1.8, ") == true)
    }

    @Test func `whatever comes, what is written is well-formed and says one thing`() {
        var generator = FixedSeed(4)
        let values = Self.walks.map { "X-Forwarded-For: " + $0.0 }
        let forwarded = Self.elements.map { "Forwarded: " + $0.0 }
        for seed in values + forwarded + ["X-Forwarded-Host: a", "X-Forwarded-Proto: https"] {
            for _ in 0..<30 {
                let bytes = mutated(latin(String(seed.drop { $0 != ":" }.dropFirst())), &generator)
                let value = latin(bytes.filter { $0 >= 0x20 && $0 != 0x7f })
                let told = Told([seed.prefix { $0 != ":" } + ":" + value])
                check(told, value)
            }
        }
    }

    /// Both notations name the same addresses, the believed client first among them.
    private func check(_ told: Told, _ value: String) {
        let addresses = (told.addresses ?? "").split(separator: ", ").map { member in
            Array(member.utf8).withView { ForwardingNode(xForwardedFor: $0) }
        }
        let elements = Self.elements(of: told.forwarded ?? "").map { element in
            Array(element.utf8).withView { ForwardedElement($0)?.node }
        }
        #expect(!addresses.contains(nil) && addresses == elements, "\(value): \(told)")
        if let client = told.client {
            let known = addresses.compactMap { $0 }.filter { $0 != .hidden }
            #expect(known.first == address(client).map(ForwardingNode.address), "\(value): \(told)")
        }
    }

    private static func elements(of value: String) -> [String] {
        var elements = [""]
        var isQuoted = false
        for character in value {
            if character == "\"" { isQuoted.toggle() }
            if character == "," && !isQuoted {
                elements.append("")
            } else if character != " " || isQuoted {
                elements[elements.count - 1].append(character)
            }
        }
        return elements
    }
}
