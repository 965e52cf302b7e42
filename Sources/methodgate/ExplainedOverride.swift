import HTTP1
import HTTPSyntax
import Policy

/// An override of a request that is explained, and what becomes of it.
struct ExplainedOverride {
    /// The field's name, `query`, or `--override`.
    let source: String
    /// What it asks for, as it is judged.
    let method: String
    let isMethod: Bool
    let ruling: OverrideRuling
    /// Why it is not judged; nil where it is.
    let unjudged: String?

    /// `DELETE, which the query asks for`.
    var text: String {
        let place = source == "query" || source == "content" ? "the \(source)" : source
        return isMethod
            ? "\(method), which \(place) asks for" : "another method, which \(place) may ask for"
    }
}

/// The overrides of one request, and the verdict that comes of them.
struct ExplainedOverrides {
    private(set) var all: [ExplainedOverride] = []
    /// The verdict on the request; that on its method if all overrides pass.
    private(set) var verdict: Verdict
    private let policy: CompiledPolicy
    private let request: PolicyRequest
    private let allowance: OverrideAllowance
    private let mode: OverrideMode
    private let scratch = JudgeScratch()
    /// A field makes a POST of it, for whoever looks at parameters next.
    private var becomesPost = false

    /// - Parameter verdict: that on the method, which lets the request pass.
    init(_ policy: CompiledPolicy, _ request: PolicyRequest, _ verdict: Verdict) {
        self.policy = policy
        self.request = request
        self.verdict = verdict
        mode = policy.overrides(verdict.rule)
        allowance = policy.overrideAllowance(request, verdict, scratch: scratch)
    }

    /// Judges what the head shows, in the order of the gate, and then `more`.
    mutating func judge(_ head: borrowing RequestHead, in bytes: ByteView, more: [String]) {
        for index in 0..<head.fields.count {
            let line = head.fields[index]
            guard line.name.isMethodOverride,
                !ConnectionOption.names(line, in: bytes, fields: head.fields)
            else { continue }
            let text = bytes.slice(Int(line.valueOffset), Int(line.valueLength))
            judge(scratch.override(inField: text), "\(line.name.name)")
        }
        if becomesPost || bytes.slice(0, head.methodLength).equalsIgnoringCase(ByteView("POST")) {
            judgePost(head, in: bytes)
        }
        for method in more {
            method.withView { judge(scratch.override(inField: $0), "--override") }
        }
    }

    private mutating func judgePost(_ head: borrowing RequestHead, in bytes: ByteView) {
        if head.target.queryLength > 1 {
            let query = bytes.slice(
                head.target.pathOffset + head.target.pathLength + 1, head.target.queryLength - 1)
            var offset = 0
            while let found = scratch.override(inQuery: query, from: &offset) {
                judge(found, "query")
            }
        }
        judgeReadings()
        guard allowance.judges, !head.framing.isNone,
            ContentReading(of: head, in: bytes).obstacle != nil
        else { return }
        note(allowance.rulingOnUnseen, on: nil)
        all.append(
            ExplainedOverride(
                source: "content", method: "", isMethod: false, ruling: allowance.rulingOnUnseen,
                unjudged: nil))
    }

    /// What is a query to a backend that decodes the path before it cuts at `?`.
    private mutating func judgeReadings() {
        guard verdict.readings > 1 else { return }
        for index in 0..<scratch.readingCount {
            var offset = 0
            while let found = scratch.override(inReading: index, from: &offset) {
                judge(found, "query")
            }
        }
    }

    private mutating func judge(_ value: OverrideValue?, _ source: String) {
        guard let value else { return }
        var ruling = OverrideRuling.passes
        if allowance.judges {
            let method = policy.method(of: value)
            ruling = allowance.ruling(on: method)
            if method == .post { becomesPost = true }
            note(ruling, on: method)
        }
        all.append(
            ExplainedOverride(
                source: source, method: value.text.text, isMethod: value.isMethod, ruling: ruling,
                unjudged: unjudged(source)))
    }

    private mutating func note(_ ruling: OverrideRuling, on method: MethodID?) {
        let isWorse = ruling == .blocks || verdict.outcome == .forward
        guard ruling != .passes, isWorse, !isDecided else { return }
        verdict = policy.verdict(ruling, on: method, of: request.method, allowance, after: verdict)
    }

    /// An override blocks the request already.
    private var isDecided: Bool { verdict.outcome == .overrideBlocked && !verdict.isShadowed }

    private func unjudged(_ source: String) -> String? {
        guard !allowance.judges else { return nil }
        return switch mode {
        case .check, .deny, .ignore: "not looked at"
        case .strip: source.hasPrefix("X-") ? "removed" : "not looked at"
        }
    }
}
