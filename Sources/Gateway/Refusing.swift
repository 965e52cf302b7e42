import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Policy
import Transport

// Answers of the gate that no rule asks for: refusals of what is no request, each with its record,
// and failures of ours and of upstreams, without one.

extension Ref<ClientConnection> {
    // MARK: Refusals

    /// Refuses the request whose head is in `worker.request`; how many bytes were used.
    ///
    /// - Parameters:
    ///   - rule: what its path finds; -1 where no rule was asked.
    ///   - action: what the record says; a rule's verdict is no fault of the request, and what
    ///     passes at its path is described already then.
    func refuse(
        _ refusal: Refusal, head: ByteView, rule: Int32 = -1, mayContinue: Bool = true,
        action: BlockAction = .malformedRequest
    ) -> Int {
        let worker = value.worker
        let closes = !mayContinue || !canContinue()
        let fields = requestFields(head, worker.value.request.method)
        let form = worker.answerForm(head)
        let isAnswered = answer(
            refusal, fields, form, rule: rule, of: worker.value.use, closes: closes, action: action)
        guard isAnswered else { return head.count }
        return concludeLocally(head, closes: closes)
    }

    /// Refuses what is no head; the connection ends. What could be read of it is in
    /// `worker.request`.
    ///
    /// - Parameter line: what begins with the request line as it came; empty where it is not whole.
    func refuse(_ refusal: Refusal, unread bytes: ByteView, line: ByteView) {
        // A head that did not parse says nothing reliable; its first line may help the operator.
        refuse(refusal, unread: bytes, line: Self.firstLine(line))
    }

    /// - Parameters:
    ///   - line: method and target as they came; empty where they are not known.
    ///   - host: whose defaults hold where `worker.request` has no Host.
    func refuse(
        _ refusal: Refusal, unread bytes: ByteView, line: (method: ByteView, target: ByteView),
        host other: ByteView = .empty
    ) {
        let worker = value.worker
        let (method, target) = line
        var fields = RequestFields(methodID: MethodID(registered: method))
        fields.method = method
        fields.target = target
        let read = worker.value.request.target
        if read.length > 0 {
            // The request line was sound, and the lines behind it were not.
            fields.version = worker.value.request.version
            fields.path = bytes.slice(read.pathOffset, read.pathLength)
        }
        if value.carried != nil { fields.version = .http2 }
        describeSource(&fields)
        let host = worker.value.request.value(.host, in: bytes) ?? other
        // A stream's fields say what call it is even where they were not all written as a head.
        var form =
            value.carried.map { worker.fieldForm(bytes, .http2, of: $0.value.call) }
            ?? worker.fieldForm(bytes, .http11)
        form.isHead = fields.methodID == .head
        let isAnswered = answer(
            refusal, fields, form, host: host, of: worker.value.use, closes: true)
        guard isAnswered else { return }
        end(with: .linger)
        worker.limitHold(self)
    }

    /// Refuses a head that has not come whole in time.
    func refuseLate(_ bytes: ByteView) {
        let worker = value.worker
        // For the fields that have come.
        _ = RequestParser.parse(
            bytes, into: &worker.value.request, limits: worker.value.requestLimits)
        let line = bytes.firstIndex(of: 0x0a) == nil ? ByteView.empty : bytes
        refuse(.requestTimeout, unread: bytes, line: line)
    }

    /// Refuses the running request amid its content. The connection ends, and the upstream's, so
    /// that it does not take the part for the whole.
    func refuseRunning(_ refusal: Refusal) {
        let worker = value.worker
        let head = recallHead()
        guard !head.isEmpty, let use = value.use else { return abort() }
        let fields = requestFields(head, value.method)
        let isAnswered = answer(
            refusal, fields, runningForm(head), rule: value.rule, of: use, closes: true)
        guard isAnswered else { return }
        endExchange()
        end(with: .linger)
        worker.limitHold(self)
    }

