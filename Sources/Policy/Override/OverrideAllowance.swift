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
    /// The strictest of what these rules say of overrides.
    fileprivate private(set) var mode: OverrideMode
    /// Whether one that takes none is enforced.
    private var isDenialEnforced = false

    fileprivate init(_ raw: RuleRecord, _ methods: MethodSet) {
        mode = raw.overrides
        add(raw, methods)
    }

    /// A rule that only another reading finds.
    fileprivate mutating func addOther(_ rule: RuleRecord, _ methods: MethodSet) {
        findsSeveralRules = true
        switch rule.overrides {
        case .ignore: break
        case .check: if mode != .deny { mode = .check }
        // What it would remove goes out where the rule of the raw path looks away: so it is looked at.
        case .strip: if mode == .ignore { mode = .check }
        case .deny: mode = .deny
        }
        add(rule, methods)
    }

    private mutating func add(_ rule: RuleRecord, _ methods: MethodSet) {
        listed = listed.intersection(methods)
        passing = passing.intersection(rule.mode == .shadow ? methods.union(.any) : methods)
        guard rule.mode == .enforce else { return }
        isEnforced = true
        if rule.overrides == .deny { isDenialEnforced = true }
    }

    /// Whether anything is to be looked at.
    package var judges: Bool { mode == .check || mode == .deny }

    /// What becomes of an override; nil: it is no method at all.
    package func ruling(on method: MethodID?) -> OverrideRuling {
        if isDenialEnforced { return .blocks }
        var ruling = OverrideRuling.passes
        if let method {
            if !passing.contains(method) { return .blocks }
            ruling = listed.contains(method) ? .passes : .wouldBlock
        } else {
            ruling = isEnforced ? .blocks : .wouldBlock
        }
        return mode == .deny && ruling == .passes ? .wouldBlock : ruling
    }

    /// Whether a rule takes no override, whatever it asks for.
    package var refusesAll: Bool { mode == .deny }

    /// What becomes of content that may hold any override: it passes where every method does but
    /// TRACE and CONNECT.
    package var rulingOnUnseen: OverrideRuling {
        if isDenialEnforced || passing.intersection(.any) != .any { return .blocks }
        return mode != .deny && listed.intersection(.any) == .any ? .passes : .wouldBlock
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
        var allowance = OverrideAllowance(raw, allows[Int(raw.allow)].methods)
        guard mayFindOthers(verdict) else { return allowance }
        closeReadings(of: request, verdict, scratch)
        let scope = scope(of: request.host)
        for index in 0..<scratch.readings.count {
            forEachRule(of: index, scope: scope, scratch) { found in
                guard found != verdict.rule else { return }
                let record = rules[Int(found)]
                allowance.addOther(record, allows[Int(record.allow)].methods)
            }
        }
        return allowance
    }

    /// Whether readings may find other rules than the one of the raw path: where no pattern changes
    /// with any step, a path with one reading finds one rule.
    private func mayFindOthers(_ verdict: Verdict) -> Bool {
        viewCount != 1 || verdict.readings != 1
    }

    private func closeReadings(
        of request: PolicyRequest, _ verdict: Verdict, _ scratch: JudgeScratch
    ) {
        let path = request.path.isEmpty ? ByteView("/") : request.path
        scratch.readings.begin(path)
        _ = close(path, rules[Int(verdict.rule)].readings, scratch)
    }

    /// Whether overrides of a request that was judged with `verdict` are looked at. A rule that
    /// looks away answers for its own paths: not for those that other readings find.
    package func judgesOverrides(
        _ request: PolicyRequest, _ verdict: Verdict, scratch: JudgeScratch
    ) -> Bool {
        switch overrides(verdict.rule) {
        case .check, .deny: return true
        case .strip, .ignore: break
        }
        guard mayFindOthers(verdict) else { return false }
        return overrideAllowance(request, verdict, scratch: scratch).judges
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
        result.lifted = result.isShadowed ? allowance.passing : nil
        result.hintReadings =
            ruling == .blocks && allowance.mode == .check
            && method.map(allows[Int(record.allow)].methods.contains) ?? false
        let status = record.blockedStatus.code
        result.status = status == 405 && result.allowed.contains(request) ? 403 : status
        return result
    }
}
