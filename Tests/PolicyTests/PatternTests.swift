import HTTPSyntax
import Testing

@testable import Policy

struct PatternTests {
    static let accepted: [(String, String)] = [
        ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a/{x}", "/a/\0"),
        ("/a/{x}/b", "/a/\0/b"), ("/a/{r...}", "/a/\0\0"), ("/a/*", "/a/\0\0"),
        ("/*", "/\0\0"), ("/{r...}", "/\0\0"), ("/café", "/caf%C3%A9"),
        ("/caf%c3%a9", "/caf%C3%A9"), ("/%61b", "/ab"), ("/a b", "/a%20b"), ("/a%2Fb", "/a%2Fb"),
        ("/a;b=c", "/a;b=c"), ("/.well-known/x", "/.well-known/x"), ("/a%2Ab", "/a*b"),
        ("/%7Bx%7D", "/%7Bx%7D"), ("/...", "/..."),
    ]

    @Test(arguments: accepted)
    func `a pattern is spelled as requests are`(_ pattern: String, _ spelling: String) throws {
        #expect(try PathPattern(parsing: pattern).spelling == Array(spelling.utf8))
    }

    static let refused: [(String, String)] = [
        ("", "does not begin with a slash"), ("a/b", "does not begin with a slash"),
        ("/a?b", "holds '?'"), ("/a#b", "holds '#'"), ("/a/../b", "holds a dot segment"),
        ("/a/./b", "holds a dot segment"), ("/a/..", "holds a dot segment"),
        ("/a/%2e%2E", "holds a dot segment"), ("//a", "holds an empty segment"),
        ("/a//b", "holds an empty segment"), ("/a//", "holds an empty segment"),
        ("/a%", "holds a malformed escape"), ("/a%2", "holds a malformed escape"),
        ("/a%zz", "holds a malformed escape"), ("/a%00", "holds %00"),
        ("/{", "malformed segment '{'"), ("/{a", "malformed segment '{a'"),
        ("/a{b}", "malformed segment 'a{b}'"), ("/{a}{b}", "malformed segment '{a}{b}'"),
        ("/{a}b", "malformed segment '{a}b'"), ("/}", "malformed segment '}'"),
        ("/{}", "names a parameter ''"), ("/{...}", "names a parameter ''"),
        ("/{a b}", "names a parameter 'a b'"), ("/{a.}", "names a parameter 'a.'"),
        ("/{r...}/a", "holds '{r...}' before its end"), ("/{r...}/", "before its end"),
        ("/*/a", "holds '*' before its end"), ("/a*", "holds '*' inside a segment"),
        ("/{a}/{a}", "names two parameters 'a'"), ("/{a}/{a...}", "names two parameters 'a'"),
        ("/a\\b", "holds a backslash"), ("/a\u{1}", "holds a control character"),
        ("/" + String(repeating: "a/", count: 80), "more than 60 segments"),
    ]

    @Test(arguments: refused)
    func `a malformed pattern is refused with the reason`(_ pattern: String, _ reason: String) {
        let problem = failure(source([rule(pattern, "GET", line: 7)]))
        #expect(problem?.message.contains(reason) == true, "\(problem?.message ?? "")")
        #expect(problem?.location == at(7))
    }

    static let same: [(String, String)] = [
        ("/a", "/a"), ("/caf%C3%A9", "/café"), ("/{id}", "/{x}"), ("/a/{r...}", "/a/*"),
        ("/%61", "/a"), ("/a/{x}/b", "/a/{y}/b"), ("/", "/"), ("/a%2fb", "/a%2Fb"),
    ]

    @Test(arguments: same)
    func `the same pattern twice is an error at both places`(_ one: String, _ other: String) {
        let problem = failure(source([rule(one, "GET", line: 3), rule(other, "PUT", line: 9)]))
        #expect(problem?.message.contains("is already at a.yaml:3") == true)
        #expect(problem?.location == at(9))
        #expect(problem?.related == [at(3)])
    }

    @Test func `the same pattern in two files is an error`() {
        var source = source([rule("/a", "GET", line: 3)])
        var included = ScopeSource(host: nil, at: at(1, file: 1))
        included.rules = [RuleSource(pattern: "/a", at: at(4, file: 1), methods: list("GET"))]
        source.scopes.append(included)
        #expect(failure(source)?.message == "the pattern '/a' is already at a.yaml:3")
    }

    static let overlapping: [[String]] = [
        ["/a/{x}", "/{y}/b"], ["/{y}/b", "/a/{x}"], ["/a/{r...}", "/{y}/b"],
        ["/x/a/{p}/c", "/x/{q}/b/c"], ["/a/{x}/{r...}", "/{y}/b/{s...}"],
        ["/a/{x}/{r...}", "/{y}/b"], ["/{a}", "/api/{r...}"], ["/a/b/{r...}", "/{x}/b/c"],
        ["/a/{x}/c", "/{y}/b/{z}"], ["/a/{x}/", "/{y}/b"], ["/a/{x}/d/e", "/{y}/b/{r...}"],
        ["/x/{y}", "/{z}/k", "/q"], ["/{p}/x/{r...}", "/a/{q}/{z}/t"],
    ]

    @Test(arguments: overlapping)
    func `patterns that cross are an error that names both`(_ patterns: [String]) {
        let rules = patterns.enumerated().map { rule($1, "GET", line: 3 + $0) }
        let problem = failure(source(rules))
        #expect(problem?.message.contains("overlaps with") == true, "\(problem?.message ?? "none")")
        #expect(problem?.location == at(4))
        #expect(problem?.related == [at(3)])
        #expect(problem?.message.contains("a.yaml:3") == true)
    }

