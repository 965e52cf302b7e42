import Configuration
import HTTPSyntax
import Policy

/// Puts an explanation into words, for people and for programs.
struct Explainer {
    let settings: Settings
    let request: PolicyRequest
    var explanation: Explanation
    let method: String
    /// By what it comes; nil: nobody says.
    let connection: ExplainedConnection?
    var overrides: [ExplainedOverride] = []
    /// It passes, and Max-Forwards lets it go no further than the gate.
    var isLastHop = false

    var isBlocked: Bool {
        switch explanation.verdict.outcome {
        case .forward, .answerOptions: false
        default: !explanation.verdict.isShadowed
        }
    }

    /// `forward`, `block`, ….
    private var word: String {
        let verdict = explanation.verdict
        if verdict.isShadowed { return "would-block" }
        switch verdict.outcome {
        case .forward where isLastHop:
            return request.method == .trace ? "answer-trace" : "answer-options"
        case .forward: return "forward"
        case .answerOptions: return "answer-options"
        case .methodBlocked: return "method-blocked"
        case .preflightBlocked: return "preflight-blocked"
        case .overrideBlocked: return "override-blocked"
        case .ambiguousPath: return "ambiguous-path"
        case .malformedPath: return "malformed-request"
        }
    }

    private var sentence: String {
        let verdict = explanation.verdict
        let status = verdict.status == 0 ? "closed without an answer" : "\(verdict.status)"
        switch verdict.outcome {
        case .forward: return way
        case .answerOptions: return "answered here: 204 with Allow"
        case .malformedPath: return "refused with 400: \(verdict.malformed.text)"
        case _ where verdict.isShadowed:
            return "\(way), and logged as would-block (mode: shadow)"
        case .methodBlocked: return "blocked: \(status)"
        case .preflightBlocked: return "blocked: \(status); the preflight's method is not allowed"
        case .overrideBlocked: return "blocked: \(status); an override of the method"
        case .ambiguousPath: return "blocked: \(status); the readings of the path differ"
        }
    }

    /// What becomes of a request that passes.
    private var way: String {
        guard isLastHop else { return "forwarded to backend \(backendName)" }
        return request.method == .trace
            ? "answered here: 200 with the request itself (Max-Forwards: 0)"
            : "answered here: 204 with Allow (Max-Forwards: 0)"
    }

    /// What the answer and the record say besides.
    private var hint: String? {
        let verdict = explanation.verdict
        guard isBlocked else { return nil }
        if verdict.hintReadings { return "\(Verdict.readingsHint)" }
        guard verdict.outcome == .methodBlocked, verdict.status == 405,
            facts?.blockedStatus.hidesRule == false
        else { return nil }
        var path = ByteBuffer()
        let passes = settings.policy.passesAtOtherSlash(
            request, scratch: JudgeScratch(), path: &path)
        return passes ? "\(method) is allowed at \(path.view.text)" : nil
    }

    private func word(_ override: ExplainedOverride) -> String {
        if let unjudged = override.unjudged { return unjudged }
        return switch override.ruling {
        case .passes: "allowed"
        case .wouldBlock: "not allowed, but logged only (mode: shadow)"
        case .blocks where facts?.overrides == .deny: "not accepted (override: deny)"
        case .blocks: "not allowed"
        }
    }

    private var facts: RuleFacts? {
        explanation.verdict.rule < 0 ? nil : settings.policy.facts(explanation.verdict.rule)
    }

    private var backendName: String {
        guard let facts, facts.backend >= 0 else { return "?" }
        return settings.backends[Int(facts.backend)].name
    }

    private func allow(_ set: MethodSet, _ rule: Int32) -> String {
        var text = ByteBuffer()
        settings.policy.appendAllow(set, rule: rule, to: &text)
        return text.view.text
    }

    /// Whether a GET of this path may become a tunnel; nil where no rule says so.
    private var upgrade: String? {
        if explanation.grantsWebSocket { return "websocket: a GET that asks for it may switch" }
        guard facts?.grantsWebSocket == true else { return nil }
        return "none: another reading of the path finds a rule that does not grant it"
    }

