import HTTPSyntax
import Testing

@testable import Policy

struct ReadingTests {
    /// PUT is blocked below /admin and allowed everywhere else.
    static func gate(_ level: ReadingLevel = .all) throws -> Gate {
        try Gate(
            source([rule("/admin", "GET"), rule("/admin/{r...}", "GET")], defaults: "any") {
                $0.readings = level
            })
    }

    static let bypasses: [(String, ReadingLevel)] = [
        ("/%61dmin", .exact), ("/%61%64%6D%69%6e/x", .exact),
        ("//admin", .standard), ("/a/../admin", .standard), ("/./admin", .standard),
        ("/a/%2e%2e/admin", .standard), ("/.%2E/admin", .standard), ("/a/./../admin/", .standard),
        ("/%2561dmin", .all), ("/admin%2f", .all), ("/admin%2Fx", .all), ("/%2Fadmin", .all),
        ("/a%2f..%2fadmin", .all), ("/a/%252e%252e/admin", .all), ("/x/..;/admin", .all),
        ("/ADMIN", .all), ("/Admin/x", .all), ("/admin.", .all), ("/admin..", .all),
        ("/admin%20", .all), ("/admin%0a", .all), ("/admin%20./x", .all), ("/admin;x=1", .all),
        ("/;x/admin", .all), ("/a;b/..;c/admin;d", .all), ("/admin%3Bx", .all),
        ("/admin%5c", .all), ("/admin%5Cx", .all), ("/a%5c..%5cadmin", .all), ("/%5cadmin", .all),
        ("/admin%3fx", .all), ("/admin%23x", .all), ("/admin%253Fx", .all),
        ("/a/%c0%ae%c0%ae/admin", .all), ("/a/..%c0%afadmin", .all), ("/a%e0%80%af../admin", .all),
        ("/a/..%c1%9cadmin", .all), ("/%c1%a1dmin", .all), ("/a%c0%2f..%c0%2fadmin", .all),
        ("/a%f0%80%80%af../admin", .all), ("/a/.. /admin".replacing(" ", with: "%20"), .all),
        ("/a%252f..%252fadmin", .all), ("/a%2f%2e%2e%5cADMIN%3b", .all),
        ("/a/b/../../admin", .standard),
        ("/admin%2e", .all), ("/a%2F..%2Fadmin%2F.", .all), ("///x/admin", .all),
        ("/////x//admin", .all), ("/admin+", .all), ("/admin++/x", .all), ("/admin%1f", .all),
        ("/admin%01%0d", .all), ("/admin%a0", .all), ("/admin%c2%85", .all),
        ("/admin%20%e3%80%80", .all), ("/%20admin/x", .all), ("/%ef%bb%bfadmin", .all),
        ("/ad%0d%0amin", .all), ("/a%09dmin/x", .all), ("/admin::$DATA", .all),
        ("/admin:$I30:$index_allocation/x", .all), ("/admin%3a%3a$DATA", .all),
        ("/admin::%24DATA", .all), ("/admin%ef%bc%8fx", .all), ("/%ef%bd%81dmin", .all),
        ("/a/%ef%bc%8e%ef%bc%8e/admin", .all), ("/admin%ef%bc%9fx", .all),
        ("/ad/(S(x))min/y", .all), ("/(S(x))/ad/(F(x))m/(S(y))in", .all),
        ("/(S(x))/admin", .all), ("/(a(x)F(y))/admin/x", .all), ("/%28S(x)%29)/admin", .all),
        ("/a/..%f8%80%80%80%afadmin", .all), ("/a/..%fc%80%80%80%80%afadmin", .all),
    ]

    @Test(arguments: bypasses)
    func `a known bypass is blocked from its level on`(_ path: String, _ from: ReadingLevel) throws
    {
        for level in [ReadingLevel.exact, .standard, .all] {
            let verdict = try Self.gate(level).judge("PUT", path)
            #expect((verdict.outcome != .forward) == (level >= from), "\(path) at \(level)")
        }
    }

