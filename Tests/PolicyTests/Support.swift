// How the tests here write policies and requests.

import HTTPSyntax
import Testing

@testable import Policy

/// `1` after `line`: every rule of a test stands on a line of its own.
func at(_ line: Int, file: Int = 0) -> Policy.SourceLocation {
    Policy.SourceLocation(file: file, line: line, column: 3)
}

func list(_ text: String, line: Int = 1) -> MethodList {
    var list = MethodList(at: at(line))
    for word in text.split(separator: " ") {
        if word == "any" {
            list.appendAny()
        } else if let method = Method(String(word)) {
            list.append(method, at: at(line))
        }
    }
    return list
}

func rule(
    _ pattern: String, _ methods: String, line: Int = 0, id: String? = nil,
    grantsWebSocket: Bool = false, _ change: (inout RuleOptions) -> Void = { _ in }
) -> RuleSource {
    var rule = RuleSource(pattern: pattern, at: at(line), methods: list(methods, line: line))
    rule.id = id
    if grantsWebSocket { rule.webSocketLocation = at(line) }
    change(&rule.options)
    return rule
}

func source(
    _ rules: [RuleSource], defaults: String = "GET", hosts: [(String, [RuleSource], String?)] = [],
    custom: [String] = [], _ change: (inout RuleOptions) -> Void = { _ in }
) -> PolicySource {
    var source = PolicySource(files: ["a.yaml", "b.yaml"], backendReadings: [nil])
    var common = ScopeSource(host: nil, at: at(1))
    common.rules = rules.enumerated().map { index, rule in
        var rule = rule
        if rule.patternLocation.line == 0 { rule.patternLocation = at(10 + index) }
        return rule
    }
    common.defaults = DefaultsSource(methods: list(defaults), at: at(2))
    if var options = common.defaults?.options {
        change(&options)
        common.defaults?.options = options
    }
    source.scopes = [common]
    for (host, rules, defaults) in hosts {
        var scope = ScopeSource(host: host, at: at(50))
        scope.rules = rules
        if let defaults { scope.defaults = DefaultsSource(methods: list(defaults), at: at(51)) }
        source.scopes.append(scope)
    }
    source.customMethods = list(custom.joined(separator: " "))
    return source
}

/// A policy that must compile, and shorthand to ask it.
final class Gate {
    let policy: CompiledPolicy
    let scratch = JudgeScratch()

    init(_ source: PolicySource) throws {
        let (policy, problems) = CompiledPolicy.compile(source)
        #expect(!problems.contains { $0.severity == .error }, "\(problems)")
        self.policy = try #require(policy)
    }

    func judge(
        _ method: String, _ path: String, host: String = "", asking requested: String? = nil
    ) -> Verdict {
        method.withView { method in
            path.withView { path in
                host.withView { host in
                    var request = PolicyRequest(
                        method: policy.methodID(method), path: path, host: host)
                    if let requested {
                        request.isPreflight = true
                        request.requestedMethod = requested.withView { policy.methodID($0) }
                    }
                    return policy.judge(request, scratch: scratch)
                }
            }
        }
    }

    func name(_ rule: Int32) -> String { rule < 0 ? "none" : policy.facts(rule).name.text }

    /// The pattern of the rule that decides the raw path.
    func pattern(_ path: String, host: String = "") -> String {
        name(judge("GET", path, host: host).rule)
    }

    func allow(_ verdict: Verdict) -> String {
        var buffer = ByteBuffer()
        policy.appendAllow(verdict.allowed, rule: verdict.rule, to: &buffer)
        return buffer.view.text
    }

    /// `405 methodBlocked GET, HEAD` or the like.
    func answer(_ method: String, _ path: String, asking: String? = nil) -> String {
        let verdict = judge(method, path, asking: asking)
        if verdict.outcome == .forward { return "forward" }
        if verdict.outcome == .malformedPath { return "400 \(verdict.malformed)" }
        let shadow = verdict.isShadowed ? "would " : ""
        return "\(shadow)\(verdict.status) \(verdict.outcome) \(allow(verdict))"
    }
}

/// The first error of a policy that must not compile.
func failure(_ source: PolicySource) -> PolicyProblem? {
    let (policy, problems) = CompiledPolicy.compile(source)
    #expect(policy == nil)
    return problems.first { $0.severity == .error }
}

/// The same numbers on every run.
struct FixedGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
