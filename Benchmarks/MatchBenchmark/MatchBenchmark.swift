// Matches paths against policies of different sizes, so that callgrind can count what a match
// costs and a clock can time it. Only `measuredMatches` is of interest; the rest prepares.

import HTTPSyntax
import Policy

/// The same five kinds of rule for each resource, as `rules.py` beside this folder makes them.
struct RuleSet {
    let source: PolicySource
    /// One path for each rule; its length does not depend on the number of rules.
    let paths: [[UInt8]]

    init(count: Int) {
        var scope = ScopeSource(host: nil, at: Self.place)
        var paths: [[UInt8]] = []
        let methods = Self.methods(["GET", "POST"])
        for number in 0..<(count / 5) {
            let service = Self.padded(number / 100, 3)
            let base = "/service-\(service)/resource-\(Self.padded(number % 100, 2))"
            for (tail, path) in Self.tails {
                scope.rules.append(
                    RuleSource(pattern: base + tail, at: Self.place, methods: methods))
                paths.append(Array((base + path).utf8))
            }
        }
        scope.defaults = DefaultsSource(methods: Self.methods(["GET"]), at: Self.place)
        var source = PolicySource(files: ["benchmark.yaml"], backendReadings: [nil])
        source.scopes = [scope]
        self.source = source
        self.paths = paths
    }

    private static let place = SourceLocation(file: 0, line: 1, column: 1)
    private static let tails = [
        ("", ""), ("/{id}", "/4711"), ("/{id}/notes", "/4711/notes"),
        ("/{id}/state", "/4711/state"), ("/{id}/files/{path...}", "/4711/files/a/b.txt"),
    ]

    private static func methods(_ names: [String]) -> MethodList {
        var list = MethodList(at: place)
        for method in names.compactMap({ Method($0) }) { list.append(method, at: place) }
        return list
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// Judges one request for each of `paths`; returns how many would be forwarded.
///
/// No closure in here: its name would hold this function's, which callgrind looks for.
@inline(never)
func measuredMatches(_ policy: CompiledPolicy, _ paths: [[UInt8]], _ scratch: JudgeScratch) -> Int {
    var forwarded = 0
    for path in paths where isForwarded(path, by: policy, scratch) { forwarded += 1 }
    return forwarded
}

func isForwarded(_ path: [UInt8], by policy: CompiledPolicy, _ scratch: JudgeScratch) -> Bool {
    path.withView { view in
        let host = ByteView("example.com" as StaticString)
        let request = PolicyRequest(method: .get, path: view, host: host)
        return policy.judge(request, scratch: scratch).outcome == .forward
    }
}

@main
enum MatchBenchmark {
    static func main() {
        if CommandLine.arguments.dropFirst().first == "hostile" {
            judgeHostile()
            return
        }
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard numbers.count == 2, numbers[0] >= 5, numbers[1] > 0 else {
            print("usage: MatchBenchmark RULES MATCHES | hostile NUMBER")
            return
        }
        let rules = RuleSet(count: numbers[0])
        let clock = ContinuousClock()
        let start = clock.now
        let (policy, problems) = CompiledPolicy.compile(rules.source)
        let compiling = clock.now - start
        guard let policy else { fatalError(problems.first?.message ?? "no policy, no problem") }
        let drawn = draw(numbers[1], from: rules.paths)
        let scratch = JudgeScratch()
        var forwarded = 0
        let matching = clock.measure { forwarded = measuredMatches(policy, drawn, scratch) }
        let each = (matching / numbers[1]).components.attoseconds / 1_000_000_000
        print(
            "\(numbers[0]) rules compiled in \(compiling); \(each) ns a match, "
                + "\(forwarded) of \(numbers[1]) forwarded")
    }

    /// One hostile path, by its number; says nothing where there is none of that number.
    private static func judgeHostile() {
        let paths = HostilePaths.all
        guard let number = CommandLine.arguments.last.flatMap({ Int($0) }),
            paths.indices.contains(number),
            let policy = CompiledPolicy.compile(RuleSet(count: 10).source).0
        else { return }
        let scratch = JudgeScratch()
        let clock = ContinuousClock()
        var best = Duration.seconds(1)
        for _ in 0..<20 {
            best = min(best, clock.measure { _ = measuredMatches(policy, [paths[number]], scratch) })
        }
        print("\(best.components.attoseconds / 1_000_000_000_000)")
    }

    /// `count` paths drawn uniformly, the same ones in every run.
    static func draw(_ count: Int, from paths: [[UInt8]]) -> [[UInt8]] {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return paths[Int(state % UInt64(paths.count))]
        }
    }
}
