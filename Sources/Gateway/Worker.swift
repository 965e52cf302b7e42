import Audit
import Configuration
import HTTP1
import HTTP2
import HTTPSyntax
import Policy
import Transport

// One worker: a thread with its own loop, listeners, pools, buffers and log stream. Everything
// here belongs to that thread; orders come through the inbox, reports leave through the outbox.

struct Worker: ~Copyable {
    let index: Int
    let base: EventBase
    let wheel: Ref<DeadlineWheel>
    let inbox: Mailbox<WorkerOrder>
    let outbox: Mailbox<WorkerReport>
    var use: Ref<SnapshotUse>
    var acceptors: [Ref<Acceptor>] = []
    /// How many there have been.
    var acceptorCount: UInt32 = 0
    /// Those of the configuration in force, and older ones that something still names.
    var pools: [Ref<UpstreamPool>] = []
    /// Nothing names one of them any more.
    var hasFreePools = false
    var inboxEvent: Event
    var tick: Event
    /// Looks again at a log that was full a moment ago.
    var retry: Event
    /// Has the loop go round once more though nothing happens.
    var more: Event
    var log: WriteAhead
    let scratch = Uncounted(forever: JudgeScratch())
    let clients: ClientCounter
    let counters: WorkerCounters
    let redirects: RedirectMemory

    /// Heads are parsed into these, one at a time.
    var request: RequestHead
    var response: ResponseHead
    /// What is believed of `request`, where a trusted proxy sent it.
    var chain = ForwardingChain()
    /// Bytes came behind that head: its content, or the next request.
    var isFollowed = false
    var requestLimits: HeadLimits
    var responseLimits: HeadLimits

    /// What TLS sessions read and write through.
    let ciphertext = Ref<TLSCiphertext>.make(TLSCiphertext())
    /// What recv(2) fills; processed in place, then done with.
    var readBuffer = ByteBuffer(capacity: Worker.readSize)
    /// The head being written.
    var output = ByteBuffer(capacity: 16384)
    /// Field lines the gate adds to that head.
    var extra = ByteBuffer(capacity: 4096)
    /// Content of an answer of our own.
    var body = ByteBuffer(capacity: 4096)
    /// Bytes of content of the answer of ours that was written last.
    var ownContent: UInt64 = 0
    var text = ByteBuffer(capacity: 1024)
    /// What would have passed, for the client to read; empty where there is nothing to say.
    var hint = ByteBuffer(capacity: 512)
    /// Where a redirect leads, or a request that may follow one; and the one that it follows.
    var target = RedirectTarget()
    var redirect = RedirectNote()
    var hasRedirect = false
    /// What passes at the path of the request being answered: as Allow, and as JSON.
    var allowed = ByteBuffer(capacity: 256)
    var allowedJSON = ByteBuffer(capacity: 256)
    /// Of the record being written: the peer's, and behind it the client's.
    var addresses = ByteBuffer(capacity: 128)
    var clientText = ByteBuffer(capacity: 64)
    /// What the answer being written says of an override.
    var override = OverrideNote()
    var date = HTTPDate()
    var answers = AnswerCache()
    /// An answer on its way to a client that speaks HTTP/2: its head, and the same as a list.
    var answerHead: ResponseHead
    var answerFields: FieldList
    /// A request on its way to a backend that speaks HTTP/2, likewise.
    var sentHead: RequestHead
    var sentFields: FieldList
    /// nghttp2's, for both.
    let sessionMemory = SessionMemory()
    /// Frames for such a peer, and a piece of content from such a client, as a chunk.
    var frames = ByteBuffer()
    var chunk = ByteBuffer()
    /// Storage for output that waits for the log, over and over.
    var spares = ByteBufferPool(blockSize: 2048, most: 256)
    let ids: Ref<EventIDGenerator>

