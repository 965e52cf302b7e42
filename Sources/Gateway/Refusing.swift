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
    func refuse(_ refusal: Refusal, head: ByteView, mayContinue: Bool = true) -> Int {
        let worker = value.worker
        if worker.value.log.isShut { return answerWithoutRecord(head.count) }
        worker.value.counters.malformed.add()
        let id = worker.nextID()
        var record = BlockRecord(
            .malformedRequest, at: worker.value.now, id: id,
            request: requestFields(head, worker.value.request.method))
        record.reason = ByteView(refusal.reason)
        record.status = refusal.status
        worker.record(record)
        var answer = Answer(status: refusal.status, detail: ByteView(refusal.reason))
        answer.eventID = id
        answer.error = refusal.error
        let closes = !mayContinue || !canContinue()
        describeClient(&answer, head, closes)
        write(answer, waits: true)
        worker.holdUnlessDropped(self)
        return concludeLocally(head, closes: closes)
    }

    /// The same for content that breaks its framing: the connection cannot go on.
    @discardableResult func refuse(_ error: ProtocolError, head: ByteView) -> Int {
        // A head that did not parse says nothing reliable; its first line may help the operator.
        let (method, target) = Self.firstLine(head)
        refuse(Refusal(error), method: method, target: target)
        return head.count
    }

    /// Refuses where no head can be relied on; the connection ends.
    func refuse(_ refusal: Refusal, method: ByteView = .empty, target: ByteView = .empty) {
        let worker = value.worker
        if worker.value.log.isShut {
            _ = answerWithoutRecord(0)
            return
        }
        worker.value.counters.malformed.add()
        let id = worker.nextID()
        var fields = RequestFields(methodID: MethodID(registered: method))
        fields.method = method
        fields.target = target
        fields.sourceAddress = value.peer.isUnix ? .empty : addressText
        fields.sourcePort = value.peer.port
        var record = BlockRecord(
            .malformedRequest, at: worker.value.now, id: id, request: fields)
        record.reason = ByteView(refusal.reason)
        record.status = refusal.status
        worker.record(record)
        var answer = Answer(status: refusal.status, detail: ByteView(refusal.reason))
        answer.eventID = id
        answer.error = refusal.error
        answer.isHead = method.equals(ByteView("HEAD"))
        answer.closes = true
        write(answer, waits: true)
        worker.holdUnlessDropped(self)
        end(with: .linger)
        worker.limitHold(self)
    }

    /// Method and target of a line that may be anything.
    private static func firstLine(_ bytes: ByteView) -> (ByteView, ByteView) {
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
    func failUpstream(_ failure: UpstreamFailure) -> Int {
        value.worker.value.counters.upstreamAnswers.add(0)
        value.note?.value.status = failure.status
        value.note?.value.reason = ByteView(failure.reason)
        let isComplete = value.exchange.request == .complete
        let persists = value.exchange.clientPersists
        let isHead = value.exchange.isHead
        let closes = !persists || !isComplete
        var answer = Answer(status: failure.status, detail: ByteView(failure.reason))
        answer.error = failure.error
        answer.isHead = isHead
        answer.closes = closes
        answer.version = value.exchange.clientIsHTTP10 ? .http10 : .http11
        write(answer)
        endExchange()
        if closes { end(with: .linger) } else { becomeIdle() }
        return 0
    }

    /// The log takes nothing and the configuration says to refuse: 503 without a record.
    private func refuseForLog(_ used: Int) -> Int {
        var answer = Answer(status: 503, detail: ByteView("the block log cannot be written"))
        answer.error = "proxy_internal_error"
        answer.closes = true
        write(answer)
        end(with: .linger)
        return used
    }

    /// The log takes no record: 503, or nothing at all. How many bytes were used.
    func answerWithoutRecord(_ used: Int) -> Int {
        if value.worker.value.log.refusesNow { return refuseForLog(used) }
        abort()
        return used
    }

    /// Answers that wait for records which never come are taken back for a 503.
    func refuseHeld() {
        guard value.phase != .closed else { return }
        guard value.end != .reset else {
            abort()
            return
        }
        endExchange()
        value.outbound.truncate(to: value.heldFrom)
        value.end = .keep
        _ = refuseForLog(0)
    }
}
