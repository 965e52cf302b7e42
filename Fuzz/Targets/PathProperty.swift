package import HTTPSyntax
import Policy
import StrictHTTP

/// If a method is blocked where some server takes a request target, it is blocked on the target,
/// however that is spelled: one generated policy, and any number of targets against it.
package final class PathProperty {
    /// What became of the targets so far.
    package struct Counts: Sendable {
        package var targets = 0
        package var forwarded = 0
        package var blocked = 0
        package var refused = 0
        /// Blocked although the path, read plainly, leads to a rule that allows the method.
        package var caught = 0

        package init() {}

        package static func += (left: inout Counts, right: Counts) {
            left.targets += right.targets
            left.forwarded += right.forwarded
            left.blocked += right.blocked
            left.refused += right.refused
            left.caught += right.caught
        }
    }

    let model: PolicyModel
    package private(set) var counts = Counts()
    private let policy: CompiledPolicy
    private let scratch = JudgeScratch()
    private let level: ReadingLevel
    private var generator: PathGenerator
    /// The servers that the level promises to cover, and the patterns as they read them.
    private let servers: [(server: ServerModel, patterns: [[PolicyModel.Part]])]

    /// Nil where the generated rules are no policy: patterns that cross, or the same twice.
    ///
    /// - Parameters:
    ///   - level: the readings that the gate judges.
    ///   - promised: the level whose servers are asked; the same unless a test wants to see
    ///     what less judging lets through.
    package init?(seed: UInt64, level: ReadingLevel, promised: ReadingLevel? = nil) {
        generator = PathGenerator(seed: seed)
        let model = PolicyModel(rules: generator.rules(), defaultAllows: generator.chance(50))
        guard let policy = Self.compile(model, level) else { return nil }
        self.model = model
        self.policy = policy
        self.level = level
        servers = ServerModel.all.filter { $0.level <= promised ?? level }
            .map { ($0, model.patterns(for: $0)) }
    }

    private static func compile(_ model: PolicyModel, _ level: ReadingLevel) -> CompiledPolicy? {
        let here = SourceLocation(file: 0, line: 1, column: 1)
        func methods(_ isAllowed: Bool) -> MethodList {
            var list = MethodList(at: here)
            let names = isAllowed ? ["GET", "PUT"] : ["GET"]
            for name in names { Method(name).map { list.append($0, at: here) } }
            return list
        }
        var scope = ScopeSource(host: nil, at: here)
        scope.rules = model.rules.map {
            var rule = RuleSource(pattern: $0.pattern, at: here, methods: methods($0.isAllowed))
            rule.options.overrides = $0.overrides
            return rule
        }
        var defaults = DefaultsSource(methods: methods(model.defaultAllows), at: here)
        defaults.options.readings = level
        scope.defaults = defaults
        var source = PolicySource(files: ["generated"], backendReadings: [nil])
        source.scopes = [scope]
        return CompiledPolicy.compile(source).policy
    }

    /// The next generated target.
    package func generate() -> [UInt8] {
        if generator.chance(30) { return generator.soup() }
        let index = Int.random(in: 0..<model.rules.count, using: &generator.generator)
        return generator.spelling(of: model.rules[index])
    }

    /// Judges a PUT of `path`, by itself and as the override of a GET, and asks every server where
    /// it would end.
    package func check(_ path: [UInt8]) throws(Finding) {
        try checkOverride(path)
        try checkMethod(path)
    }

    /// A GET, which every rule allows, with a field that makes a PUT of it.
    private func checkOverride(_ path: [UInt8]) throws(Finding) {
        let raw: OverrideMode? = path.withView { path in
            let request = PolicyRequest(method: .get, path: path, host: .empty)
            let verdict = policy.judge(request, scratch: scratch)
            guard verdict.outcome == .forward else { return nil }
            let isJudged = policy.judgesOverrides(request, verdict, scratch: scratch)
            let allowance = policy.overrideAllowance(request, verdict, scratch: scratch)
            if isJudged, allowance.ruling(on: .put) != .passes { return nil }
            return policy.overrides(verdict.rule)
        }
        guard let raw else { return }
        var asked = servers
        if level == .all {
            let server = ServerModel.chance(&generator.generator)
            asked.append((server, model.patterns(for: server)))
        }
        for (server, patterns) in asked {
            let read = server.read(path)
            if model.allowsOverride(read, among: patterns, raw: raw) { continue }
            throw Finding(
                """
                GET \(String(latin1: path)) that is overridden to PUT is forwarded, and \
                \(server.name) takes it to \(String(latin1: ServerPaths.join(read))), where that is \
                blocked
                  rules: \(model.rules)
                  default: \(model.defaultAllows ? "PUT" : "GET")
                """)
        }
    }

    private func checkMethod(_ path: [UInt8]) throws(Finding) {
        counts.targets += 1
        let verdict = path.withView { path in
            policy.judge(
                PolicyRequest(method: .put, path: path, host: .empty), scratch: scratch)
        }
        let plain = servers[0]
        switch verdict.outcome {
        case .forward: counts.forwarded += 1
        case .malformedPath:
            counts.refused += 1
            return
        default:
            counts.blocked += 1
            if model.allows(plain.server.read(path), among: plain.patterns) { counts.caught += 1 }
            return
        }
        for (server, patterns) in servers { try check(path, server, patterns) }
        if level == .all {
            let server = ServerModel.chance(&generator.generator)
            try check(path, server, model.patterns(for: server))
        }
        try checkRule(path, verdict)
    }

    private func check(
        _ path: [UInt8], _ server: ServerModel, _ patterns: [[PolicyModel.Part]]
    ) throws(Finding) {
        let read = server.read(path)
        if model.allows(read, among: patterns) { return }
        let place = ServerPaths.join(read)
        throw Finding(
            """
            PUT \(String(latin1: path)) is forwarded, and \(server.name) takes it to \
            \(String(latin1: place).debugDescription), where it is blocked
              rules: \(model.rules.map { "\($0.pattern) \($0.isAllowed ? "PUT" : "GET")" })
              default: \(model.defaultAllows ? "PUT" : "GET")
            """)
    }

    /// The rule that is reported is the one that the path finds when nothing is done to it.
    private func checkRule(_ path: [UInt8], _ verdict: Verdict) throws(Finding) {
        let plain = servers[0]
        let winners = model.winners(plain.server.read(path), among: plain.patterns)
        let facts = policy.facts(verdict.rule)
        let text = String(latin1: path)
        if facts.isDefault {
            try require(winners.isEmpty, "\(text) finds \(winners), not the default")
        } else {
            let patterns = winners.map { model.rules[$0].pattern }
            let name = String(latin1: facts.name.bytes)
            try require(patterns == [name], "\(text) finds \(patterns), not \(name)")
        }
    }

    /// What is shown to people comes to the same verdict, by another way: no short cut is taken.
    package func checkExplanation(_ path: [UInt8]) throws(Finding) {
        let (verdict, explanation) = path.withView { path in
            let request = PolicyRequest(method: .put, path: path, host: .empty)
            return (policy.judge(request, scratch: scratch), policy.explain(request))
        }
        try require(explanation.verdict.outcome, equals: verdict.outcome, "outcome")
        try require(explanation.verdict.allowed, equals: verdict.allowed, "allowed")
        try require(explanation.verdict.rule, equals: verdict.rule, "rule")
        guard verdict.outcome != .malformedPath else { return }
        let readings = explanation.readings
        let allAllow = readings.allSatisfy { $0.allowed.contains(.put) }
        try require(allAllow, equals: verdict.outcome == .forward, "allowed by all readings")
        try require(readings.count <= PathReadings.maximumCount, "too many readings")
        try require(readings.allSatisfy { $0.path.hasPrefix("/") }, "a reading without a slash")
    }
}
