import Audit
import HTTPSyntax
import Testing

@testable import Gateway

@Suite struct RedirectTests {
    /// What a Location comes to for a request of `/a/b?x` at `shop.example`.
    private func resolve(
        _ location: String, path: String = "/a/b", host: String = "shop.example"
    ) -> String? {
        var target = RedirectTarget()
        let isTaken = location.withView { location in
            path.withView { path in
                host.withView { target.take(location: location, host: $0, path: path) }
            }
        }
        return isTaken ? target.host.view.text + target.path.view.text : nil
    }

    @Test(arguments: [
        ("/", "shop.example/"), ("/x/y", "shop.example/x/y"), ("/x/", "shop.example/x/"),
        ("x", "shop.example/a/x"), ("x/", "shop.example/a/x/"), ("./x", "shop.example/a/x"),
        ("../x", "shop.example/x"), ("../../x", "shop.example/x"), ("..", "shop.example/"),
        (".", "shop.example/a/"), ("", "shop.example/a/b"), ("?page=2", "shop.example/a/b"),
        ("#top", "shop.example/a/b"), ("/x?y#z", "shop.example/x"), ("/x#?y", "shop.example/x"),
        ("/x/./y/../z", "shop.example/x/z"), ("/x/..", "shop.example/"),
        ("/x//y", "shop.example/x//y"),
        ("/x/.", "shop.example/x/"), ("/..x/.y", "shop.example/..x/.y"),
        ("/../..", "shop.example/"),
        ("http://other.example/x", "other.example/x"),
        ("HTTPS://Other.example:8443/x", "Other.example:8443/x"),
        ("http://other.example", "other.example/"), ("http://other.example?x", "other.example/"),
        ("//other.example/x", "other.example/x"), ("http://u:p@other.example/x", "other.example/x"),
        ("http://[::1]:80/x", "[::1]:80/x"), (" /x ", "shop.example/x"),
        ("/%7Ex/%2fy/%c3%a9", "shop.example/~x/%2Fy/%C3%A9"), ("/é x", "shop.example/%C3%A9%20x"),
        ("/x/%2e%2E/y", "shop.example/y"), ("/x\\..\\y", "shop.example/y"),
        ("/%zz%", "shop.example/%zz%"),
        ("/\"<>^`{|}", "shop.example/%22%3C%3E%5E%60%7B%7C%7D"), ("/x:y", "shop.example/x:y"),
    ])
    func `a location is resolved against the request it answers`(
        _ location: String, _ expected: String
    ) {
        #expect(resolve(location) == expected)
    }

    @Test(arguments: [
        "mailto:a@b", "javascript:x", "ftp://a/x", "http:x", "http:/x", "https:", "a:b",
        "/" + String(repeating: "a", count: 1024), "*",
    ])
    func `what is no path of HTTP, or too long, is not`(_ location: String) {
        if location == "*" {
            #expect(resolve(location, path: "*") == "shop.example/*")
        } else {
            #expect(resolve(location) == nil)
        }
    }

    private func key(
        _ host: String, _ path: String, client: String = "192.0.2.7", agent: String = "curl"
    ) -> UInt64 {
        var target = RedirectTarget()
        #expect(host.withView { host in path.withView { target.take(host: host, path: $0) } })
        return client.withView { client in
            agent.withView { target.key(client: client, userAgent: $0) }
        }
    }

    @Test func `the request that follows has the redirect's key in any spelling`() {
        let expected = key("shop.example", "/a/x")
        for (host, path) in [
            ("SHOP.example", "/a/x"), ("shop.example:8443", "/a/x"), ("shop.example.", "/a/x"),
            ("shop.example", "/a/%78"), ("shop.example", "/a/./x"),
            ("Shop.Example.:1", "/b/../a/x"),
        ] {
            #expect(key(host, path) == expected)
        }
        #expect(key("[::1]:80", "/") == key("[::1]", ""))
    }

