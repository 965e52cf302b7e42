import Audit
import HTTP1
import HTTPSyntax
import Policy
import Transport

// Methods that a request carries besides its own, as far as its head shows: in fields, and for a
// POST in the query. What its content may hold is settled here too, and looked for as it streams
// (ContentWatch.swift). See docs/method-overrides.md.

/// What the record and the answer say of an override that does not pass. The views are of a head,
/// a scanner or literals, and are used up before any of them goes on.
struct OverrideNote {
    /// The field's name, `query` or `content`.
    var source = ByteView.empty
    /// What it asks for, in upper case; empty where that is not known.
    var value = ByteView.empty
    var isMethod = false
    /// For the operator.
    var reason: StaticString = ""
}

/// What the overrides of a head came to.
enum OverrideOutcome {
    /// The request has been answered; how many bytes were used.
    case rejected(Int)
    /// The request may go on; its content is to be watched.
    ///
    /// - Parameters:
    ///   - isRecorded: shadow lets it through, which has its record or was dropped from a full log.
    ///   - record: the id of that record; nil where another verdict made it.
    case passes(WatchedContent?, isRecorded: Bool, record: EventID?)
}

/// A request whose overrides are being judged.
private struct OverrideCase {
    let head: ByteView
    let verdict: Verdict
    let request: PolicyRequest
    /// Found out for the first override.
    var allowance: OverrideAllowance?
    /// The request has its record of what shadow lets through.
    var isRecorded: Bool
    var record: EventID?
    /// A field makes a POST of it, for whoever looks at parameters next.
    var becomesPost = false
}

extension Ref<Worker> {
    /// Whether the head in `request` can hold an override at all: of nearly every request but a
    /// POST this is false.
    var mayCarryOverride: Bool {
        let method = value.request.method
        return mayHaveOverrideField || method == .post || !method.isRegistered
    }

    /// The same for its fields alone.
    var mayHaveOverrideField: Bool {
        value.request.fields.present & FieldName.methodOverrides != 0
            || value.request.flags.contains(.hasVariants)
    }

    /// Symfony compares the method in upper case.
    private func isPost(_ head: ByteView) -> Bool {
        value.request.method == .post
            || head.slice(0, value.request.methodLength).equalsIgnoringCase(ByteView("POST"))
    }
}

extension Ref<ClientConnection> {
    /// Judges what the head of an allowed request shows.
    func judgeOverrides(
        _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest
    ) -> OverrideOutcome {
        let worker = value.worker
        guard worker.judgesOverrides(request, verdict) else {
            return .passes(nil, isRecorded: verdict.isShadowed, record: nil)
        }
        var matter = OverrideCase(
            head: head, verdict: verdict, request: request, isRecorded: verdict.isShadowed)
        if let used = judgeFields(&matter) { return .rejected(used) }
        guard worker.isPost(head) || matter.becomesPost else {
            return .passes(nil, isRecorded: matter.isRecorded, record: matter.record)
        }
        if let used = judgeQuery(&matter) ?? judgeReadings(&matter) { return .rejected(used) }
        var content: WatchedContent?
        if !worker.value.request.framing.isNone {
            let reading = ContentReading(of: worker.value.request, in: head)
            if let obstacle = reading.obstacle {
                if let used = judgeUnseen(obstacle, &matter) { return .rejected(used) }
            } else if reading.isInspected {
                content = WatchedContent(reading: reading, isRecorded: matter.isRecorded)
            }
        }
        return .passes(content, isRecorded: matter.isRecorded, record: matter.record)
    }

    private func judgeFields(_ matter: inout OverrideCase) -> Int? {
        let worker = value.worker
        for index in 0..<worker.value.request.fields.count {
            let line = worker.value.request.fields[index]
            guard line.name.isMethodOverride,
                !ConnectionOption.names(
                    line, in: matter.head, fields: worker.value.request.fields)
            else { continue }
            let text = matter.head.slice(Int(line.valueOffset), Int(line.valueLength))
            guard let override = worker.value.scratch.with({ $0.override(inField: text) }) else {
                continue
            }
            if let used = judge(override, in: ByteView(line.name.name), &matter) { return used }
        }
        return nil
    }

