package import Gateway
import HTTPSyntax
import Policy

// Requests by rule, over all workers and over reloads: a configuration's counts are added up by
// the rule's id once no worker decides by it any more, so that a counter never falls.

/// One label set of the metric.
struct RuleKey: Hashable, Comparable {
    var rule: String
    var method: String
    var decision: Decision

    static func < (left: RuleKey, right: RuleKey) -> Bool {
        (left.rule, left.method, left.decision.rawValue)
            < (right.rule, right.method, right.decision.rawValue)
    }
}

/// What was decided by one rule.
struct RuleCounts {
    var forwarded: UInt64 = 0
    var blocked: UInt64 = 0
    var wouldBlock: UInt64 = 0

    /// What enforcing stops, or would.
    var stopped: UInt64 { blocked &+ wouldBlock }

    mutating func add(_ count: UInt64, _ decision: Decision) {
        switch decision {
        case .forwarded: forwarded &+= count
        case .blocked: blocked &+= count
        case .wouldBlock: wouldBlock &+= count
        }
    }
}

/// What former configurations counted.
package struct RuleTotals {
    /// Rules with a label of their own; the counts of all others go by `_other`.
    static let limit = 2000

    private var former: [RuleKey: UInt64] = [:]

    package init() {}

    /// Takes in what a worker counted under a configuration that it has left.
    package mutating func retire(_ counters: RuleCounters) { Self.add(counters, to: &former) }

    /// Everything so far.
    func all(_ current: [RuleCounters?]) -> [RuleKey: UInt64] {
        var sums = former
        for counters in current { if let counters { Self.add(counters, to: &sums) } }
        return Self.bounded(sums)
    }

    /// By the rule's id, whatever the method: of all rules there are and were.
    func byRule(_ current: [RuleCounters?]) -> [String: RuleCounts] {
        var sums = former
        for counters in current { if let counters { Self.add(counters, to: &sums) } }
        return sums.reduce(into: [:]) { rules, sum in
            rules[sum.key.rule, default: RuleCounts()].add(sum.value, sum.key.decision)
        }
    }

    private static func add(_ counters: RuleCounters, to sums: inout [RuleKey: UInt64]) {
        counters.visit { rule, method, decision, count in
            let id = counters.policy.facts(Int32(rule)).id.text
            sums[RuleKey(rule: id, method: method, decision: decision), default: 0] += count
        }
    }

    private static func bounded(_ sums: [RuleKey: UInt64]) -> [RuleKey: UInt64] {
        let rules = Set(sums.keys.map(\.rule))
        guard rules.count > limit else { return sums }
        let kept = Set(rules.sorted().prefix(limit))
        var result: [RuleKey: UInt64] = [:]
        for (key, count) in sums {
            var key = key
            if !kept.contains(key.rule) { key.rule = "_other" }
            result[key, default: 0] += count
        }
        return result
    }
}
