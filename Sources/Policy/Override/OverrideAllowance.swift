// What a request may ask for besides its own method: the same that its path allows, over every
// reading of the path.

package import HTTPSyntax

/// What becomes of an override.
package enum OverrideRuling: UInt8, Sendable, BitwiseCopyable {
    case passes
    /// Forwarded and logged: only rules in shadow mode object.
    case wouldBlock
    case blocks
}

/// The overrides that one path lets pass: a few words, kept while content is inspected.
package struct OverrideAllowance: BitwiseCopyable, Sendable {
    /// What all rules that readings of the path find allow on paper, and what really passes
    /// where shadow lifts.
    fileprivate(set) var listed = MethodSet(registered: ~0, custom: ~0, others: true)
    fileprivate(set) var passing = MethodSet(registered: ~0, custom: ~0, others: true)
    /// Whether one of these rules is enforced.
    fileprivate var isEnforced = false
    fileprivate var findsSeveralRules = false
    /// Of the rule that the raw path finds.
    fileprivate let mode: OverrideMode
    fileprivate let isShadow: Bool

    fileprivate init(mode: OverrideMode, isShadow: Bool) {
        self.mode = mode
        self.isShadow = isShadow
    }

    fileprivate mutating func add(_ methods: MethodSet, _ mode: Mode) {
        listed = listed.intersection(methods)
        passing = passing.intersection(mode == .shadow ? methods.union(.any) : methods)
        if mode == .enforce { isEnforced = true }
    }

    /// What becomes of an override; nil: it is no method at all.
    package func ruling(on method: MethodID?) -> OverrideRuling {
        if mode == .deny && !isShadow { return .blocks }
        var ruling = OverrideRuling.passes
        if let method {
            if !passing.contains(method) { return .blocks }
            ruling = listed.contains(method) ? .passes : .wouldBlock
        } else {
            ruling = isEnforced ? .blocks : .wouldBlock
        }
        return mode == .deny && ruling == .passes ? .wouldBlock : ruling
    }

    /// Whether the rule takes no override, whatever it asks for.
    package var refusesAll: Bool { mode == .deny }

    /// What becomes of content that may hold any override: it passes where every method does but
    /// TRACE and CONNECT.
    package var rulingOnUnseen: OverrideRuling {
        if mode == .deny { return isShadow ? .wouldBlock : .blocks }
        if listed.intersection(.any) == .any { return .passes }
        return passing.intersection(.any) == .any ? .wouldBlock : .blocks
    }
}

extension CompiledPolicy {
    /// What a rule says of overrides.
    package func overrides(_ rule: Int32) -> OverrideMode { rules[Int(rule)].overrides }

    /// The fields that a rule lets pass besides.
    package func passedFields(_ rule: Int32) -> PassedFields { rules[Int(rule)].passedFields }

    /// What the path of a request allows that was judged with `verdict` just now.
    package func overrideAllowance(
        _ request: PolicyRequest, _ verdict: Verdict, scratch: JudgeScratch
    ) -> OverrideAllowance {
        let raw = rules[Int(verdict.rule)]
        var allowance = OverrideAllowance(mode: raw.overrides, isShadow: raw.mode == .shadow)
        allowance.add(allows[Int(raw.allow)].methods, raw.mode)
        // Where no pattern changes with any step, a path with one reading finds one rule.
        if viewCount == 1 && verdict.readings == 1 { return allowance }
        scratch.readings.begin(request.path.isEmpty ? ByteView("/") : request.path)
        _ = close(request.path.isEmpty ? ByteView("/") : request.path, raw.readings, scratch)
        let scope = scope(of: request.host)
        for index in 0..<scratch.readings.count {
            forEachRule(of: index, scope: scope, scratch) { found in
                let record = rules[Int(found)]
                if found != verdict.rule { allowance.findsSeveralRules = true }
                allowance.add(allows[Int(record.allow)].methods, record.mode)
            }
        }
        return allowance
    }

    /// The number of the method that an override asks for; nil where it is none.
    package func method(of value: OverrideValue) -> MethodID? {
        value.isMethod ? methodID(value.text) : nil
    }

    /// The verdict on a request whose override does not pass; `verdict` is that on its method.
    package func verdict(
        _ ruling: OverrideRuling, on method: MethodID?, of request: MethodID,
        _ allowance: OverrideAllowance, after verdict: Verdict
    ) -> Verdict {
        var result = verdict
        let record = rules[Int(verdict.rule)]
        result.outcome = .overrideBlocked
        result.findsSeveralRules = allowance.findsSeveralRules
        result.isShadowed = ruling == .wouldBlock
        result.allowed = result.isShadowed ? allowance.listed : allowance.passing
        result.hintReadings =
            ruling == .blocks && allowance.mode == .check
            && method.map(allows[Int(record.allow)].methods.contains) ?? false
        let status = record.blockedStatus.code
        result.status = status == 405 && result.allowed.contains(request) ? 403 : status
        return result
    }
}