    /// Records a refusal and answers it; false where the log takes no record, and the connection
    /// has been seen to.
    ///
    /// - Parameters:
    ///   - host: under whose defaults it falls where no rule was asked.
    ///   - use: the configuration it falls under.
    private func answer(
        _ refusal: Refusal, _ fields: RequestFields, _ form: AnswerForm, rule: Int32 = -1,
        host: ByteView? = nil, of use: Ref<SnapshotUse>, closes: Bool,
        action: BlockAction = .malformedRequest
    ) -> Bool {
        let worker = value.worker
        guard !worker.value.log.isShut else {
            answerWithoutRecord(fields, form)
            return false
        }
        if action == .malformedRequest { worker.value.counters.malformed.add() }
        let id = worker.nextID()
        var record = BlockRecord(action, at: worker.value.now, id: id, request: fields)
        if action != .malformedRequest {
            // Of a rule, and not for its mode to lift.
            record.mode = .enforce
            record.allowedJSON = worker.value.allowedJSON.view
        }
        record.reason = ByteView(refusal.reason)
        record.status = refusal.status
        if rule >= 0 { record.facts = use.value.snapshot.policy.facts(rule) }
        record.policyDigest = use.value.snapshot.policyDigestText
        if value.phase == .exchange { record.reachedBackend = value.exchange.hasSentBytes }
        worker.record(record)
        var answer = Answer(status: refusal.status, detail: ByteView(refusal.reason), form: form)
        answer.eventID = id
        answer.error = refusal.error
        answer.closes = closes
        if Token.isValid(fields.method) { answer.method = fields.method }
        answer.host = fields.host
        answer.path = fields.path
        answer.obey(worker.facts(rule, of: use, host: host ?? fields.host), use)
        write(answer, waits: true)
        worker.holdUnlessDropped(self)
        logBlock(record)
        return true
    }

    /// Method and target of a line that may be anything.
    static func firstLine(_ bytes: ByteView) -> (method: ByteView, target: ByteView) {
        var end = 0
        while end < bytes.count, end < 4096, bytes[end] != 13, bytes[end] != 10 { end += 1 }
        let line = bytes.slice(0, end)
        guard let space = line.firstIndex(of: 0x20) else { return (line, .empty) }
        let rest = line.dropFirst(space + 1)
        let length = rest.firstIndex(of: 0x20) ?? rest.count
        return (line.slice(0, space), rest.slice(0, length))
    }

    // MARK: Failures of ours and of upstreams

    /// Answers for an upstream that gave none; always 0, for the count of used bytes.
    ///
    /// - Parameter head: of the request, where it is in `worker.request` still.
    func failUpstream(_ failure: UpstreamFailure, head: ByteView? = nil) -> Int {
        let worker = value.worker
        worker.value.counters.upstreamAnswers.add(0)
        let head = head ?? recallHead()
        if isEnding { endAfterLastRequest() }
        let isComplete = value.exchange.request == .complete
        let closes = !value.exchange.clientPersists || !isComplete
        var answer = Answer(
            status: failure.status, detail: ByteView(failure.reason), form: runningForm(head))
        answer.error = failure.error
        answer.closes = closes
        if !head.isEmpty { describeRequest(&answer, head) }
        if let use = value.use { answer.obey(worker.facts(value.rule, of: use, host: .empty), use) }
        noteFailure(failure.status, failure.cause)
        write(answer)
        // A client that is gone is found out here, and has been closed then.
        guard value.phase != .closed else { return 0 }
        value.note?.value.responseContent = worker.value.ownContent
        endExchange()
        if closes { end(with: .linger) } else { becomeIdle() }
        return 0
    }

    /// The log takes no record: 503, or nothing at all, as the configuration says.
    func answerWithoutRecord(_ fields: RequestFields, _ form: AnswerForm) {
        let refuses = value.worker.value.log.refusesNow
        logFailure(fields, status: refuses ? 503 : 0, Self.logIsFull)
        // What runs has no answer besides this one.
        endExchange()
        if refuses { refuseForLog(form) } else { abort() }
    }

    /// Answers that wait for records which never come, from this one on, are taken back for a 503.
    func refuseHeld(from answer: HeldAnswer) {
        guard value.phase != .closed else { return }
        guard value.phase != .proxyHeader else {
            abort()
            return
        }
        if value.phase == .tunnel {
            // It never began for anybody.
            value.phase = .exchange
            value.worker.value.counters.endedTunnels.add()
            noteFailure(503, Self.logIsFull)
        }
        guard value.end != .reset else {
            abort()
            return
        }
        endExchange()
        value.outbound.truncate(to: answer.start)
        value.end = .keep
        value.note?.value.takeBack(from: answer.noted, status: 503)
        refuseForLog(answer.form)
    }

    func refuseForLog(_ form: AnswerForm) {
        let worker = value.worker
        var answer = Answer(status: 503, detail: Self.logIsFull, form: form)
        answer.error = "proxy_internal_error"
        answer.closes = true
        let use = worker.value.use
        answer.obey(worker.facts(-1, of: use, host: .empty), use)
        write(answer)
        end(with: .linger)
    }

    static var logIsFull: ByteView { ByteView("the block log cannot be written") }
}

extension Ref<Worker> {
    /// What holds for the gate's answer under that rule, or under a host's defaults where no rule
    /// was asked (-1).
    func facts(_ rule: Int32, of use: Ref<SnapshotUse>, host: ByteView) -> RuleFacts {
        let policy = use.value.snapshot.policy
        return policy.facts(rule >= 0 ? rule : policy.defaultRule(of: host))
    }
}
