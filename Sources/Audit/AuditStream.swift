// One worker's block records: numbered from 1 without a gap, each holding the digest of the one
// before it, and never lost without a word. What is appended waits here until `flush`; the
// gateway sends a rejection once `settledPosition` has passed its record.

import Digest
import HTTPSyntax
package import Policy

/// What each record changes. One value, so that a record asks once for the right to change it and
/// not for each part.
struct StreamState: ~Copyable {
    /// Where the last record ends, in bytes since the stream began.
    var position: UInt64 = 0
    var queue = LineQueue()
    var encoder: RecordEncoder
    var chain = HashChain()
    /// Of the policy in force, 64 digits; empty before the first one.
    var policyDigest = ByteBuffer(capacity: 64)

    init(_ encoder: consuming RecordEncoder) { self.encoder = encoder }

    mutating func append(
        _ record: borrowing BlockRecord, _ readings: [String], _ rules: [RuleFacts]
    ) {
        position += encoder.append(
            record, readings: readings, rules: rules, policyDigest: policyDigest.view,
            sealedBy: &chain, to: &queue.lines)
    }

    /// Begins a line of the gate's own and returns where.
    mutating func begin(_ event: StaticString, at time: Timestamp) -> Int {
        let start = queue.lines.count
        encoder.begin(at: time, in: &queue.lines)
        chain.appendNumber(to: &queue.lines)
        queue.lines.append(event)
        return start
    }

    mutating func appendPolicyDigest() {
        encoder.append(policyDigest: policyDigest.view, to: &queue.lines)
    }

    /// Ends the line that begins at `start`.
    mutating func seal(from start: Int) {
        chain.seal(from: start, observer: encoder.observer.view, in: &queue.lines)
        position += UInt64(queue.lines.count - start)
    }
}

/// The block records of one worker: encoded, numbered, chained and waiting to be written.
/// For one thread.
package final class AuditStream {
    package let id: StreamID
    /// Where the last record ends, in bytes since the stream began. A record is in the log when
    /// `settledPosition` has reached what this was right after it was appended.
    package var position: UInt64 { state.position }

    var state: StreamState
    /// Of the last line that is completely in the log.
    var settledHash = Digest256.zero
    var drops = DropReport()
    /// The sink's generation when it was last compared.
    var generation = 0

    /// `redactQuery`: whether records leave the query of a target out.
    package init(id: StreamID, observer: Observer, redactQuery: Bool) {
        self.id = id
        state = StreamState(
            RecordEncoder(observer: observer, stream: id, redactQuery: redactQuery))
    }

    /// The number of the last record, dropped ones included.
    package var sequence: UInt64 { state.chain.sequence }
    /// Records that have a number and are in no log.
    package var droppedTotal: UInt64 { state.chain.droppedTotal }
    /// What became of the records so far. Counts what waits where something does.
    package var counts: LogCounts {
        let waiting = state.queue.waitingLines
        return LogCounts(
            written: sequence - droppedTotal - waiting, dropped: droppedTotal, waiting: waiting,
            waitingBytes: state.queue.count)
    }
    /// How many bytes the kernel has.
    package var settledPosition: UInt64 { position - UInt64(state.queue.count) }
    /// Bytes that wait to be written.
    package var pendingCount: Int { state.queue.count }

    /// Encodes and seals a record; `readings` are those of its path and `rules` those that were
    /// asked, where there are several. Without them it allocates nothing once the queue has its
    /// size.
    package func append(
        _ record: borrowing BlockRecord, readings: [String] = [], rules: [RuleFacts] = []
    ) {
        reportDrops(at: record.time)
        state.append(record, readings, rules)
    }

    /// Under new settings: whether queries are redacted, and the next sink where it is another one.
    /// A line whose beginning the old one has goes to the new one whole.
    package func adopt(redactQuery: Bool, otherSink: AuditSink?) {
        state.encoder.redactQuery = redactQuery
        guard let otherSink else { return }
        state.queue.restartLine()
        // Its changes from here on are to be told, and not that it has had others than the old one.
        generation = otherSink.generation
    }

    /// Writes what waits. Where the result is not full, all records are in the log.
    @discardableResult
    package func flush(to sink: AuditSink) -> SinkResult {
        let result = state.queue.write(to: sink, owner: ObjectIdentifier(self))
        if state.queue.count == 0 {
            settledHash = state.chain.previousHash
        } else {
            let line = state.queue.lastWrittenLine
            if !line.isEmpty { settledHash = state.chain.digest(of: line) }
        }
        state.queue.compact()
        drops.settle(settledPosition)
        return result
    }
}
