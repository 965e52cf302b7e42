// One worker's records.

import HTTPSyntax

/// The block records of one worker: encoded, numbered, chained and waiting to be written.
/// For one thread.
package final class AuditStream {
    package let id: StreamID

    /// Takes the policy's digest as its 32 bytes and the worker's number, as the sink's owner.
    package init(
        id: StreamID, owner: Int, observer: Observer, policyDigest: [UInt8], redactQuery: Bool
    ) {
        self.id = id
    }

    /// The number of the last record, dropped ones included.
    package var sequence: UInt64 { 0 }
    /// Records that have a number and are in no log.
    package var droppedTotal: UInt64 { 0 }
    /// Where the last record ends, in bytes since the stream began. A record is in the log when
    /// `settledPosition` has reached what this was right after it was appended.
    package var position: UInt64 { 0 }
    /// How many bytes the kernel has.
    package var settledPosition: UInt64 { 0 }
    /// Bytes that wait to be written.
    package var pendingCount: Int { 0 }
    /// Whether drops have happened that no summary in the log tells of yet.
    package var hasUnreportedDrops: Bool { false }

    /// Encodes and seals a record; `readings` are those of its path where there are several.
    package func append(_ record: borrowing BlockRecord, readings: [String] = []) {}

    /// Writes what waits. Nothing waits and `isFull` is false: all records are in the log.
    package func flush(to sink: AuditSink) -> SinkResult { SinkResult(written: 0, code: 0) }

    /// Gives a record that is not to be encoded its number and counts it as dropped.
    package func skip() {}

    /// Drops what waits, save the rest of a line whose beginning is written, and returns how many
    /// records that were. `position` goes back: records that ended beyond it are the lost ones.
    @discardableResult package func dropPending() -> Int { 0 }

    /// A summary of what was dropped since the last one. Every other record appends it by
    /// itself first; this is for a sink that recovers while there is nothing to say.
    package func appendDropSummary(at time: Timestamp) {}

    /// A policy is in force from here on: the first one of the stream (`previousDigest` nil), or
    /// a new one.
    package func appendConfigurationLoaded(
        at time: Timestamp, policyDigest: [UInt8], file: String, ruleCount: Int
    ) {}

    /// Appends `log-reopened` if the sink's file changed since the last call.
    package func noteReopening(of sink: AuditSink, at time: Timestamp) {}
}
