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
            return refuse(Refusal(400, verdict.malformed.text), head: head)
        }
        if worker.value.log.isShut { return answerWithoutRecord(head.count) }
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
        worker.record(record, verdict)
        guard verdict.status != 0 else {
            if !value.isHeld { value.heldFrom = value.outbound.count }
            worker.holdUnlessDropped(self)
            end(with: .close)
            worker.limitHold(self)
            return head.count
        }
        if !isPlain || !writeKept(head, verdict, request, id, closes) {
            worker.describeAllowed(verdict, facts, policy)
            let answer = rejection(head, verdict, request, facts, id, closes)
            write(answer, waits: true)
            keep(answer, verdict, isPlain)
        }
        worker.holdUnlessDropped(self)
        return concludeLocally(head, closes: closes)
    }

    /// Forwards what enforcing would have blocked, and says so in the log.
    func recordWouldBlock(_ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest) {
        let worker = value.worker
        // A shadow record never holds up a request: a log that takes nothing loses it.
        guard !worker.value.log.losesShadows else {
            worker.value.log.stream.skip()
            return
        }
        let policy = useInForce.value.snapshot.policy
        let facts = policy.facts(verdict.rule)
        var record = blockRecord(head, verdict, request, facts, worker.nextID())
        record.action = .wouldBlock
        record.reachedBackend = true
        worker.describeAllowed(verdict, facts, policy)
        record.allowedJSON = worker.value.allowedJSON.view
        worker.record(record, verdict)
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
        if !verdict.isShadowed { record.mode = .enforce }
        if request.isPreflight {
            record.requestedMethod =
                value.worker.value.request.value(.accessControlRequestMethod, in: head) ?? .empty
        }
        if verdict.outcome == .overrideBlocked {
            let override = value.worker.value.override
            record.reason = ByteView(override.reason)
            record.overrideSource = override.source
            record.requestedMethod = override.value
        }
        if let use = value.use { record.policyDigest = use.value.snapshot.policyDigestText }
        if verdict.hintReadings { record.hint = ByteView(Verdict.readingsHint) }
        return record
    }

    func rejection(
        _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest, _ facts: RuleFacts,
        _ id: EventID, _ closes: Bool
    ) -> Answer {
        let worker = value.worker
        let method = head.slice(0, worker.value.request.methodLength)
        let showsAllow = verdict.status == 405 || verdict.status == 501
        worker.describeHint(verdict, request, head)
        worker.describeDetail(verdict, method)
        var answer = Answer(status: verdict.status, detail: worker.value.text.view)
        if showsAllow {
            answer.allow = worker.value.allowed.view
            answer.allowJSON = worker.value.allowedJSON.view
        }
        if verdict.status != 404 {
            answer.method = method
            if facts.attribution == .full { answer.rule = facts.id }
            answer.hint = worker.value.hint.view
        }
        if facts.attribution == .none {
            answer.error = ""
        } else {
            answer.eventID = id
        }
        describeClient(&answer, head, closes)
        return answer
    }

    /// Sends an answer that is already put together; false where there is none.
    private func writeKept(
        _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest, _ id: EventID,
        _ closes: Bool
    ) -> Bool {
        guard verdict.outcome == .methodBlocked, value.worker.value.request.method.isRegistered
        else { return false }
        let worker = value.worker
        worker.describeHint(verdict, request, head)
        guard worker.value.hint.isEmpty else { return false }
        var answer = Answer(status: verdict.status, detail: .empty)
        describeClient(&answer, head, closes)
        value.outbound.adopt(from: &worker.value.spares)
        let isKept = worker.value.answers.append(
            answer.key(verdict.rule, worker.value.request.method), id: id, date: worker.dateText,
            to: &value.outbound)
        if isKept && !value.isHeld {
            value.heldFrom = value.outbound.count - worker.value.answers.lastLength
        }
        return isKept
    }

    /// Keeps an answer for the next request like this one: not one that names the client's path.
    private func keep(_ answer: Answer, _ verdict: Verdict, _ isPlain: Bool) {
        let worker = value.worker
        let method = worker.value.request.method
        guard isPlain, verdict.outcome == .methodBlocked, method.isRegistered, answer.hint.isEmpty,
            let id = answer.eventID
        else { return }
        worker.value.answers.keep(
            answer.key(verdict.rule, method), worker.value.output.view, id: id,
            date: worker.dateText)
    }

    // MARK: OPTIONS

    /// `OPTIONS *` asks about the gate as a whole (RFC 9110 §9.3.7).
    func answerAsterisk(_ head: ByteView) -> Int { answerNoContent(head, allow: nil) }

    /// `options: answer`: the gate says what would pass at this path.
    func answerOptions(_ head: ByteView, _ verdict: Verdict) -> Int {
        let worker = value.worker
        let policy = worker.value.use.value.snapshot.policy
        worker.describeAllowed(verdict, policy.facts(verdict.rule), policy)
        return answerNoContent(head, allow: worker.value.allowed.view)
    }

    func answerNoContent(_ head: ByteView, allow: ByteView?) -> Int {
        let worker = value.worker
        worker.value.output.removeAll()
        worker.value.output.append("HTTP/1.1 204 No Content\r\nDate: ")
        worker.value.output.append(worker.dateText)
        if let allow {
            worker.value.output.append("\r\nAllow: ")
            worker.value.output.append(allow)
        }
        return answerHere(head, body: .empty)
    }

    /// Finishes the head in `worker.output`, whose last line is still open, and sends it.
    func answerHere(_ head: ByteView, body: ByteView) -> Int {
        let worker = value.worker
        let closes = !canContinue()
        if closes {
            worker.value.output.append("\r\nConnection: close")
        } else if worker.value.request.version == .http10 {
            worker.value.output.append("\r\nConnection: keep-alive")
        }
        worker.value.output.append("\r\n\r\n")
        send(worker.value.output.view, body)
        return concludeLocally(head, closes: closes)
    }

    // MARK: Common ends

    /// What an answer has to know of the client and its request.
    func describeClient(_ answer: inout Answer, _ head: ByteView, _ closes: Bool) {
        let worker = value.worker
        answer.representation = .preferred(worker.value.request.value(.accept, in: head))
        answer.isHead = worker.value.request.method == .head
        answer.version = worker.value.request.version
        answer.closes = closes
    }

    /// Puts an answer into the client's output, in its turn.
    ///
    /// - Parameter waits: its record was appended just now: nothing of it goes before that is in
    ///   the log, whether or not the answer names it.
    func write(_ answer: Answer, waits: Bool = false) {
        let worker = value.worker
        worker.value.output.removeAll()
        answer.write(to: &worker.value.output, body: &worker.value.body, date: worker.dateText)
        if waits || value.isHeld || !value.outbound.isEmpty {
            value.heldFrom = value.isHeld ? value.heldFrom : value.outbound.count
            value.outbound.adopt(from: &worker.value.spares)
            value.outbound.append(worker.value.output.view)
            if !waits && !value.isHeld { value.writeEvent.add() }
        } else {
            send(worker.value.output.view, .empty)
        }
    }

    /// Whether the connection can carry another request after this one is answered here.
    func canContinue() -> Bool {
        let worker = value.worker
        let flags = worker.value.request.flags
        guard Exchange.persists(worker.value.request.version, flags), !worker.value.isDraining
        else {
            return false
        }
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
