// One worker's access records.

import HTTPSyntax

/// The access records of one worker, encoded and waiting to be written. For one thread.
package final class AccessLog {
    package init(owner: Int, observer: Observer, redactQuery: Bool) {}

    package var pendingCount: Int { 0 }

    package func append(_ record: borrowing AccessRecord) {}

    package func flush(to sink: AuditSink) -> SinkResult { SinkResult(written: 0, code: 0) }

    /// Drops what waits, save the rest of a line whose beginning is written, and returns how many
    /// records that were.
    @discardableResult package func dropPending() -> Int { 0 }
}