    var now: Timestamp
    var isClockStale = true
    /// How far the one clock is ahead of the other (`Silence`).
    var clockOffset: Int64 = 0
    var isDraining = false
    var isAcceptingPaused = false
    var drainDeadline: UInt64 = .max
    /// When a drain answers no more pipelined requests.
    var pipelineDeadline: UInt64 = .max
    /// Requests and tunnels that a drain did not wait for any longer.
    var cutOff = 0
    var clientCount = 0
    var connectionLimit: Int
    /// Upstream connections that are open.
    var upstreamCount = 0
    /// How many have been opened and closed so far, together.
    var upstreamChanges = 0
    var closings = Closings()
    var firstClient: Ref<ClientConnection>?
    var closedClients: [Ref<ClientConnection>] = []
    /// Those that have frames to send.
    var wokenConnections: [Ref<HTTP2Connection>] = []
    /// Storage of streams that have ended, for others.
    var spareStreams: [Ref<ClientConnection>] = []
    var closedUpstreams: [Ref<UpstreamConnection>] = []
    /// The same of connections to backends that speak HTTP/2, and of their streams.
    var wokenSessions: [Ref<UpstreamSession>] = []
    var closedSessions: [Ref<UpstreamSession>] = []
    /// Of streams whose connection is gone and whose answer is whole those that may go on with it.
    var wokenUpstreams: [Ref<UpstreamConnection>] = []
    var spareUpstreams: [Ref<UpstreamConnection>] = []
    /// One of the lists of what is woken is not empty.
    var hasWoken = false
    var retiredUses: [Ref<SnapshotUse>] = []

    /// Bytes of one recv(2) at most.
    static let readSize = 128 * 1024
    /// Reads of one stream before the others get their turn.
    static let readsInARow = 8
    /// Streams whose storage is kept.
    static let spareLimit = 512
    /// Content up to this is copied behind its head rather than sent as a second piece.
    static let copyLimit = 4096
}

/// What the main thread tells a worker.
enum WorkerOrder: Sendable {
    case adopt(Snapshot, [ListenerUse], connectionLimit: Int)
    case logsReopened
    case drain
    /// Answered with `alive`: a loop that hangs does not.
    case ping(UInt64)
}

/// What a worker tells the main thread.
package enum WorkerReport: Sendable {
    /// It has no connection left and its thread has ended; so many requests and tunnels outlasted
    /// the drain, and so many lines the logs did not take.
    case ended(worker: Int, cutOff: Int, lost: LostLines)
    /// Its loop failed: it serves nobody any more, and its connections are lost.
    case failed(worker: Int)
    case alive(worker: Int, ping: UInt64)
    /// It decides by a new configuration from now on, and counts there.
    case adopted(worker: Int, RuleCounters?)
}

extension Ref<Worker> {
    // MARK: The loop

    /// Runs until drained. On the worker's own thread.
    func run() {
        value.inboxEvent.add()
        value.more.add()
        var hasFailed = false
        while !isDone {
            guard value.base.runOnce() else {
                hasFailed = true
                break
            }
            endIteration()
        }
        if !hasFailed { leaveBackends() }
        endClosing()
        let lost = value.log.close(at: .now())
        value.outbox.post(
            hasFailed
                ? .failed(worker: value.index)
                : .ended(worker: value.index, cutOff: value.cutOff, lost: lost))
    }

    /// Backends of HTTP/2 are told that no request follows (RFC 9113 §6.8).
    private func leaveBackends() {
        for pool in value.pools {
            while let session = pool.value.firstSession { session.leave() }
        }
    }

    /// Drained, or as far as the time allows.
    private var isDone: Bool {
        value.isDraining && value.clientCount == 0 && (value.log.isSettled || isTimeUp)
    }

    /// Whether draining has taken as long as it may.
    private var isTimeUp: Bool { value.wheel.value.now >= value.drainDeadline }

    /// Write-ahead, then release, then free, then what nobody waits for: in this order.
    private func endIteration() {
        flushLog()
        flushFrames()
        reap()
        // Releasing may have produced rejections of pipelined requests: their records, too, are
        // written before the loop waits again.
        while value.log.hasUnwritten {
            flushLog()
            flushFrames()
            reap()
        }
        flushAccessLog()
        goOnClosing()
        value.isClockStale = true
        publishCounts()
        if needsTicks {
            if !value.tick.isAdded { value.tick.add(everyMilliseconds: DeadlineWheel.tick) }
        } else {
            value.tick.remove()
        }
    }

    /// Whether there is something to do though nothing happens. The rest of a cut access record is:
    /// as long as it waits, no other worker may write to that log.
    var needsTicks: Bool {
        value.wheel.value.count > 0 || value.log.isStuck || value.log.access.pendingCount > 0
            || value.isDraining || value.isAcceptingPaused
    }

