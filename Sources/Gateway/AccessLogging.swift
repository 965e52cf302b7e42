import Audit
import Configuration
import HTTPSyntax
import Policy
import Transport

// One line of the access log for each request, whoever answered it. A line about an answer that
// waits for its block record waits with it, so that the log tells of no answer that nobody got.

extension Ref<ClientConnection> {
    /// Whether there is an access log.
    var logsAccess: Bool { value.worker.value.log.accessSink != nil }

    // MARK: Requests that run

    /// Remembers the request in `worker.request`; `id` is that of its block record, if it has one.
    func takeNote(_ head: ByteView, _ id: EventID?) {
        guard logsAccess else { return }
        note.value.take(head, value.worker.value.request, at: value.worker.value.now)
        note.value.eventID = id
    }

    /// The request that was noted last has a record of what shadow lets through.
    func noteShadow(_ id: EventID?) { if logsAccess { value.note?.value.eventID = id } }

    /// The backend's answer has begun.
    func noteAnswer(_ status: Int) {
        guard let note = value.note else { return }
        note.value.status = UInt16(status)
        note.value.action = .served
    }

    /// The running request is answered 5xx here.
    func noteFailure(_ status: UInt16, _ reason: ByteView) {
        guard let note = value.note else { return }
        note.value.status = status
        note.value.reason = reason
        note.value.action = .failed
    }

    /// The running request is cut off.
    func noteCut(_ reason: ByteView) {
        guard let note = value.note, value.use != nil else { return }
        note.value.reason = reason
    }

    /// Nothing of the running request's answer has gone out, or ever will.
    func noteUnsent() {
        guard let note = value.note, value.use != nil else { return }
        note.value.status = 0
        note.value.responseContent = 0
        note.value.action = .aborted
    }

    /// Writes the running request into the access log.
    func logAccess() {
        let worker = value.worker
        guard logsAccess, let note = value.note, let use = value.use else { return }
        var record = AccessRecord(at: note.value.start, request: requestFields(note.value))
        let facts = use.value.snapshot.policy.facts(value.rule)
        record.action = note.value.action
        record.eventID = note.value.eventID
        if value.phase == .tunnel { record.eventID = value.upgrade?.value.id }
        record.facts = facts
        record.policyDigest = use.value.snapshot.policyDigestText
        record.status = note.value.status
        record.reachedBackend = value.exchange.hasSentBytes
        record.duration =
            UInt64(max(0, worker.value.now.microseconds - note.value.start.microseconds)) * 1000
        record.requestContent = value.contentCount
        record.responseContent = note.value.responseContent
        record.reason = note.value.reason
        record.upstream = use.value.snapshot.addressTexts.view(Int(facts.backend))
        append(record)
    }

    // MARK: Requests that are answered here

    /// A request was recorded and answered; its content is that of the answer written last.
    func logBlock(_ block: borrowing BlockRecord) {
        guard logsAccess else { return }
        if value.phase == .exchange, value.use != nil, let note = value.note {
            note.value.action = .blocked(block.action)
            note.value.eventID = block.eventID
            note.value.status = block.status
            note.value.reason = block.reason
            note.value.responseContent = value.worker.value.ownContent
            return
        }
        let snapshot = value.worker.value.use.value.snapshot
        var record = AccessRecord(block, policyDigest: snapshot.policyDigestText)
        if block.status != 0 { record.responseContent = value.worker.value.ownContent }
        append(record)
    }

    /// The request in `worker.request` was answered in the backend's place.
    func logAnswer(
        _ head: ByteView, _ status: UInt16, _ rule: Int32, content: Int, _ shadow: EventID?
    ) {
        guard logsAccess else { return }
        let worker = value.worker
        let snapshot = worker.value.use.value.snapshot
        let fields = requestFields(head, worker.value.request.method)
        var record = AccessRecord(at: worker.value.now, request: fields)
        record.action = .answered
        record.eventID = shadow
        record.status = status
        record.reachedBackend = false
        record.responseContent = UInt64(content)
        record.policyDigest = snapshot.policyDigestText
        if rule >= 0 { record.facts = snapshot.policy.facts(rule) }
        append(record)
    }

    /// The block log took no record of a request; 0 where it is not even answered.
    func logFailure(_ fields: RequestFields, status: UInt16, _ reason: ByteView) {
        guard logsAccess else { return }
        if value.phase == .exchange, value.use != nil, let note = value.note {
            note.value.action = status == 0 ? .aborted : .failed
            note.value.status = status
            note.value.reason = reason
            return
        }
        let worker = value.worker
        var record = AccessRecord(at: worker.value.now, request: fields)
        record.action = status == 0 ? .aborted : .failed
        record.status = status
        record.reachedBackend = false
        record.reason = reason
        record.policyDigest = worker.value.use.value.snapshot.policyDigestText
        append(record)
    }

    // MARK: Before any request

    /// TLS with the client could not be set up.
    func logHandshake(_ fault: TLSFault, _ reason: ByteView, serverName: ByteView) {
        guard logsAccess else { return }
        var source = RequestFields()
        describeSource(&source)
        // Nothing was agreed on.
        source.tls = nil
        value.worker.value.log.access.append(
            HandshakeRecord(
                at: value.worker.value.now, source: source, errorType: fault.name, reason: reason,
                serverName: serverName))
    }

    // MARK: Waiting

    private func append(_ record: borrowing AccessRecord) {
        let log = value.worker.value.log.access
        if value.isHeld { note.value.wait(record, in: log) } else { log.append(record) }
    }

    /// What waited for the block log has gone out.
    func logWaiting() {
        guard let note = value.note, !note.value.waiting.isEmpty else { return }
        value.worker.value.log.access.append(lines: note.value.waiting.view)
        note.value.waiting.removeAll()
    }

    /// The client is gone, or cut off, while answers wait for the block log: nobody gets them.
    func logUnanswered() {
        guard let note = value.note, !note.value.waiting.isEmpty else { return }
        value.worker.value.log.unanswered.append(
            note.value.waiting.view, behind: value.recordEnd)
        note.value.waiting.removeAll()
    }

    private var note: Ref<RequestNote> {
        if let note = value.note { return note }
        let note = Ref<RequestNote>.make(RequestNote())
        value.note = note
        return note
    }
}
