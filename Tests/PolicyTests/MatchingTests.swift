import HTTPSyntax
import Testing

@testable import Policy

struct MatchingTests {
    static let patterns = [
        "/", "/a", "/a/b", "/a/{x}", "/a/{x}/c", "/a/b/d", "/s/", "/t", "/t/", "/api",
        "/api/{r...}", "/only/{r...}", "/café", "/x/{p}/{r...}", "/x/{p}/y",
    ]
    static let found: [(String, String)] = [
        ("/", "/"), ("/a", "/a"), ("/a/", "/a"), ("/a/b", "/a/b"), ("/a/b/", "/a/b"),
        ("/a/z", "/a/{x}"), ("/a/z/c", "/a/{x}/c"), ("/a/b/c", "/a/{x}/c"), ("/a/b/d", "/a/b/d"),
        ("/a/z/d", "defaults"), ("/a/b/c/", "/a/{x}/c"), ("/s", "/s/"), ("/s/", "/s/"),
        ("/t", "/t"), ("/t/", "/t/"), ("/api", "/api"), ("/api/", "/api"),
        ("/api/v1/x", "/api/{r...}"), ("/only", "/only/{r...}"), ("/only/", "/only/{r...}"),
        ("/only/x/", "/only/{r...}"), ("/onlyx", "defaults"), ("/caf%C3%A9", "/café"),
        ("/caf%c3%a9", "/café"), ("/x/1", "/x/{p}/{r...}"), ("/x/1/y", "/x/{p}/y"),
        ("/x/1/z/y", "/x/{p}/{r...}"), ("/x", "defaults"), ("/nothing", "defaults"), ("", "/"),
        ("/only//x", "/only/{r...}"), ("/a//b", "defaults"), ("/%61/b", "/a/b"),
        ("/a/b%2Fd", "/a/{x}"), ("/a/verylongsegmentvalue", "/a/{x}"),
    ]

    @Test(arguments: found)
    func `the most specific pattern decides`(_ path: String, _ pattern: String) throws {
        for order in [Self.patterns, Self.patterns.reversed()] {
            let gate = try Gate(source(order.map { rule($0, "GET") }))
            #expect(gate.pattern(path) == pattern)
        }
    }

    @Test func `the winning rule alone decides`() throws {
        let gate = try Gate(source([rule("/a/{r...}", "GET PUT"), rule("/a/b", "GET")]))
        #expect(gate.answer("PUT", "/a/b") == "405 methodBlocked GET, HEAD")
        #expect(gate.answer("PUT", "/a/c") == "forward")
    }

    static let hosts: [(String, String)] = [
        ("api.example.com", "exact"), ("API.Example.COM", "exact"),
        ("api.example.com:8080", "exact"),
        ("api.example.com.", "exact"), ("api.example.com.:80", "exact"),
        ("x.example.com", "wild"), ("x.y.example.com", "wild"), ("example.com", "common"),
        ("x.eu.example.com", "longer"), ("eu.example.com", "wild"), ("notexample.com", "common"),
        ("", "common"), ("[::1]:8080", "six"), (".example.com", "common"), (":80", "common"),
    ]

    @Test(arguments: hosts)
    func `a host's scope is found by name, then by the longest wildcard`(
        _ host: String, _ expected: String
    ) throws {
        let gate = try Gate(
            source(
                [rule("/p", "GET", id: "common")],
                hosts: [
                    ("api.example.com", [rule("/p", "GET", id: "exact")], nil),
                    ("*.example.com", [rule("/p", "GET", id: "wild")], nil),
                    ("*.eu.example.com", [rule("/p", "GET", id: "longer")], nil),
                    ("[::1]", [rule("/p", "GET", id: "six")], nil),
                ]))
        let verdict = gate.judge("GET", "/p", host: host)
        #expect(gate.policy.facts(verdict.rule).id.text == expected)
    }

    @Test func `a host's rules come before the common ones and those before its defaults`() throws {
        let gate = try Gate(
            source(
                [rule("/a", "GET PUT"), rule("/b", "GET PUT")], defaults: "GET",
                hosts: [("h", [rule("/a", "DELETE")], "PATCH"), ("i", [], nil)]))
        #expect(gate.judge("DELETE", "/a", host: "h").outcome == .forward)
        #expect(gate.judge("PUT", "/a", host: "h").outcome == .methodBlocked)
        #expect(gate.judge("PUT", "/b", host: "h").outcome == .forward)
        #expect(gate.judge("PATCH", "/c", host: "h").outcome == .forward)
        #expect(gate.judge("GET", "/c", host: "h").outcome == .methodBlocked)
        #expect(gate.judge("GET", "/c", host: "i").outcome == .forward)
    }

    static let badHosts = ["", "*", "a.*.com", "é.com", "a..b", "a:80", "a/b", "*.*.a", ".a"]

    @Test(arguments: badHosts)
    func `a host that is no name is an error`(_ host: String) {
        #expect(failure(source([], hosts: [(host, [], nil)]))?.message.contains("the host") == true)
    }

    @Test func `defaults set twice and missing defaults are errors`() {
        var twice = source([])
        var more = ScopeSource(host: nil, at: at(8))
        more.defaults = DefaultsSource(methods: list("PUT"), at: at(9))
        twice.scopes.append(more)
        #expect(failure(twice)?.message == "defaults are set twice")
        var none = source([])
        none.scopes[0].defaults = nil
        #expect(failure(none)?.message == "defaults.methods is missing")
    }

    @Test func `a rule without backend is an error where there are several`() {
        var source = source([rule("/a", "GET") { $0.backend = 1 }])
        source.backendReadings = [nil, nil]
        #expect(failure(source)?.message == "no backend is named")
        source.scopes[0].defaults?.options.backend = 0
        #expect(CompiledPolicy.compile(source).policy != nil)
    }

    @Test func `a hundred thousand rules are told apart`() throws {
        let rules = (0..<100_000).map { number in
            rule("/svc\(number % 317)/things/\(number)/{id}", "GET")
        }
        let gate = try Gate(source(rules))
        for number in [0, 1, 316, 317, 54_321, 99_999] {
            let path = "/svc\(number % 317)/things/\(number)/7"
            #expect(gate.pattern(path) == "/svc\(number % 317)/things/\(number)/{id}")
        }
        #expect(gate.pattern("/svc0/things/1/7") == "defaults")
    }
}
