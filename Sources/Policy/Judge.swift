// From a request to its verdict. A path that no backend can read otherwise costs one scan and
// one look-up; any other is judged by every reading, and passes only if each allows it.

internal import HTTPSyntax

/// What the rules found so far say.
private struct Tally {
    let request: PolicyRequest
    private(set) var rulesPassed = false
    private(set) var rulesFailed = false
    /// Whether a rule that failed is enforced.
    private(set) var isEnforced = false
    /// What all rules allow on paper, and what really passes where shadow lifts.
    private(set) var listed = MethodSet.any
    private(set) var passing = MethodSet.any
    private(set) var findsSeveral = false
    private var last: Int32 = -1

    init(_ request: PolicyRequest) {
        self.request = request
        listed.insert(.trace)
        passing.insert(.trace)
    }

    /// TRACE and CONNECT are beyond what shadow lifts.
    private var isBeyondShadow: Bool { request.method == .trace || request.method == .connect }

    mutating func add(_ rule: Int32, _ record: RuleRecord, _ methods: MethodSet) {
        guard rule != last else { return }
        if last >= 0 { findsSeveral = true }
        last = rule
        listed = listed.intersection(methods)
        passing = passing.intersection(
            record.mode == .shadow ? methods.union(.any) : methods)
        if passes(record, methods) {
            rulesPassed = true
        } else {
            rulesFailed = true
            if record.mode == .enforce || isBeyondShadow { isEnforced = true }
        }
    }

    private func passes(_ record: RuleRecord, _ methods: MethodSet) -> Bool {
        let isAsking = request.isPreflight && request.method == .options && record.options != .list
        guard isAsking else { return methods.contains(request.method) }
        return request.requestedMethod.map(methods.contains) ?? false
    }
}

extension MethodSet {
    /// What belongs to either.
    func union(_ other: MethodSet) -> MethodSet {
        MethodSet(
            registered: registered | other.registered, custom: custom | other.custom,
            others: others || other.others)
    }
}

extension CompiledPolicy {
    /// Judges a request. A plain path costs one look-up and allocates nothing; others reuse the
    /// storage of `scratch`.
    package func judge(_ request: PolicyRequest, scratch: JudgeScratch) -> Verdict {
        let path = request.path.isEmpty ? ByteView("/") : request.path
        let traits = PathScan.traits(of: path)
        if !traits.isDisjoint(with: [.refused, .percent]) || path[0] != 0x2f {
            let problem = PathScan.problem(in: path)
            if problem != .none { return malformed(problem, rule: -1) }
        }
        let scope = scope(of: request.host)
        if traits.contains(.percent) { return judgeEscaped(request, path, scope, scratch) }
        let rule = rawRule(path, scope: scope)
        let record = rules[Int(rule)]
        let isPlain = traits.isDisjoint(with: Self.ambiguous(at: record.readings))
        if isPlain && plainViews(at: record.readings) == 1 {
            return judgePlain(request, rule, record)
        }
        if isPlain || traits == .upperCase, path.count <= Self.foldedOnStack,
            passesQuickly(request, path, isFolded: !isPlain, rule, scope, scratch)
        {
            return Verdict(
                outcome: .forward, isShadowed: false, hintReadings: false, malformed: .none,
                status: 0, rule: rule, readings: isPlain ? 1 : 2,
                allowed: allows[Int(record.allow)].methods)
        }
        scratch.readings.begin(path)
        let problem = close(path, record.readings, scratch)
        if problem != .none { return malformed(problem, rule: rule) }
        return judgeReadings(request, scope, rule, scratch)
    }

    private static let foldedOnStack = 1024

    /// Whether a path which no step changes, or only folding, passes by every rule it finds,
    /// and these have the methods of the raw one's. Otherwise the readings are to be computed.
    private func passesQuickly(
        _ request: PolicyRequest, _ path: ByteView, isFolded: Bool, _ rule: Int32, _ scope: Int,
        _ scratch: JudgeScratch
    ) -> Bool {
        let record = rules[Int(rule)]
        guard record.mode == .enforce, !request.isPreflight,
            allows[Int(record.allow)].methods.contains(request.method)
        else { return false }
        if !isFolded {
            let views = plainViews(at: record.readings)
            return finds(record, path, scope, views, scratch)
        }
        guard finds(record, path, scope, caseViews.0, scratch) else { return false }
        return unsafe withUnsafeTemporaryAllocation(
            of: UInt8.self, capacity: Self.foldedOnStack
        ) { buffer in
            guard let base = buffer.baseAddress else { return false }
            // path.count is at most the capacity.
            for index in 0..<path.count {
                unsafe base[index] = ASCII.lowercased(path.base[index])
            }
            let folded = unsafe ByteView(base: base, count: path.count)
            return finds(record, folded, scope, caseViews.1, scratch)
        }
    }

    /// Whether a path finds only rules that enforce the methods of `record`, in all `views`.
    private func finds(
        _ record: RuleRecord, _ path: ByteView, _ scope: Int, _ views: UInt64,
        _ scratch: JudgeScratch
    ) -> Bool {
        var rest = views
        var isSame = true
        while rest != 0, isSame {
            forEachRule(path, scope: scope, anyView: rest.trailingZeroBitCount, scratch) { found in
                let other = rules[Int(found)]
                if other.allow != record.allow || other.mode != .enforce { isSame = false }
            }
            rest &= rest - 1
        }
        return isSame
    }

