import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Policy
import Transport

// A verdict's rejection with its record, the OPTIONS that the gate answers, and what all answers of
// the gate have in common (those no rule asks for are in Refusing.swift): the answer goes out in
// its turn, and the request's content is drained or the connection ends.

extension Ref<ClientConnection> {
    // MARK: Verdicts

    /// Rejects the request in `worker.request`; how many bytes were used.
    func reject(_ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest) -> Int {
        let worker = value.worker
        let policy = worker.value.use.value.snapshot.policy
        guard verdict.outcome != .malformedPath else {
            return refuse(Refusal(400, verdict.malformed.text), head: head, rule: verdict.rule)
        }
        let form = worker.answerForm(head)
        if worker.value.log.isShut {
            answerWithoutRecord(requestFields(head, request.method), form)
            return head.count
        }
        let facts = policy.facts(verdict.rule)
        let id = worker.nextID()
        let closes = !canContinue()
        var record = blockRecord(head, verdict, request, facts, id)
        record.status = verdict.status
        let isPlain = verdict.allowed == facts.methods
        if !isPlain {
            worker.describeAllowed(verdict, facts, policy)
            record.allowedJSON = worker.value.allowedJSON.view
        }
        worker.record(record, verdict, request, policy)
        guard verdict.status != 0 else {
            beginHold(form)
            worker.holdUnlessDropped(self)
            logBlock(record)
            // What still comes must not make it a reset, which could cost earlier answers.
            end(with: value.carried == nil ? .linger : .close)
            worker.limitHold(self)
            return head.count
        }
        worker.describeHint(verdict, request, head)
        let key = isPlain ? worker.answerKey(verdict, form, closes: closes) : nil
        if !writeKept(key, form, id) {
            worker.describeAllowed(verdict, facts, policy)
            let answer = rejection(head, verdict, facts, form, id, closes)
            write(answer, waits: true)
            keep(answer, key, id)
        }
        worker.holdUnlessDropped(self)
        // The record is copied for the call.
        if logsAccess { logBlock(record) }
        return concludeLocally(head, closes: closes)
    }

    /// Says in the log what enforcing would have blocked; the record's id, if it has one.
    func recordWouldBlock(
        _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest
    ) -> EventID? {
        let worker = value.worker
        // A shadow record never holds up a request: a log that takes nothing loses it.
        guard !worker.value.log.losesShadows else {
            worker.value.log.stream.skip()
            worker.value.counters.blocks.add(Int(BlockAction.wouldBlock.rawValue))
            return nil
        }
        let policy = useInForce.value.snapshot.policy
        let facts = policy.facts(verdict.rule)
        let id = worker.nextID()
        var record = blockRecord(head, verdict, request, facts, id)
        record.action = .wouldBlock
        // Where it does not end here, nobody knows yet whether it gets through.
        let endsHere = worker.isTooLong || worker.maxForwards(head) == 0
        record.reachedBackend = endsHere ? false : nil
        worker.describeAllowed(verdict, facts, policy)
        record.allowedJSON = worker.value.allowedJSON.view
        worker.record(record, verdict, request, policy)
        return id
    }

    /// Records what shadow lets through, once nothing else of the head has blocked it.
    func recordLifted(
        _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest
    ) -> EventID? {
        // The readings that the record is to name may be those of overrides by now.
        if value.worker.mayCarryOverride { _ = value.worker.judge(head) }
        return recordWouldBlock(head, verdict, request)
    }

    func blockRecord(
        _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest, _ facts: RuleFacts,
        _ id: EventID
    ) -> BlockRecord {
        var record = BlockRecord(
            BlockAction(verdict.outcome), at: value.worker.value.now, id: id,
            request: requestFields(head, request.method))
        record.facts = facts
        record.reason = ByteView(verdict.outcome.reason)
        record.mode = verdict.isShadowed ? .shadow : .enforce
        record.requestedMethod = request.requestedText
        if verdict.outcome == .overrideBlocked {
            let override = value.worker.value.override
            record.reason = ByteView(override.reason)
            record.overrideSource = override.source
            record.requestedMethod = override.value
        }
        if let use = value.use { record.policyDigest = use.value.snapshot.policyDigestText }
        if verdict.hintReadings { record.hint = ByteView(Verdict.readingsHint) }
        let worker = value.worker
        worker.value.hasRedirect = followsRedirect(head, request)
        if worker.value.hasRedirect { record.redirect = worker.redirectFacts }
        return record
    }

    func rejection(
        _ head: ByteView, _ verdict: Verdict, _ facts: RuleFacts, _ form: AnswerForm,
        _ id: EventID, _ closes: Bool
    ) -> Answer {
        let worker = value.worker
        let method = head.slice(0, worker.value.request.methodLength)
        let isHidden = facts.blockedStatus.hidesRule
        worker.describeDetail(verdict, method, isHidden: isHidden)
        var answer = Answer(status: verdict.status, detail: worker.value.text.view, form: form)
        if verdict.status == 405 || verdict.status == 501 {
            answer.allow = isHidden ? .empty : worker.value.allowed.view
            answer.allowJSON = isHidden ? ByteView("[]") : worker.value.allowedJSON.view
        }
        describeRequest(&answer, head)
        if verdict.status == 404 { answer.method = .empty }
        if !isHidden {
            if facts.attribution == .full { answer.rule = facts.id }
            answer.hint = worker.value.hint.view
        }
        answer.eventID = id
        answer.closes = closes
        answer.obey(facts, useInForce)
        return answer
    }