    @Test func `overlong forms are read by both kinds of decoders`() throws {
        let gate = try Gate(source([rule("/{a}/y", "GET")], defaults: "any"))
        // `C0 2F` is a slash to who does not look, else two bytes; `E0 80 AF` is one to both.
        #expect(gate.judge("PUT", "/%C0%2f%e0%80%afy").outcome == .ambiguousPath)
        #expect(gate.judge("PUT", "/x%e0%40%afy").outcome == .ambiguousPath)
    }

    static let malformed: [(String, PathProblem)] = [
        ("/admin%00", .nulEscape), ("/admin%2500", .nulEscape), ("/a%c0%80", .nulEscape),
        ("/a%", .malformedEscape), ("/a%4", .malformedEscape), ("/a%4g", .malformedEscape),
        ("/%u0061", .unicodeEscape), ("/%U0061", .unicodeEscape), ("/%25u002f", .unicodeEscape),
        ("/a\\b", .backslash), ("/a b", .controlByte), ("/a\u{7f}", .controlByte),
        ("/a\u{1}", .controlByte), ("/aaaaaaaaaaaaaaaa\t", .controlByte), ("/é", .nonASCII),
        ("/aaaaaaaaé", .nonASCII), ("admin", .noLeadingSlash), ("*", .noLeadingSlash),
        ("/%25252e", .tooManyDecodings), ("/%2525252e", .tooManyDecodings),
    ]

    @Test(arguments: malformed)
    func `a path without a safe reading is refused`(_ path: String, _ problem: PathProblem) throws {
        let verdict = try Self.gate().judge("GET", path)
        #expect(verdict.outcome == .malformedPath)
        #expect(verdict.status == 400)
        #expect(verdict.malformed == problem)
    }

    static let harmless = [
        "/files/a%20b", "/Users/Bob", "/a/b;v=1/c", "/caf%C3%A9", "/a//b", "/x%2Fy", "/x/%3Fy",
        "/x/file.tar.gz", "/.well-known/x", "/a%2525b", "/x/%7Eme", "/100%25", "/100%25unique",
        "/x...", "/a+b", "/c++", "/$metadata", "/x:$y", "/caf%C3%A0", "/%EF%BC%A1", "/a%C2%A0b",
        "/a%2Fb%2520c", "/Group%2FProject%20One/File;v=2/../x", "/a:b@c,d=e&f!g'h(i)*",
    ]

    @Test(arguments: harmless)
    func `an odd path is forwarded where every reading allows the method`(_ path: String) throws {
        #expect(try Self.gate().answer("PUT", path) == "forward")
    }

    @Test func `too many readings are refused`() throws {
        let verdict = try Self.gate().judge(
            "PUT", "/A/..;/b%2F..%5C..;x/c%252F%C0%AE./D%3F%23.%20.")
        #expect(verdict.malformed == .tooManyReadings)
        let long = "/" + String(repeating: "A.b;c%2F../", count: 3000)
        #expect(try Self.gate().judge("PUT", long).malformed == .tooManyReadings)
    }

    @Test func `an encoded slash under a parameter is ambiguous and hints at the level`() throws {
        let rules = [rule("/projects/{id}", "GET PUT")]
        let gate = try Gate(source(rules))
        let verdict = gate.judge("PUT", "/projects/group%2Fx")
        #expect(verdict.outcome == .ambiguousPath && verdict.hintReadings)
        #expect(gate.allow(verdict) == "GET, HEAD" && verdict.status == 405)
        #expect(gate.name(verdict.rule) == "/projects/{id}")
        let standard = try Gate(
            source([rule("/projects/{id}", "GET PUT") { $0.readings = .standard }]))
        #expect(standard.answer("PUT", "/projects/group%2Fx") == "forward")
    }

    @Test func `the level is the rule's, else the backend's, else the defaults'`() throws {
        var source = source(
            [rule("/a/{x}", "PUT"), rule("/b/{x}", "PUT") { $0.readings = .all }], defaults: "GET")
        let path = "/a/x%2Fy"
        #expect(try Gate(source).judge("PUT", path).outcome == .ambiguousPath)
        source.scopes[0].defaults?.options.readings = .standard
        #expect(try Gate(source).judge("PUT", path).outcome == .forward)
        source.backendReadings = [.all]
        #expect(try Gate(source).judge("PUT", path).outcome == .ambiguousPath)
        source.backendReadings = [.exact]
        #expect(try Gate(source).judge("PUT", path).outcome == .forward)
        #expect(try Gate(source).judge("PUT", "/b/x%2Fy").outcome == .ambiguousPath)
    }

