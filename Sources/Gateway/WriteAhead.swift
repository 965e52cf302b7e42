import Audit
import Configuration
import HTTPSyntax
import Policy
import Transport

// No client sees a block that is not in the log: answers with a record are held back until one
// write at the end of the loop's iteration has handed all records of that iteration to the
// kernel. What happens when the log takes nothing is the operator's choice (`on_full`).

struct WriteAhead: ~Copyable {
    let stream: AuditStream
    var sink: AuditSink
    var onFull: LogTarget.OnFull
    /// Answers that wait, in the order of their records.
    var held: [HeldAnswer] = []
    /// The last write was not taken whole: what needs a record waits.
    var isStuck = false
    /// And not for a moment only: what `on_full` says is in force.
    var isFull = false
    /// When the log last took something, in monotonic milliseconds.
    var lastProgress: UInt64 = 0
    let access: AccessLog
    var accessSink: AuditSink?
    var unanswered = UnansweredLines()

    init(index: Int, snapshot: Snapshot, process: ProcessIdentity) {
        let log = snapshot.settings.log
        stream = AuditStream(
            id: StreamID(start: process.start, worker: index), observer: process.observer,
            redactQuery: log.blocks.query == .redact)
        sink = snapshot.blockSink
        onFull = log.blocks.onFull
        access = AccessLog(
            observer: process.observer,
            redactQuery: (log.access ?? log.blocks).query == .redact)
        accessSink = snapshot.accessSink
    }

    /// Goes on under a new configuration's log settings.
    mutating func adopt(_ snapshot: Snapshot) {
        let log = snapshot.settings.log
        // What waits for an old sink is written there as far as it takes it.
        if sink !== snapshot.blockSink {
            _ = stream.flush(to: sink)
            sink.leaveLine(of: ObjectIdentifier(stream))
        }
        stream.adopt(
            redactQuery: log.blocks.query == .redact,
            otherSink: sink !== snapshot.blockSink ? snapshot.blockSink : nil)
        sink = snapshot.blockSink
        onFull = log.blocks.onFull
        if let accessSink, accessSink !== snapshot.accessSink {
            access.flush(to: accessSink)
            accessSink.leaveLine(of: ObjectIdentifier(access))
        }
        access.adopt(
            redactQuery: (log.access ?? log.blocks).query == .redact,
            isOtherSink: accessSink !== snapshot.accessSink)
        accessSink = snapshot.accessSink
        if accessSink == nil { access.dropPending() }
    }

    /// Whether records of this iteration wait for their first write.
    var hasUnwritten: Bool { !isStuck && stream.pendingCount > 0 }
    /// Whether nothing waits for the log, or for one that may lose it and takes nothing.
    var isSettled: Bool {
        held.isEmpty && (stream.pendingCount == 0 || isFull && onFull != .block)
    }

    /// Whether a record would be dropped right now.
    var dropsNow: Bool { isFull && onFull == .drop }
    /// Whether so much waits that a request which needs a record is cut off without one, and
    /// without an answer: those that wait are as many as there are connections, again and again.
    var isOverfull: Bool { isStuck && stream.pendingCount > Self.pendingLimit }
    /// Bytes of records that may wait for a log that takes nothing.
    static let pendingLimit = 16 << 20
    /// Whether a request that needs a record gets none right now.
    var isShut: Bool { refusesNow || isOverfull }
    /// Whether a request that needs a record is refused right now.
    var refusesNow: Bool { isFull && onFull == .refuse }
    /// Whether a record that nobody waits for finds no room.
    var losesShadows: Bool { isFull || isOverfull }
    /// Milliseconds for which a pipe may take nothing before that is more than its reader's turn:
    /// one iteration's records can be more than a pipe holds.
    static let patience: UInt64 = 200
}

extension Ref<Worker> {
    /// Writes the iteration's records and lets go of what waited for them.
    func flushLog() {
        guard value.log.hasUnwritten else { return }
        let result = value.log.stream.flush(to: value.log.sink)
        if result.isFull {
            value.log.lastProgress = value.wheel.value.now
            notTaken(result)
        }
        releaseSettled()
    }

    /// Writes the iteration's access records, after the block records that they name.
    func flushAccessLog() {
        if !value.log.unanswered.isEmpty { value.log.takeUnanswered() }
        guard value.log.access.pendingCount > 0 else { return }
        guard let sink = value.log.accessSink else {
            // They waited for the block log while a reload took the access log away.
            value.log.access.dropPending()
            return
        }
        if value.log.access.flush(to: sink).isFull { value.log.access.dropPending() }
    }

    /// The log did not take everything: for a moment, or for good as far as anybody can tell.
    private func notTaken(_ result: SinkResult) {
        value.log.isStuck = true
        if result.written > 0 {
            value.log.lastProgress = value.wheel.value.now
            value.log.isFull = false
        }
        let waited = value.wheel.value.now - value.log.lastProgress
        if result.isMomentary && waited < WriteAhead.patience {
            if !value.retry.isAdded { value.retry.add(everyMilliseconds: 1) }
        } else {
            value.retry.remove()
            logIsFull()
        }
    }

    /// Tries again a log that took nothing.
    func retryLog() {
        var result = value.log.stream.flush(to: value.log.sink)
        // What was lost is told as soon as there is room, and not only before another record.
        if !result.isFull, value.log.stream.hasUnreportedDrops {
            value.log.stream.appendDropSummary(at: value.now)
            result = value.log.stream.flush(to: value.log.sink)
        }
        if result.isFull {
            notTaken(result)
        } else {
            value.log.isStuck = false
            value.log.isFull = false
            value.retry.remove()
        }
        releaseSettled()
        guard !result.isFull else { return }
        // Those that stopped because of the log go on.
        var client = value.firstClient
        while let current = client {
            client = current.value.next
            // What carries streams does not stop for the log, and would close others.
            if current.value.phase != .frames { current.resume() }
        }
    }

    private func logIsFull() {
        let wasFull = value.log.isFull
        value.log.isFull = true
        switch value.log.onFull {
        case .block:
            // Each has its time once: another vain attempt gives no more of it.
            if !wasFull { for answer in value.log.held { limitHold(answer.client) } }
        case .drop: value.log.stream.dropPending()
        case .refuse:
            value.log.stream.dropPending()
            refuseDropped(wasFull: wasFull)
        }
    }

    /// Appends a record, or counts it as dropped where the log takes nothing and may lose it.
    func record(
        _ record: borrowing BlockRecord, readings: [String] = [], rules: [RuleFacts] = []
    ) {
        value.counters.blocks.add(Int(record.action.rawValue))
        if value.log.dropsNow {
            value.log.stream.skip()
        } else {
            value.log.stream.append(record, readings: readings, rules: rules)
        }
    }
}