    private func judgeQuery(_ matter: inout OverrideCase) -> Int? {
        let worker = value.worker
        let target = worker.value.request.target
        guard target.queryLength > 1 else { return nil }
        let query = matter.head.slice(
            target.pathOffset + target.pathLength + 1, target.queryLength - 1)
        var offset = 0
        while let override = worker.value.scratch.with({
            $0.override(inQuery: query, from: &offset)
        }) {
            if let used = judge(override, in: ByteView("query"), &matter) { return used }
        }
        return nil
    }

    /// The same for what is a query to a backend that decodes the path before it cuts at `?`.
    private func judgeReadings(_ matter: inout OverrideCase) -> Int? {
        guard matter.verdict.readings > 1 else { return nil }
        // The readings are there afterwards.
        _ = allowance(&matter)
        let worker = value.worker
        for index in 0..<worker.value.scratch.with({ $0.readingCount }) {
            var offset = 0
            while let override = worker.value.scratch.with({
                $0.override(inReading: index, from: &offset)
            }) {
                if let used = judge(override, in: ByteView("query"), &matter) { return used }
            }
        }
        return nil
    }

    /// Rejects what does not pass, records what shadow lets through; the bytes used where it was
    /// rejected.
    private func judge(
        _ override: OverrideValue, in source: ByteView, _ matter: inout OverrideCase
    ) -> Int? {
        let allowance = allowance(&matter)
        let method = value.worker.value.use.value.policy.with { $0.method(of: override) }
        let ruling = allowance.ruling(on: method)
        if method == .post { matter.becomesPost = true }
        guard ruling != .passes else { return nil }
        value.worker.value.override = OverrideNote(
            override, in: source, isRefused: allowance.refusesAll)
        return settle(ruling, on: method, allowance, &matter)
    }

    /// The same for content that nobody can look into.
    private func judgeUnseen(
        _ obstacle: ContentReading.Obstacle, _ matter: inout OverrideCase
    ) -> Int? {
        let allowance = allowance(&matter)
        let ruling = allowance.rulingOnUnseen
        guard ruling != .passes else { return nil }
        value.worker.value.override = OverrideNote(
            source: ByteView("content"), reason: obstacle.reason)
        return settle(ruling, on: nil, allowance, &matter)
    }

    private func settle(
        _ ruling: OverrideRuling, on method: MethodID?, _ allowance: OverrideAllowance,
        _ matter: inout OverrideCase
    ) -> Int? {
        let (verdict, request) = (matter.verdict, matter.request)
        let blocked = value.worker.value.use.value.policy.with {
            $0.verdict(ruling, on: method, of: request.method, allowance, after: verdict)
        }
        if ruling == .blocks { return reject(matter.head, blocked, request) }
        if !matter.isRecorded {
            matter.record = recordWouldBlock(matter.head, blocked, request)
        }
        matter.isRecorded = true
        return nil
    }

    private func allowance(_ matter: inout OverrideCase) -> OverrideAllowance {
        if let known = matter.allowance { return known }
        let found = value.worker.overrideAllowance(
            matter.request, matter.verdict, value.worker.value.use)
        matter.allowance = found
        return found
    }
}

extension Ref<Worker> {
    fileprivate func judgesOverrides(_ request: PolicyRequest, _ verdict: Verdict) -> Bool {
        value.scratch.with { scratch in
            value.use.value.policy.with { $0.judgesOverrides(request, verdict, scratch: scratch) }
        }
    }

    /// What the path allows; the readings that were judged are in `scratch` afterwards.
    func overrideAllowance(
        _ request: PolicyRequest, _ verdict: Verdict, _ use: Ref<SnapshotUse>
    ) -> OverrideAllowance {
        value.scratch.with { scratch in
            use.value.policy.with { $0.overrideAllowance(request, verdict, scratch: scratch) }
        }
    }
}

extension OverrideNote {
    /// - Parameter isRefused: the rule takes no override at all.
    init(_ override: OverrideValue, in source: ByteView, isRefused: Bool) {
        self.source = source
        value = override.text
        isMethod = override.isMethod
        reason =
            isRefused
            ? "the rule takes no override of the method"
            : override.isMethod
                ? "the rule does not list the method of an override"
                : "an override of the method that is no method, or can be read in several ways"
    }
}