    @Test func `a pattern with upper case is matched as written and folded`() throws {
        let gate = try Gate(source([rule("/API/{x}", "PUT"), rule("/API/{x}/{r...}", "GET")]))
        #expect(gate.answer("PUT", "/API/7") == "forward")
        #expect(gate.answer("PUT", "/api/7") == "405 ambiguousPath ")
    }

    @Test func `a pattern with upper case beside wilder ones is still the more specific`() throws {
        let gate = try Gate(
            source([rule("/{x}", "GET"), rule("/Users", "PUT"), rule("/{r...}", "GET")]))
        #expect(gate.pattern("/Users") == "/Users")
        #expect(gate.pattern("/users") == "/{x}")
        #expect(gate.answer("PUT", "/Users") == "forward")
        #expect(gate.answer("GET", "/users") == "405 ambiguousPath ")
        #expect(gate.answer("GET", "/others") == "forward")
        #expect(gate.answer("GET", "/Others") == "forward")
    }

    static let own: [(String, String)] = [
        ("/Users/{id}", "/Users/Bob"), ("/café", "/caf%C3%A9"), ("/a b/{x}", "/a%20b/1"),
        ("/a%2Fb/{x}", "/a%2Fb/1"), ("/v;x=1/{y}", "/v;x=1/z"), ("/end.", "/end."),
        ("/Über/{x}.".replacing(".", with: ""), "/%C3%9Cber/q"), ("/q%3Fr", "/q%3Fr"),
        ("/100%25", "/100%25"), ("/A;b%2F%C3%A9.", "/A;b%2F%C3%A9."),
    ]

    @Test(arguments: own)
    func `a pattern's own paths pass although readings change both`(
        _ pattern: String, _ path: String
    ) throws {
        let gate = try Gate(
            source([rule(pattern, "PUT"), rule("/plain/{x}", "GET")], defaults: "GET"))
        #expect(gate.answer("PUT", path) == "forward")
    }

    @Test func `patterns that coincide under a reading are intersected, plain paths too`() throws {
        let gate = try Gate(source([rule("/Admin", "GET PUT"), rule("/admin", "GET POST")]))
        #expect(gate.answer("GET", "/admin") == "forward")
        #expect(gate.answer("GET", "/Admin") == "forward")
        #expect(gate.answer("POST", "/admin") == "405 ambiguousPath GET, HEAD")
        #expect(gate.answer("PUT", "/Admin") == "405 ambiguousPath GET, HEAD")
        let exact = try Gate(
            source([rule("/Admin", "GET PUT"), rule("/admin", "GET POST")]) { $0.readings = .exact }
        )
        #expect(exact.answer("POST", "/admin") == "forward")
    }

    @Test func `a shadowed raw rule does not lift what another reading enforces`() throws {
        let gate = try Gate(
            source(
                [rule("/open/{r...}", "GET") { $0.mode = .shadow }, rule("/admin", "GET")],
                defaults: "any"))
        #expect(gate.answer("PUT", "/open/x") == "would 405 methodBlocked GET, HEAD")
        #expect(gate.answer("PUT", "/open/../admin") == "405 ambiguousPath GET, HEAD")
    }

    @Test func `explain shows each reading with its rules`() throws {
        let gate = try Self.gate()
        let explanation = "/x/..%2Fadmin".withView { path in
            gate.policy.explain(PolicyRequest(method: .put, path: path, host: .empty))
        }
        #expect(explanation.verdict.outcome == .ambiguousPath)
        #expect(explanation.readings.first?.path == "/x/..%2Fadmin")
        #expect(explanation.readings.count == Int(explanation.verdict.readings))
        let admin = explanation.readings.first { $0.path == "/admin" }
        #expect(admin?.rules.map(gate.name) == ["/admin"])
        let plain = "/x".withView { path in
            gate.policy.explain(PolicyRequest(method: .put, path: path, host: .empty))
        }
        #expect(plain.readings.map(\.path) == ["/x"])
    }

