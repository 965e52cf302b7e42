import Audit
import Transport

// The end of a worker's logs: a last attempt, and what it leaves unwritten.

/// How many lines of the logs a worker could not write, and told nobody of by then.
package struct LostLines: Equatable, Sendable {
    package var blocks: UInt64 = 0
    package var access: UInt64 = 0

    package init() {}

    package static func += (total: inout LostLines, other: LostLines) {
        total.blocks += other.blocks
        total.access += other.access
    }
}

extension WriteAhead {
    /// A last attempt, when the worker ends; what it leaves unwritten. Whoever is still within a
    /// line then never ends it: the other workers go on behind it.
    mutating func close(at time: Timestamp) -> LostLines {
        var lost = LostLines()
        if stream.hasUnreportedDrops { stream.appendDropSummary(at: time) }
        if stream.pendingCount > 0 { Self.insist { [stream, sink] in stream.flush(to: sink) } }
        sink.leaveLine(of: ObjectIdentifier(stream))
        lost.blocks = stream.abandon()
        // The only trace of their requests, where the block log took nothing.
        unanswered.move(to: access, settled: .max, position: .max)
        guard let accessSink else { return lost }
        if access.pendingCount > 0 { Self.insist { [access] in access.flush(to: accessSink) } }
        accessSink.leaveLine(of: ObjectIdentifier(access))
        lost.access = access.unwrittenAtEnd
        return lost
    }

    /// Tries until all is taken, or the log is not full for a moment only.
    private static func insist(_ flush: () -> SinkResult) {
        let end = Clock.milliseconds() + patience
        while flush().isMomentary, Clock.milliseconds() < end { Clock.pause(milliseconds: 1) }
    }
}