    static let compatible: [[String]] = [
        ["/a/{x}", "/a/b"], ["/a/{x}", "/b/{y}"], ["/a/{r...}", "/a/{x}", "/a/b", "/a"],
        ["/a/{x}/c", "/{y}/b/d"], ["/{x}", "/{x}/{y}", "/{x}/{y}/{r...}"], ["/a", "/a/"],
        ["/{a}", "/api", "/api/{r...}"], ["/api/", "/{a}", "/api/{r...}"],
        ["/a/{x}/{r...}", "/a/b/{r...}", "/a/b/c"], ["/{r...}", "/", "/a/{b}"],
        ["/a/{x}", "/{y}/b/c"], ["/{p}/b", "/a/b", "/a/b/{r...}", "/{p}/b/{r...}"],
    ]

    @Test(arguments: compatible)
    func `nested and disjoint patterns load in any order`(_ patterns: [String]) {
        for order in [patterns, patterns.reversed()] {
            let (policy, problems) = CompiledPolicy.compile(source(order.map { rule($0, "GET") }))
            #expect(policy != nil, "\(problems)")
        }
    }

    @Test func `all problems are reported at once`() {
        let (policy, problems) = CompiledPolicy.compile(
            source([
                rule("/a?", "GET"), rule("b", "get"), rule("/c", "PSOT"), rule("/d", "CONNECT"),
            ]))
        #expect(policy == nil)
        #expect(problems.count == 4)
    }

    @Test func `a colon segment is a literal with a warning`() {
        let (policy, problems) = CompiledPolicy.compile(source([rule("/a/:id", "GET")]))
        #expect(policy != nil)
        #expect(problems.map(\.severity) == [.warning])
    }

    @Test func `patterns that branch beyond measure are an error`() {
        let rules = (0..<8192).map { number in
            let segments = (0..<13).map { number >> $0 & 1 == 0 ? "a" : "{p\($0)}" }
            return rule("/" + segments.joined(separator: "/") + "/e\(number)", "GET")
        }
        #expect(failure(source(rules))?.message.contains("branch so much") == true)
    }

    /// Patterns as sets of all short paths over a small alphabet, compared by brute force.
    @Test func `overlap and precedence agree with sets of paths`() throws {
        var generator = FixedGenerator(state: 7)
        let parts = ["a", "b", "{x}", "{y...}"]
        let words = ["a", "b", "c"]
        var paths = ["/"]
        for one in words {
            paths.append("/\(one)")
            for two in words {
                paths.append("/\(one)/\(two)")
                for three in words { paths.append("/\(one)/\(two)/\(three)") }
                paths.append("/\(one)//\(two)")
            }
        }
        var loaded = 0
        for _ in 0..<600 {
            var patterns: [String] = []
            for _ in 0..<Int.random(in: 2...4, using: &generator) {
                var pattern = ""
                for depth in 0..<Int.random(in: 1...3, using: &generator) {
                    guard let part = parts.randomElement(using: &generator) else { continue }
                    pattern += "/" + part.replacingOccurrences(of: "x", with: "x\(depth)")
                    if part.hasSuffix("...}") { break }
                }
                patterns.append(pattern)
            }
            let (policy, _) = CompiledPolicy.compile(source(patterns.map { rule($0, "GET") }))
            let sets = patterns.map { pattern in
                Set(paths.filter { Self.matches(pattern, $0, among: patterns) })
            }
            var clashes = Set(patterns.map(Self.generic)).count < patterns.count
            for left in sets.indices {
                for right in sets.indices where left < right {
                    let common = sets[left].intersection(sets[right])
                    if !common.isEmpty, common != sets[left], common != sets[right] {
                        clashes = true
                    }
                }
            }
            #expect((policy == nil) == clashes, "\(patterns)")
            guard policy != nil, !clashes else { continue }
            loaded += 1
            let gate = try Gate(source(patterns.map { rule($0, "GET") }))
            for path in paths {
                let best = patterns.indices.filter { sets[$0].contains(path) }
                    .min { sets[$0].count < sets[$1].count }
                #expect(
                    gate.pattern(path) == best.map { patterns[$0] } ?? "defaults",
                    "\(patterns) \(path)")
            }
        }
        #expect(loaded > 100)
    }

    private static func generic(_ pattern: String) -> String {
        pattern.split(separator: "/").map { part in
            part.hasSuffix("...}") ? "{...}" : part.hasPrefix("{") ? "{}" : String(part)
        }.joined(separator: "/")
    }

    /// A trailing form covers what stands before it unless that has a rule of its own.
    private static func matches(_ pattern: String, _ path: String, among all: [String]) -> Bool {
        let parts = pattern.split(separator: "/")
        let segments =
            path == "/"
            ? []
            : path.dropFirst().split(
                separator: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if part.hasSuffix("...}") {
                if index < segments.count || segments.isEmpty { return true }
                let own = generic(parts.dropLast().map { "/" + $0 }.joined())
                return !all.contains { generic($0) == own }
            }
            guard index < segments.count else { return false }
            if part.hasPrefix("{") ? segments[index].isEmpty : part != segments[index] {
                return false
            }
        }
        return parts.count == segments.count
    }
}

extension String {
    fileprivate func replacingOccurrences(of old: Character, with new: String) -> String {
        map { $0 == old ? new : String($0) }.joined()
    }
}