    /// The definition, without any table: some composition of steps, applied to path and patterns
    /// alike, gives a winner that disallows the method; then the gate must not forward.
    @Test func `no composition of steps reaches a rule that disallows the method`() throws {
        var generator = FixedGenerator(state: 42)
        let pieces = [
            "a", "B", "b", ".", "..", "%2e", "/", "/", "%2F", "%5c", ";", "%3B", "%20", "%61",
            "%2561",
            "%25", "%3f", "%23", "A", "%c0%af", "%c3%a9",
        ]
        let patternSets: [[String]] = [
            ["/a", "/a/{x}", "/b/{r...}"], ["/A", "/a/b", "/B/{x}"], ["/a;b/{x}", "/a/b", "/é"],
            ["/a%2Fb", "/a/b/{r...}", "/a."], ["/{x}", "/a", "/%2561", "/A%3F"],
        ]
        var forwarded = 0
        for round in 0..<3000 {
            var path = "/"
            for _ in 0..<Int.random(in: 1...5, using: &generator) {
                path += pieces.randomElement(using: &generator) ?? ""
            }
            let patterns = patternSets[round % patternSets.count]
            let allows = patterns.map { _ in Bool.random(using: &generator) }
            let rules = zip(patterns, allows).map { rule($0, $1 ? "PUT" : "GET") }
            let defaultAllows = Bool.random(using: &generator)
            let gate = try Gate(source(rules, defaults: defaultAllows ? "PUT" : "GET"))
            guard gate.judge("PUT", path).outcome == .forward else { continue }
            forwarded += 1
            for _ in 0..<20 {
                let steps = (0..<Int.random(in: 0...4, using: &generator)).compactMap { _ in
                    PathStep.allCases.randomElement(using: &generator)
                }
                let winner = try Self.winner(path, patterns, after: steps)
                let passes = winner.allSatisfy { $0 < 0 ? defaultAllows : allows[$0] }
                #expect(passes, "\(path) \(patterns) \(allows) \(defaultAllows) \(steps)")
            }
        }
        #expect(forwarded > 300)
    }

    /// The most specific patterns for a path after steps, by brute force; -1 is the default.
    private static func winner(
        _ path: String, _ patterns: [String], after steps: [PathStep]
    ) throws -> [Int] {
        var bytes = Array(path.utf8)
        var spellings = try patterns.map { try PathPattern(parsing: $0).spelling }
        // A backend sees the path as sent; only the case of an escape's digits says nothing.
        bytes = upper(bytes)
        for step in steps {
            bytes = PatternViews.apply(step, to: bytes)
            spellings = spellings.map { PatternViews.apply(step, to: $0) }
        }
        let matching = spellings.indices.filter { matches(spellings[$0], bytes) }
        let best = matching.filter { index in
            !matching.contains { isNarrower(spellings[$0], spellings[index]) }
        }
        return best.isEmpty ? [-1] : best
    }

    private static func upper(_ path: [UInt8]) -> [UInt8] {
        var result = path
        for index in path.indices where path[index] == 0x25 {
            for offset in 1...2 where ASCII.isLetter(path[index + offset]) {
                result[index + offset] &= 0xdf
            }
        }
        return result
    }

    private static func segments(_ bytes: [UInt8]) -> [[UInt8]] {
        var segments = bytes.dropFirst().split(separator: 0x2f, omittingEmptySubsequences: false)
        if segments.last?.isEmpty == true { segments.removeLast() }
        return segments.map(Array.init)
    }

    private static func matches(_ pattern: [UInt8], _ path: [UInt8]) -> Bool {
        let parts = segments(pattern)
        let values = segments(path)
        for (index, part) in parts.enumerated() {
            if part == [0, 0] { return true }
            guard index < values.count else { return false }
            if part == [0] ? values[index].isEmpty : part != values[index] { return false }
        }
        return parts.count == values.count
    }

    private static func isNarrower(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        func kinds(_ pattern: [UInt8]) -> [Int] {
            segments(pattern).map { $0 == [0, 0] ? 2 : $0 == [0] ? 1 : 0 } + [1]
        }
        let (left, right) = (kinds(one), kinds(other))
        if left == right { return false }
        for (index, kind) in right.enumerated() {
            if kind == 2 { return true }
            guard index < left.count, left[index] <= kind else { return false }
        }
        return true
    }
}