    /// What goes up and down, and what others count already, once an iteration.
    private func publishCounts() {
        let counters = value.counters
        let stream = value.log.stream
        counters.openConnections.set(UInt64(value.clientCount))
        counters.recordsDropped.set(stream.droppedTotal)
        counters.recordsWaiting.set(UInt64(stream.pendingCount))
        if stream.pendingCount == 0 {
            counters.recordsWritten.set(stream.sequence - stream.droppedTotal)
        }
    }

    /// Frees what was closed in this iteration; nothing refers to it any more.
    func reap() {
        while let client = value.closedClients.popLast() {
            client.value.upgrade?.destroy()
            client.value.upgrade = nil
            if client.value.carried != nil, value.spareStreams.count < Worker.spareLimit {
                client.value.note?.value.waiting.removeAll()
                value.spareStreams.append(client)
                continue
            }
            client.value.note?.destroy()
            client.value.http2?.destroy()
            client.value.carried?.destroy()
            client.destroy()
        }
        while let upstream = value.closedUpstreams.popLast() {
            release(upstream.value.pool)
            if upstream.value.carried != nil, value.spareUpstreams.count < Worker.spareLimit {
                upstream.shrink()
                value.spareUpstreams.append(upstream)
                continue
            }
            upstream.value.carried?.destroy()
            upstream.destroy()
        }
        if !value.closedSessions.isEmpty {
            while let session = value.closedSessions.popLast() {
                release(session.value.pool)
                session.destroy()
            }
        }
        while let use = value.retiredUses.popLast() {
            for pool in use.value.pools { release(pool) }
            use.destroy()
        }
        freePools()
    }

    /// Reads the clocks once an iteration, at the first thing that happens in it.
    func refreshClock() {
        guard value.isClockStale else { return }
        value.isClockStale = false
        let wall = Clock.wallNanoseconds()
        value.wheel.value.now = Clock.milliseconds()
        value.now = Timestamp(microseconds: wall / 1000)
        value.clockOffset = Silence.clockOffset(wall, value.wheel.value.now)
    }

    /// The period of the deadlines has passed.
    func ticked() {
        refreshClock()
        DeadlineWheel.advance(value.wheel)
        if value.log.isStuck { retryLog() }
        resumeAccepting()
        if isTimeUp { endDrain() }
    }

    // MARK: Buffers

    /// Room for one recv(2).
    var readSpace: MutableByteView {
        value.readBuffer.removeAll()
        return value.readBuffer.space(atLeast: Worker.readSize)
    }

    // MARK: Snapshots

    func retainUse() -> Ref<SnapshotUse> {
        value.use.value.users += 1
        return value.use
    }

    /// A request has ended on `use`.
    func release(_ use: Ref<SnapshotUse>) {
        use.value.users -= 1
        if use.value.users == 0 && use != value.use { value.retiredUses.append(use) }
    }

    // MARK: Connections

    /// - Parameter isCarried: it is a stream of a connection that counts already.
    func link(_ client: Ref<ClientConnection>, isCarried: Bool = false) {
        client.value.next = value.firstClient
        value.firstClient?.value.previous = client
        value.firstClient = client
        if !isCarried { value.clientCount += 1 }
    }

    /// Takes a closed client out; its storage goes when the iteration ends.
    func unlink(_ client: Ref<ClientConnection>) {
        precondition(
            value.firstClient == client || client.value.previous != nil, "closed twice")
        let next = client.value.next
        if let previous = client.value.previous {
            previous.value.next = next
        } else {
            value.firstClient = next
        }
        next?.value.previous = client.value.previous
        client.value.next = nil
        client.value.previous = nil
        if client.value.carried == nil { value.clientCount -= 1 }
        if client.value.origin.isCounted { value.clients.leave(client.value.origin.address) }
        // One that waits for the log is freed by whoever takes it off that list.
        if !client.value.isHeld { value.closedClients.append(client) }
        resumeAccepting()
    }
}

func workerTicked(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<Worker>(context: context).ticked()
}

func workerRetriesLog(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    let worker = unsafe Ref<Worker>(context: context)
    worker.refreshClock()
    worker.retryLog()
}

func workerHasOrders(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<Worker>(context: context).takeOrders()
}
