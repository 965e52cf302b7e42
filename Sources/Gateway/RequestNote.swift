import Audit
import HTTP1
import HTTPSyntax
import Policy
import Transport

// What the access log will say of a request, kept while it runs: its head is gone from the read
// buffer by then. Made only where the access log is on.

/// A copy of a request head and where the parts that are logged stand in it.
struct RequestNote: ~Copyable {
    struct Part: BitwiseCopyable {
        var offset = 0
        var length = 0
    }

    var head = ByteBuffer()
    var version = HTTPVersion.http11
    var method = Part()
    var host = Part()
    var path = Part()
    var target = Part()
    var userAgent = Part()
    var requestID = Part()
    var traceparent = Part()
    var start = Timestamp(microseconds: 0)
    /// Bytes of the answer's content, framing included.
    var responseContent: UInt64 = 0
    /// What the client was answered; 0 for nothing.
    var status: UInt16 = 0
    /// What went wrong, for the operator.
    var reason = ByteView.empty

    /// Takes a head in; its views end with the next one.
    mutating func take(_ head: ByteView, _ parsed: borrowing RequestHead, at time: Timestamp) {
        self.head.removeAll()
        self.head.append(head)
        version = parsed.version
        method = Part(offset: 0, length: parsed.methodLength)
        path = Part(offset: parsed.target.pathOffset, length: parsed.target.pathLength)
        target = Part(offset: parsed.target.offset, length: parsed.target.length)
        host = Part(offset: parsed.target.authorityOffset, length: parsed.target.authorityLength)
        if parsed.fields.has(.host) { host = Self.part(.host, parsed) }
        userAgent = Self.part(.userAgent, parsed)
        requestID = Self.part(.xRequestID, parsed)
        traceparent = Self.part(.traceparent, parsed)
        start = time
        responseContent = 0
        status = 0
        reason = .empty
    }

    private static func part(_ name: FieldName, _ parsed: borrowing RequestHead) -> Part {
        guard let line = parsed.fields.first(name) else { return Part() }
        return Part(offset: Int(line.valueOffset), length: Int(line.valueLength))
    }

    func view(_ part: Part) -> ByteView { head.view.slice(part.offset, part.length) }
}

extension Ref<ClientConnection> {
    /// Remembers the request in `worker.request` for the access log.
    func takeNote(_ head: ByteView) {
        guard value.worker.value.log.accessSink != nil else { return }
        if value.note == nil { value.note = Ref<RequestNote>.make(RequestNote()) }
        value.note?.value.take(head, value.worker.value.request, at: value.worker.value.now)
    }

    /// Writes the running request into the access log.
    func logAccess() {
        let worker = value.worker
        guard worker.value.log.accessSink != nil, let note = value.note, let use = value.use else {
            return
        }
        var fields = RequestFields(methodID: value.method)
        fields.method = note.value.view(note.value.method)
        fields.version = note.value.version
        fields.host = note.value.view(note.value.host)
        fields.path = note.value.view(note.value.path)
        fields.target = note.value.view(note.value.target)
        describeSource(&fields)
        fields.userAgent = note.value.view(note.value.userAgent)
        fields.requestID = note.value.view(note.value.requestID)
        fields.traceparent = note.value.view(note.value.traceparent)
        var record = AccessRecord(at: note.value.start, request: fields)
        let facts = use.value.snapshot.policy.facts(value.rule)
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
        worker.value.log.access.append(record)
    }
}
