// One worker's block records: numbered from 1 without a gap, each holding the digest of the one
// before it, and never lost without a word. What is appended waits here until `flush`; the
// gateway sends a rejection once `settledPosition` has passed its record.

import Digest
import HTTPSyntax

/// The block records of one worker: encoded, numbered, chained and waiting to be written.
/// For one thread.
package final class AuditStream {
    package let id: StreamID
    /// The number of the last record, dropped ones included.
    package internal(set) var sequence: UInt64 = 0
    /// Records that have a number and are in no log.
    package internal(set) var droppedTotal: UInt64 = 0
    /// Where the last record ends, in bytes since the stream began. A record is in the log when
    /// `settledPosition` has reached what this was right after it was appended.
    package internal(set) var position: UInt64 = 0

    var queue = LineQueue()
    var encoder: RecordEncoder
    let hash = SHA256()
    /// Of the last line in the queue or, where it is empty, in the log.
    var previousHash = Digest256.zero
    /// Of the last line that is completely in the log.
    var settledHash = Digest256.zero
    /// Of the policy in force, 64 digits; empty before the first one.
    var policyDigest = ByteBuffer(capacity: 64)
    var drops = DropReport()
    /// The sink's generation when it was last compared.
    var generation = 0

    package init(id: StreamID, observer: Observer, redactQuery: Bool) {
        self.id = id
        encoder = RecordEncoder(observer: observer, stream: id, redactQuery: redactQuery)
    }

    /// How many bytes the kernel has.
    package var settledPosition: UInt64 { position - UInt64(queue.count) }
    /// Bytes that wait to be written.
    package var pendingCount: Int { queue.count }

    /// Encodes and seals a record; `readings` are those of its path where there are several.
    /// Without readings it allocates nothing once the queue has its size.
    package func append(_ record: borrowing BlockRecord, readings: [String] = []) {
        reportDrops(at: record.time)
        let start = queue.lines.count
        encoder.begin(at: record.time, in: &queue.lines)
        appendSequence()
        encoder.append(record, policyDigest: policyDigest.view, to: &queue.lines)
        if readings.count > 1 { queue.lines.append(readings: readings) }
        seal(from: start)
    }

    /// Writes what waits. Where the result is not full, all records are in the log.
    @discardableResult
    package func flush(to sink: AuditSink) -> SinkResult {
        let result = queue.write(to: sink, owner: ObjectIdentifier(self))
        if queue.count == 0 {
            settledHash = previousHash
        } else {
            let line = queue.lastWrittenLine
            if !line.isEmpty { settledHash = digest(of: line) }
        }
        queue.compact()
        drops.settle(settledPosition)
        return result
    }

    func appendSequence() {
        sequence += 1
        queue.lines.append(",\"event.sequence\":")
        queue.lines.append(number: sequence)
    }

    /// Ends the line that begins at `start` with who writes and with its link in the chain.
    func seal(from start: Int) {
        encoder.appendObserver(to: &queue.lines)
        queue.lines.append(",\"methodgate.dropped_total\":")
        queue.lines.append(number: droppedTotal)
        queue.lines.append(",\"methodgate.prev_hash\":\"")
        previousHash.append(hexTo: &queue.lines)
        queue.lines.append("\"}")
        previousHash = digest(of: queue.lines.view.dropFirst(start))
        queue.lines.append(byte: 0x0a)
        position += UInt64(queue.lines.count - start)
    }

    func digest(of line: ByteView) -> Digest256 {
        hash.update(line)
        return hash.finish()
    }
}