    /// Sends an answer that is already put together; false where there is none.
    private func writeKept(_ key: AnswerKey?, _ form: AnswerForm, _ id: EventID) -> Bool {
        guard let key else { return false }
        let worker = value.worker
        value.outbound.adopt(from: &worker.value.spares)
        let isKept = worker.value.answers.append(
            key, id: id, date: worker.dateText, to: &value.outbound)
        guard isKept else { return false }
        beginHold(form, written: worker.value.answers.lastLength)
        worker.value.ownContent = UInt64(worker.value.answers.lastContent)
        return true
    }

    /// Keeps an answer for the next request like this one.
    private func keep(_ answer: Answer, _ key: AnswerKey?, _ id: EventID) {
        let worker = value.worker
        guard let key, answer.eventID != nil else { return }
        if let template = answer.template, template.with({ $0.namesTarget }) { return }
        worker.value.answers.keep(
            key, worker.value.output.view, content: worker.value.body.count, id: id,
            date: worker.dateText)
    }

    // MARK: OPTIONS

    /// `OPTIONS *` asks about the gate as a whole (RFC 9110 §9.3.7).
    func answerAsterisk(_ head: ByteView) -> Int { answerNoContent(head, allow: nil, rule: -1) }

    /// `options: answer`: the gate says what would pass at this path.
    func answerOptions(_ head: ByteView, _ verdict: Verdict, _ shadow: EventID? = nil) -> Int {
        let worker = value.worker
        let policy = worker.value.use.value.snapshot.policy
        worker.describeAllowed(verdict, policy.facts(verdict.rule), policy)
        return answerNoContent(
            head, allow: worker.value.allowed.view, rule: verdict.rule, shadow)
    }

    private func answerNoContent(
        _ head: ByteView, allow: ByteView?, rule: Int32, _ shadow: EventID? = nil
    ) -> Int {
        let worker = value.worker
        worker.value.output.removeAll()
        worker.value.output.append("HTTP/1.1 204 No Content\r\nDate: ")
        worker.value.output.append(worker.dateText)
        if let allow {
            worker.value.output.append("\r\nAllow: ")
            worker.value.output.append(allow)
        }
        return answerHere(head, 204, rule, body: .empty, shadow)
    }

    /// Finishes the head in `worker.output`, whose last line is still open, and sends it.
    ///
    /// - Parameter shadow: the id of the record that says it would have been blocked.
    func answerHere(
        _ head: ByteView, _ status: UInt16, _ rule: Int32, body: ByteView, _ shadow: EventID? = nil
    ) -> Int {
        let worker = value.worker
        let closes = !canContinue()
        if closes {
            worker.value.output.append("\r\nConnection: close")
        } else if worker.value.request.version == .http10 {
            worker.value.output.append("\r\nConnection: keep-alive")
        }
        worker.value.output.append("\r\n\r\n")
        send(worker.value.output.view, body)
        logAnswer(head, status, rule, content: body.count, shadow)
        return concludeLocally(head, closes: closes)
    }

    // MARK: Common ends

    /// Says what was asked, by the head in `worker.request`.
    func describeRequest(_ answer: inout Answer, _ head: ByteView) {
        let worker = value.worker
        let target = worker.value.request.target
        answer.method = head.slice(0, worker.value.request.methodLength)
        answer.host = worker.requestHost(head)
        answer.path = head.slice(target.pathOffset, target.pathLength)
    }

    /// Puts an answer into the client's output, in its turn.
    ///
    /// - Parameter waits: its record was appended just now: nothing of it goes before that is in
    ///   the log, whether or not the answer names it.
    func write(_ answer: Answer, waits: Bool = false) {
        let worker = value.worker
        worker.value.output.removeAll()
        answer.write(to: &worker.value.output, body: &worker.value.body, date: worker.dateText)
        worker.value.ownContent = UInt64(worker.value.body.count)
        if waits || value.isHeld || !value.outbound.isEmpty {
            beginHold(answer.form)
            value.outbound.adopt(from: &worker.value.spares)
            value.outbound.append(worker.value.output.view)
            if !waits && !value.isHeld { value.stream.startWriting() }
        } else {
            send(worker.value.output.view, .empty)
        }
    }

    /// What is next in `outbound`, or its last `written` bytes, is to wait for the log.
    func beginHold(_ form: AnswerForm, written: Int = 0) {
        value.heldFrom = value.outbound.count - written
        value.heldForm = form
    }

    /// Whether the connection can carry another request after this one is answered here.
    func canContinue() -> Bool {
        let worker = value.worker
        let flags = worker.value.request.flags
        guard Exchange.persists(worker.value.request.version, flags),
            !isEnding || isFollowedByRequest
        else { return false }
        // What follows may be written by somebody whom the client believed to be in a tunnel.
        if value.carried == nil, worker.value.request.method == .connect { return false }
        switch worker.value.request.framing {
        case .none: return true
        // Whether the content follows or not, nobody can tell: the next bytes may be either.
        case _ where flags.contains(.expectContinue): return false
        case .length(let length): return length <= ClientConnection.drainLimit
        case .chunked: return true
        case .untilClose: return false
        }
    }

    /// After an answer of ours: drain the content, or end. How many bytes of the head were used.
    func concludeLocally(_ head: ByteView, closes: Bool) -> Int {
        let worker = value.worker
        guard value.phase != .closed else { return head.count }
        let framing = worker.value.request.framing
        if closes {
            end(with: .linger)
        } else if framing == .none {
            becomeIdle()
        } else {
            value.content = BodyReader(framing)
            value.contentCount = 0
            value.phase = .draining
            value.deadline.set(worker.value.use.value.timeouts.clientContent)
        }
        worker.limitHold(self)
        return head.count
    }

    func end(with end: Exchange.ClientEnd) { finish(end) }
}
