// One worker's access records, one for each request: the same fields as in the block log, without
// number and chain, since a lost line here hides no block.

package import HTTPSyntax

/// The access records of one worker, encoded and waiting to be written. For one thread.
package final class AccessLog {
    private var queue = LineQueue()
    private var encoder: RecordEncoder
    private var appended: UInt64 = 0
    private var dropped: UInt64 = 0
    /// Dropped since the log last took all that it was given.
    private var lost: UInt64 = 0

    /// `redactQuery`: whether records leave the query of a target out.
    package init(observer: Observer, redactQuery: Bool) {
        encoder = RecordEncoder(observer: observer, redactQuery: redactQuery)
    }

    /// Bytes that wait to be written.
    package var pendingCount: Int { queue.count }

    /// Encodes a record. Allocates nothing once the queue has its size.
    package func append(_ record: borrowing AccessRecord) {
        appended &+= 1
        encoder.append(record, to: &queue.lines)
    }

    /// The same of a handshake.
    package func append(_ record: borrowing HandshakeRecord) {
        appended &+= 1
        encoder.append(record, to: &queue.lines)
    }

    /// Encodes a record that has to wait for something into a buffer of the caller's.
    package func encode(_ record: borrowing AccessRecord, to lines: inout ByteBuffer) {
        encoder.append(record, to: &lines)
    }

    /// Takes in lines that `encode` made.
    package func append(lines: ByteView) {
        appended &+= UInt64(lines.lineCount)
        queue.lines.append(lines)
    }

    /// Under new settings, as `AuditStream.adopt`.
    package func adopt(redactQuery: Bool, isOtherSink: Bool) {
        encoder.redactQuery = redactQuery
        guard isOtherSink else { return }
        queue.restartLine()
        lost = 0
    }

    /// Writes what waits.
    @discardableResult
    package func flush(to sink: AuditSink) -> SinkResult {
        let result = queue.write(to: sink, owner: ObjectIdentifier(self))
        queue.compact()
        if !result.isFull { lost = 0 }
        return result
    }

    /// Drops what waits, save the rest of a line whose beginning is written, and returns how many
    /// records that were.
    @discardableResult package func dropPending() -> Int {
        let lines = queue.dropUnbegun()
        dropped &+= UInt64(lines)
        lost &+= UInt64(lines)
        return lines
    }

    /// Nothing is written any more: how many lines that costs, with those that were dropped since
    /// the log last took what it was given.
    package var unwrittenAtEnd: UInt64 { lost + queue.waitingLines }

    /// What became of the records so far. Counts what waits where something does.
    package var counts: LogCounts {
        let waiting = queue.waitingLines
        return LogCounts(
            written: appended - dropped - waiting, dropped: dropped, waiting: waiting,
            waitingBytes: queue.count)
    }
}

/// What became of the records of one worker's log.
package struct LogCounts: Equatable, Sendable, BitwiseCopyable {
    /// The kernel has them.
    package var written: UInt64
    /// In no log.
    package var dropped: UInt64
    /// They wait for the log, and so many bytes of them.
    package var waiting: UInt64
    package var waitingBytes: Int
}

extension RecordEncoder {
    fileprivate mutating func append(
        _ record: borrowing AccessRecord, to line: inout ByteBuffer
    ) {
        begin(at: record.time, in: &line)
        if let eventID = record.eventID {
            line.append(",\"event.id\":\"")
            eventID.append(to: &line)
            line.append(byte: 0x22)
        }
        append(record.action, to: &line)
        line.append(",\"event.duration\":")
        line.append(number: record.duration)
        if !record.reason.isEmpty {
            line.append(",\"event.reason\":", text: record.reason, limit: TextLimit.userAgent)
        }
        append(record.request, to: &line)
        if let facts = record.facts { append(facts, to: &line) }
        append(policyDigest: record.policyDigest, to: &line)
        append(status: record.status, reachedBackend: record.reachedBackend, to: &line)
        if let answeredBy = record.answeredBy {
            line.append(",\"methodgate.answered_by\":\"")
            line.append(answeredBy)
            line.append(byte: 0x22)
        }
        line.append(",\"http.request.body.bytes\":")
        line.append(number: record.requestContent)
        line.append(",\"http.response.body.bytes\":")
        line.append(number: record.responseContent)
        if !record.upstream.isEmpty {
            line.append(
                ",\"methodgate.upstream\":", text: record.upstream, limit: TextLimit.other)
        }
        appendObserver(to: &line)
        line.append("}\n")
    }

    /// What kind of event it was; the values are those that ECS allows for the categories.
    private func append(_ action: AccessAction, to line: inout ByteBuffer) {
        line.append(",\"event.dataset\":\"methodgate.access\",\"event.kind\":\"event\"")
        line.append(",\"event.category\":[\"web\",\"network\"]")
        line.append(
            action.isBlock
                ? ",\"event.type\":[\"access\",\"denied\"],\"event.action\":\""
                : ",\"event.type\":[\"access\",\"allowed\"],\"event.action\":\"")
        line.append(action.name)
        line.append(byte: 0x22)
    }
}