    /// What gives a path more than one reading.
    @inline(__always) private static func ambiguous(at level: ReadingLevel) -> PathTraits {
        switch level {
        case .exact: []
        case .standard: [.percent, .dotsOrEmpty]
        case .all: [.percent, .dotsOrEmpty, .upperCase, .semicolon]
        }
    }

    @inline(__always) private func judgePlain(
        _ request: PolicyRequest, _ rule: Int32, _ record: RuleRecord
    ) -> Verdict {
        let methods = allows[Int(record.allow)].methods
        if record.mode == .enforce, !request.isPreflight, methods.contains(request.method) {
            return Verdict(
                outcome: .forward, isShadowed: false, hintReadings: false, malformed: .none,
                status: 0, rule: rule, readings: 1, allowed: methods)
        }
        var tally = Tally(request)
        tally.add(rule, record, methods)
        return verdict(tally, raw: rule, rawPassed: tally.rulesPassed, readings: 1)
    }

    /// A path with escapes: its raw reading has those of unreserved characters decoded.
    private func judgeEscaped(
        _ request: PolicyRequest, _ path: ByteView, _ scope: Int, _ scratch: JudgeScratch
    ) -> Verdict {
        scratch.readings.begin(path)
        let rule = scratch.readings.withReading(0) { rawRule($0, scope: scope) }
        let problem = close(path, rules[Int(rule)].readings, scratch)
        if problem != .none { return malformed(problem, rule: rule) }
        return judgeReadings(request, scope, rule, scratch)
    }

    func close(
        _ path: ByteView, _ level: ReadingLevel, _ scratch: JudgeScratch
    ) -> PathProblem {
        scratch.readings.close(
            over: path, level: level, transitions: viewCount == 1 ? .empty : transitions.all)
    }

    @inline(__always) private func plainViews(at level: ReadingLevel) -> UInt64 {
        switch level {
        case .exact: plainViews.0
        case .standard: plainViews.1
        case .all: plainViews.2
        }
    }

    private func judgeReadings(
        _ request: PolicyRequest, _ scope: Int, _ rule: Int32, _ scratch: JudgeScratch
    ) -> Verdict {
        var tally = Tally(request)
        let record = rules[Int(rule)]
        tally.add(rule, record, allows[Int(record.allow)].methods)
        let rawPassed = tally.rulesPassed
        for index in 0..<scratch.readings.count {
            forEachRule(of: index, scope: scope, scratch) { found in
                let record = rules[Int(found)]
                tally.add(found, record, allows[Int(record.allow)].methods)
            }
        }
        return verdict(
            tally, raw: rule, rawPassed: rawPassed, readings: Int32(scratch.readings.count))
    }

    /// The rules that decide a reading in all views in which it is to be judged.
    func forEachRule(
        of reading: Int, scope: Int, _ scratch: JudgeScratch, _ body: (Int32) -> Void
    ) {
        var views = scratch.readings.views(of: reading)
        while views != 0 {
            let view = views.trailingZeroBitCount
            scratch.readings.withReading(reading) { path in
                forEachRule(path, scope: scope, anyView: view, scratch, body)
            }
            views &= views - 1
        }
    }

    private func forEachRule(
        _ path: ByteView, scope: Int, anyView view: Int, _ scratch: JudgeScratch,
        _ body: (Int32) -> Void
    ) {
        if view == 0 {
            body(rawRule(path, scope: scope))
        } else {
            forEachRule(path, scope: scope, view: view, scratch, body)
        }
    }

    private func malformed(_ problem: PathProblem, rule: Int32) -> Verdict {
        Verdict(
            outcome: .malformedPath, isShadowed: false, hintReadings: false, malformed: problem,
            status: 400, rule: rule, readings: 0, allowed: .none)
    }

    private func verdict(
        _ tally: Tally, raw: Int32, rawPassed: Bool, readings: Int32
    ) -> Verdict {
        var verdict = Verdict(
            outcome: .forward, isShadowed: false, hintReadings: false, malformed: .none, status: 0,
            rule: raw, readings: readings, allowed: tally.passing)
        verdict.findsSeveralRules = tally.findsSeveral
        guard tally.rulesFailed else { return verdict }
        let record = rules[Int(raw)]
        let request = tally.request
        let isAsking = request.isPreflight && record.options != .list
        if request.method == .options, record.options == .answer, !request.isPreflight {
            // Where nothing is enforced, the backend answers as it always did.
            guard tally.isEnforced else { return verdict }
            verdict.outcome = .answerOptions
            verdict.status = 204
            return verdict
        }
        let isLifted = !rawPassed && record.mode == .shadow && request.method != .trace
        if tally.rulesPassed || (tally.isEnforced && isLifted && request.method != .connect) {
            verdict.outcome = .ambiguousPath
        } else {
            verdict.outcome =
                request.method == .options && isAsking ? .preflightBlocked : .methodBlocked
        }
        verdict.isShadowed = !tally.isEnforced
        verdict.hintReadings = rawPassed && tally.isEnforced
        if verdict.isShadowed {
            verdict.allowed = tally.listed
            verdict.lifted = tally.passing
        }
        verdict.status = status(of: request, record, allowed: verdict.allowed)
        return verdict
    }

    private func status(
        of request: PolicyRequest, _ record: RuleRecord, allowed: MethodSet
    ) -> UInt16 {
        if request.method == .connect { return 405 }
        let status = record.blockedStatus.code
        if request.method == .unknown, record.unknownMethod == .notImplemented,
            !record.blockedStatus.hidesRule
        {
            return 501
        }
        return status == 405 && allowed.contains(request.method) ? 403 : status
    }
}
