import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Policy
import Transport

// Overrides in the content of a POST, looked for as it streams: each piece is judged before it is
// sent, nothing is held back, and a disallowed value ends the request upstream before its last
// byte is there. See docs/method-overrides.md.

/// Content that may hold overrides.
struct WatchedContent {
    var reading: ContentReading
    /// The request has its record of what shadow lets through.
    var isRecorded: Bool
}

/// What is needed to judge the content of one request and to reject it midway. Made for a POST
/// whose content may hold overrides, and gone when that has ended.
struct ContentWatch: ~Copyable {
    /// Finds the data in what is about to be sent, which has its framing.
    private var framing: BodyReader
    private var scanner: ContentScanner
    let allowance: OverrideAllowance
    let verdict: Verdict
    let method: MethodID
    /// A copy of the request's head, for the record: it is gone from the read buffer by then.
    var head = ByteBuffer()
    /// What has been decided so far.
    var decision: Decision

    init(
        _ content: WatchedContent, framing: BodyFraming, _ allowance: OverrideAllowance,
        _ verdict: Verdict, _ method: MethodID
    ) {
        self.framing = BodyReader(framing)
        scanner = ContentScanner(content.reading)
        self.allowance = allowance
        self.verdict = verdict
        self.method = method
        decision = content.isRecorded ? .wouldBlock : .forwarded
    }

    /// How far a piece has been looked at.
    struct Position {
        fileprivate var offset = 0
        fileprivate var data = ByteView.empty
        fileprivate var dataOffset = 0
        fileprivate var isAtEnd = false
    }

    /// The next override in a piece with its framing; nil where there is no further one.
    ///
    /// - Parameter hasEnded: the content ends with this piece.
    mutating func next(
        in piece: ByteView, from position: inout Position, hasEnded: Bool
    ) -> OverrideValue? {
        while !position.isAtEnd {
            let found = scanner.next(in: position.data, from: &position.dataOffset)
            if let found { return found }
            guard let data = framing.nextData(in: piece, from: &position.offset) else {
                position.isAtEnd = true
                return hasEnded ? scanner.finish() : nil
            }
            position.data = data
            position.dataOffset = 0
        }
        return nil
    }
}

extension Ref<ClientConnection> {
    /// Watches the content of the request whose head is in `worker.request`.
    func watchContent(
        _ content: WatchedContent, _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest
    ) {
        let worker = value.worker
        let watch = Ref<ContentWatch>.make(
            ContentWatch(
                content, framing: worker.value.request.framing,
                worker.overrideAllowance(request, verdict, worker.value.use), verdict,
                request.method))
        watch.value.head.append(head)
        value.watch = watch
    }

    /// The content has ended, or is looked at no further.
    func endWatch() {
        guard let watch = value.watch else { return }
        count(watch.value.verdict.rule, watch.value.method, watch.value.decision)
        watch.destroy()
        value.watch = nil
    }

    /// Judges a piece of content that is about to be sent. False: the request has been rejected,
    /// and nothing of the piece may go.
    func judgeContent(_ piece: ByteView) -> Bool {
        guard let watch = value.watch else { return true }
        let hasEnded = value.content.isComplete || value.content.isAwaitingTrailers
        var position = ContentWatch.Position()
        while let found = watch.value.next(in: piece, from: &position, hasEnded: hasEnded) {
            let method = useInForce.value.policy.with { $0.method(of: found) }
            let ruling = watch.value.allowance.ruling(on: method)
            guard ruling != .passes else { continue }
            if !settle(ruling, on: method, found, watch) { return false }
        }
        if hasEnded { endWatch() }
        return true
    }

    /// The configuration that the request which runs, or is being judged, began with.
    var useInForce: Ref<SnapshotUse> { value.use ?? value.worker.value.use }

