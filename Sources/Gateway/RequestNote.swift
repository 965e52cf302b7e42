import Audit
import HTTP1
import HTTPSyntax
import Policy
import Transport

// What the access log will say of a request, kept while it runs: its head is gone from the read
// buffer by then. Made only where the access log is on. What writes the lines is in
// AccessLogging.swift.

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
    var action = AccessAction.aborted
    var eventID: EventID?

    /// Lines about answers that wait for the block log.
    var waiting = ByteBuffer()

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
        action = .aborted
        eventID = nil
    }

    private static func part(_ name: FieldName, _ parsed: borrowing RequestHead) -> Part {
        guard let line = parsed.fields.first(name) else { return Part() }
        return Part(offset: Int(line.valueOffset), length: Int(line.valueLength))
    }

    func view(_ part: Part) -> ByteView { head.view.slice(part.offset, part.length) }

    /// Adds a line about an answer that waits.
    mutating func wait(_ record: borrowing AccessRecord, in log: AccessLog) {
        log.encode(record, to: &waiting)
    }

    /// The answer whose line begins at `start` becomes another one, of three digits, and those
    /// behind it are never given.
    mutating func takeBack(from start: Int, status: UInt16) {
        guard start < waiting.count else { return }
        if let offset = waiting.view.dropFirst(start).statusOfFirstLine {
            var digits = ByteBuffer(capacity: 3)
            digits.append(decimal: UInt64(status), digits: 3)
            waiting.overwrite(at: start + offset, with: digits.view)
        }
        let view = waiting.view
        let end = view.firstIndex(of: 0x0a, from: start).map { $0 + 1 } ?? view.count
        var others = ByteBuffer()
        others.append(unanswered: view.dropFirst(end))
        waiting.truncate(to: end)
        waiting.append(others.view)
    }
}

extension Ref<ClientConnection> {
    /// The request group of a record, from what was noted of the running request.
    func requestFields(_ note: borrowing RequestNote) -> RequestFields {
        var fields = RequestFields(methodID: value.method)
        fields.method = note.view(note.method)
        fields.version = note.version
        fields.host = note.view(note.host)
        fields.path = note.view(note.path)
        fields.target = note.view(note.target)
        describeSource(&fields)
        fields.userAgent = note.view(note.userAgent)
        fields.requestID = note.view(note.requestID)
        fields.traceparent = note.view(note.traceparent)
        return fields
    }
}
