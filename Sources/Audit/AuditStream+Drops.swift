// Records that could not be written. They keep their numbers, so that a reader of the log sees
// the gap, and the next line that is written counts them.

import HTTPSyntax

/// Which drops the log does not tell of yet.
struct DropReport {
    /// Dropped since the last summary in the queue or in the log.
    var unreported: UInt64 = 0
    /// Summaries in the queue: where each one ends, and how many drops it tells of.
    private var queued: [(end: UInt64, count: UInt64)] = []

    mutating func didAppendSummary(endingAt end: UInt64) {
        queued.append((end, unreported))
        unreported = 0
    }

    /// Told of by summaries in the queue.
    var awaitingSummary: UInt64 { queued.reduce(0) { $0 + $1.count } }

    /// Summaries that end at or before `position` are in the log.
    mutating func settle(_ position: UInt64) {
        if !queued.isEmpty { queued.removeAll { $0.end <= position } }
    }

    /// Takes the summaries that end beyond `position` back and returns how many they were.
    mutating func withdrawSummaries(endingBeyond position: UInt64) -> Int {
        let withdrawn = queued.filter { $0.end > position }
        queued.removeAll { $0.end > position }
        for summary in withdrawn { unreported += summary.count }
        return withdrawn.count
    }
}

extension AuditStream {
    /// Whether drops have happened that no summary tells of, written or waiting.
    package var hasUnreportedDrops: Bool { drops.unreported > 0 }

    /// Gives a record that is not to be encoded its number and counts it as dropped.
    package func skip() {
        state.chain.sequence += 1
        state.chain.droppedTotal += 1
        drops.unreported += 1
    }

    /// Drops what waits, save the rest of a line whose beginning is written, and returns how many
    /// records that were.
    ///
    /// `position` goes back to the end of what is kept: records that ended beyond it are the lost
    /// ones. A summary among them is no loss: it gives its number back and is made anew.
    @discardableResult package func dropPending() -> Int {
        let waiting = state.queue.lines.count
        let lines = state.queue.dropUnbegun()
        guard lines > 0 else { return 0 }
        state.position -= UInt64(waiting - state.queue.lines.count)
        let begun = state.queue.begunLine
        state.chain.previousHash = begun.isEmpty ? settledHash : state.chain.digest(of: begun)
        let summaries = drops.withdrawSummaries(endingBeyond: position)
        let lost = lines - summaries
        state.chain.sequence -= UInt64(summaries)
        state.chain.droppedTotal += UInt64(lost)
        drops.unreported += UInt64(lost)
        return lost
    }

    /// Nothing is written any more: how many records are in no log, and no summary in the log tells
    /// of them.
    package func abandon() -> UInt64 {
        dropPending()
        let untold = drops.unreported + drops.awaitingSummary
        // What is left is the rest of a line: a summary, or one record more.
        let isRecordCut = pendingCount > 0 && drops.awaitingSummary == 0
        return untold + (isRecordCut ? 1 : 0)
    }

    /// A summary of what was dropped since the last one. Every other record appends it by
    /// itself first; this is for a sink that recovers while there is nothing to say.
    package func appendDropSummary(at time: Timestamp) { reportDrops(at: time) }

    func reportDrops(at time: Timestamp) {
        guard drops.unreported > 0 else { return }
        let last = sequence
        let start = state.begin(
            """
            ,"event.kind":"event","event.category":["process"],"event.type":["info"]\
            ,"event.action":"records-dropped","event.reason":"the log could not be written"
            """, at: time)
        state.queue.lines.append(",\"methodgate.dropped\":")
        state.queue.lines.append(number: drops.unreported)
        state.queue.lines.append(",\"methodgate.dropped_first\":")
        state.queue.lines.append(number: last - drops.unreported + 1)
        state.queue.lines.append(",\"methodgate.dropped_last\":")
        state.queue.lines.append(number: last)
        state.seal(from: start)
        drops.didAppendSummary(endingAt: position)
    }
}