    func text(color: Bool) -> String {
        let mark = isBlocked ? "\u{1b}[31m" : "\u{1b}[32m"
        let (on, off) = color ? (mark, "\u{1b}[0m") : ("", "")
        var text = "\(method): \(on)\(sentence)\(off)\n"
        if let connection { text += connection.text(host: request.host) }
        guard let facts else { return text }
        text += Self.line(facts)
        guard explanation.verdict.outcome != .malformedPath else { return text }
        let allowed = allow(explanation.verdict.allowed, explanation.verdict.rule)
        text += "  allowed  \(allowed.isEmpty ? "nothing" : allowed)\n"
        if let upgrade { text += "  upgrade  \(upgrade)\n" }
        if let hint { text += "  hint     \(hint)\n" }
        for override in overrides { text += "  override \(override.text): \(word(override))\n" }
        guard
            explanation.readings.contains(where: { $0.rules.count > 1 })
                || explanation.readings.count > 1
        else { return text }
        text += "  readings of the path:\n"
        for reading in explanation.readings {
            let rules = reading.rules.map { settings.policy.facts($0).id.text }
            let list = allow(reading.allowed, reading.rules.first ?? explanation.verdict.rule)
            text += "    \(reading.path)  →  \(rules.joined(separator: ", ")): "
            text += "\(list.isEmpty ? "nothing" : list)\n"
        }
        return text
    }

    var json: JSON {
        var members: [(String, JSON)] = [
            ("verdict", .string(word)), ("blocked", .bool(isBlocked)),
        ]
        // Of a request that is forwarded the backend decides, unless it is the gate's on paper.
        if explanation.verdict.outcome != .forward {
            members.append(("status", .number(Int(explanation.verdict.status))))
        } else if isLastHop {
            members.append(("status", .number(request.method == .trace ? 200 : 204)))
        }
        if explanation.verdict.outcome == .malformedPath {
            members.append(("reason", .string("\(explanation.verdict.malformed.text)")))
        }
        if let connection { members += connection.members(host: request.host) }
        if let facts { members += Self.members(facts) }
        // What a rule allows has nothing to do with what is refused under any.
        if facts != nil, explanation.verdict.outcome != .malformedPath {
            let allowed = allow(explanation.verdict.allowed, explanation.verdict.rule)
            members.append(("allowed", .array(Self.split(allowed))))
            let upgrades = explanation.grantsWebSocket ? [JSON.string("websocket")] : []
            members.append(("upgrade", .array(upgrades)))
            if !isBlocked, !isLastHop, explanation.verdict.outcome != .answerOptions {
                members.append(("backend", .string(backendName)))
            }
        }
        if let hint { members.append(("hint", .string(hint))) }
        if !overrides.isEmpty { members.append(("overrides", .array(overrides.map(json)))) }
        members.append(("readings", .array(explanation.readings.map(json))))
        return .object(members)
    }

    /// Which rule it is.
    static func line(_ facts: RuleFacts) -> String {
        "  rule     \(facts.id.text)  (\(facts.name.text), \(facts.ref.text))\n"
    }

    static func members(_ facts: RuleFacts) -> [(String, JSON)] {
        [
            ("rule_id", .string(facts.id.text)), ("rule_name", .string(facts.name.text)),
            ("rule_ref", .string(facts.ref.text)),
        ]
    }

    private func json(_ reading: Explanation.Reading) -> JSON {
        let rules = reading.rules.map { JSON.string(settings.policy.facts($0).id.text) }
        let list = allow(reading.allowed, reading.rules.first ?? explanation.verdict.rule)
        return .object([
            ("path", .string(reading.path)), ("rules", .array(rules)),
            ("allowed", .array(Self.split(list))),
        ])
    }

    private func json(_ override: ExplainedOverride) -> JSON {
        .object([
            ("source", .string(override.source)), ("method", .string(override.method)),
            ("verdict", .string(word(override))),
        ])
    }

    private static func split(_ list: String) -> [JSON] {
        list.split(separator: ",").map { item in
            .string(String(item.drop { $0 == " " }))
        }
    }
}