    @Test func `another client, agent, host or path has another key`() {
        let all = [
            key("shop.example", "/a"), key("shop.example", "/a/"), key("shop.example", "/A"),
            key("hop.example", "/a"), key("shop.example", "/a", client: "192.0.2.8"),
            key("shop.example", "/a", agent: "wget"), key("shop.examplex", "/a"),
            key("shop.example", "/%2Fa"), key("", "/a"),
            // Nothing moves from one part to the next.
            key("shop.example", "/a", client: "192.0.2.7c", agent: "url"),
        ]
        #expect(Set(all).count == all.count)
    }

    // MARK: Memory

    private func remember(
        _ memory: RedirectMemory, _ key: UInt64, _ path: String = "/a", status: UInt16 = 302,
        at now: UInt64 = 1
    ) {
        path.withView { path in
            memory.remember(
                key, status: status, method: ByteView("POST"), path: path, at: now,
                Timestamp(microseconds: 5))
        }
    }

    private func find(_ memory: RedirectMemory, _ key: UInt64, at now: UInt64 = 2) -> String? {
        var note = RedirectNote()
        guard memory.find(key, at: now, into: &note) else { return nil }
        return "\(note.status) \(note.method.text) \(note.path.text) \(note.time.microseconds)"
    }

    @Test func `a redirect is found by its key until it is too old`() {
        let memory = RedirectMemory()
        #expect(!memory.isWorthAsking(at: 0))
        #expect(find(memory, 0) == nil)
        #expect(find(memory, 7) == nil)
        remember(memory, 7, at: 1000)
        #expect(memory.isWorthAsking(at: 1000))
        #expect(find(memory, 7, at: 1000) == "302 POST /a 5")
        #expect(find(memory, 7, at: 10_999) == "302 POST /a 5")
        #expect(find(memory, 7, at: 11_000) == nil)
        #expect(!memory.isWorthAsking(at: 11_000))
        #expect(find(memory, 8, at: 1000) == nil)
        // 0 is a key like any other, and never there by itself.
        #expect(find(memory, 0, at: 1000) == nil)
    }

    @Test func `the last redirect with a key is the one`() {
        let memory = RedirectMemory()
        remember(memory, 7, "/a", at: 1)
        remember(memory, 7, "/bb", status: 301, at: 2)
        #expect(find(memory, 7) == "301 POST /bb 5")
        // The other places of its set are free still.
        for key in 1...3 { remember(memory, 7 + UInt64(key) * 64, at: 3) }
        #expect(find(memory, 7, at: 4) == "301 POST /bb 5")
    }

    @Test func `the oldest of a set gives way, and nothing else`() {
        let memory = RedirectMemory()
        for index in 0..<5 {
            remember(memory, UInt64(index) * 64, "/\(index)", at: UInt64(index) + 1)
        }
        #expect(find(memory, 0, at: 6) == nil)
        for index in 1..<5 {
            #expect(find(memory, UInt64(index) * 64, at: 6) == "302 POST /\(index) 5")
        }
        for key in 1000..<5000 { remember(memory, UInt64(key), at: 7) }
        let found = (1000..<5000).filter { find(memory, UInt64($0), at: 8) != nil }
        #expect(found.count == 256)
    }

    @Test func `a long path is cut, and a long method not remembered`() {
        let memory = RedirectMemory()
        remember(memory, 1, "/" + String(repeating: "a", count: 500))
        #expect(find(memory, 1)?.count == "302 POST  5".count + 252)
        let method = Array(repeating: UInt8(ascii: "M"), count: 300)
        method.withView {
            memory.remember(
                2, status: 302, method: $0, path: .empty, at: 1, Timestamp(microseconds: 5))
        }
        #expect(find(memory, 2) == nil)
    }

    @Test func `threads may remember and ask at once`() async {
        let memory = RedirectMemory()
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<8 {
                group.addTask {
                    var isWhole = true
                    for round in 0..<2000 {
                        let key = UInt64((number * 31 + round) % 300)
                        self.remember(memory, key, "/\(key)", at: UInt64(round + 1))
                        if let text = self.find(memory, key, at: UInt64(round + 1)) {
                            isWhole = isWhole && text == "302 POST /\(key) 5"
                        }
                    }
                    return isWhole
                }
            }
            for await isWhole in group { #expect(isWhole) }
        }
    }
}