    /// Rejects the request, or records what shadow lets through; whether it goes on.
    private func settle(
        _ ruling: OverrideRuling, on method: MethodID?, _ found: OverrideValue,
        _ watch: Ref<ContentWatch>
    ) -> Bool {
        if ruling == .wouldBlock && watch.value.decision == .wouldBlock { return true }
        let worker = value.worker
        let head = watch.value.head.view
        worker.parseAgain(head)
        if value.carried != nil { worker.value.request.version = .http2 }
        let target = worker.value.request.target
        let request = PolicyRequest(
            method: watch.value.method, path: head.slice(target.pathOffset, target.pathLength),
            host: worker.requestHost(head))
        let (allowance, judged) = (watch.value.allowance, watch.value.verdict)
        // For the record: other requests have been judged meanwhile.
        _ = worker.overrideAllowance(request, judged, useInForce)
        worker.value.override = OverrideNote(
            found, in: ByteView("content"), isRefused: allowance.refusesAll)
        let verdict = useInForce.value.policy.with {
            $0.verdict(ruling, on: method, of: request.method, allowance, after: judged)
        }
        if ruling == .blocks {
            watch.value.decision = .blocked
            rejectMidway(head, verdict, request)
            return false
        }
        watch.value.decision = .wouldBlock
        noteShadow(recordWouldBlock(head, verdict, request))
        return true
    }

    /// Rejects a request whose content has begun, and may have begun to be sent. The upstream's
    /// connection is closed; the client is answered, or where it has been answered already its
    /// connection is reset.
    private func rejectMidway(_ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest) {
        let worker = value.worker
        let isRunning = value.use != nil
        let hasAnswered = isRunning && value.exchange.hasAnswered
        guard !worker.value.log.isShut else {
            if hasAnswered { return abort() }
            answerWithoutRecord(
                requestFields(head, request.method), worker.answerForm(head))
            return
        }
        let policy = useInForce.value.snapshot.policy
        let facts = policy.facts(verdict.rule)
        let closes = !canContinue()
        var record = blockRecord(head, verdict, request, facts, worker.nextID())
        record.status = hasAnswered ? 0 : verdict.status
        record.reachedBackend = isRunning && value.exchange.hasSentBytes
        worker.describeAllowed(verdict, facts, policy)
        record.allowedJSON = worker.value.allowedJSON.view
        worker.record(record, verdict, request, policy)
        let form = worker.answerForm(head)
        if record.status == 0 {
            if hasAnswered {
                worker.value.counters.cutAnswers.add(AnswerCut.requestError.rawValue)
            }
            beginHold(form)
        } else {
            worker.describeHint(verdict, request, head)
            write(rejection(head, verdict, facts, form, record.eventID, closes), waits: true)
        }
        worker.holdUnlessDropped(self)
        logBlock(record)
        endExchange()
        if record.status == 0 {
            end(with: hasAnswered ? .reset : .close)
        } else {
            concludeMidway(closes)
        }
        worker.limitHold(self)
    }

    /// After a rejection of ours in the middle of content: drain the rest of it, or end.
    private func concludeMidway(_ closes: Bool) {
        value.contentCount = 0
        if closes {
            end(with: .linger)
        } else if value.content.isComplete {
            becomeIdle()
        } else {
            value.phase = .draining
            value.deadline.set(value.worker.value.use.value.timeouts.clientContent)
        }
    }
}

extension Ref<Worker> {
    /// Parses a head that was parsed before, whatever the limits are by now.
    fileprivate func parseAgain(_ head: ByteView) {
        let limits = HeadLimits(head: head.count + 1, target: head.count, fields: Self.mostFields)
        if RequestParser.parse(head, into: &value.request, limits: limits) == .complete { return }
        // A reload has made the storage smaller.
        value.request = RequestHead(maximumFields: Self.mostFields)
        let result = RequestParser.parse(head, into: &value.request, limits: limits)
        precondition(result == .complete, "a head that was parsed before")
    }

    /// What the configuration allows at most.
    private static var mostFields: Int { 1000 }
}
