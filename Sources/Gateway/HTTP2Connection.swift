import Configuration
import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// A client's connection that speaks HTTP/2: frames in, frames out. Its requests are streams, and
// each of them is a `ClientConnection` of its own that this one carries (HTTP2Stream.swift), so
// that a request takes the same way whatever it came by. See docs/http2.md.

struct HTTP2Connection: ~Copyable {
    enum End: UInt8 {
        case open
        /// The client has been told that an end comes, and may not know yet.
        case announced
        /// No new streams are taken.
        case closing
    }

    /// The connection that reads and writes the frames.
    let client: Ref<ClientConnection>
    let session: ServerSession
    /// Streams that have not ended, linked through theirs.
    var firstStream: Ref<ClientConnection>?
    /// Those that may go on writing, likewise.
    var firstWaiting: Ref<ClientConnection>?
    var end = End.open
    /// When a client that was told of the end counts as knowing it; monotonic milliseconds.
    var knownAt: UInt64 = 0
    /// There may be something to send: it is in the worker's list.
    var isWoken = false
    /// Counts what is read, so that a stream can tell what came together.
    var reads: UInt64 = 0
    /// Streams have pieces that wait for the rest of what was read.
    var hasPieces = false
    /// `client_head` runs.
    var limitsHead = false
    /// The field section that it is about, as the session counts them, and when it must be whole;
    /// monotonic milliseconds.
    var section: UInt64 = 0
    var sectionDue: UInt64 = 0
    /// `client_idle` runs.
    var isIdle = false
    /// Its turn is over: what is left of its bytes waits for the next round of the loop.
    var isPaused = false
    /// Requests and resets that are taken in before the next look at what they have cost: fewer
    /// where the last ones cost something.
    var stride = HTTP2Connection.strides.lowerBound

    static let strides = 4...32
    /// Connections to backends that may be opened and closed on its behalf before others get their
    /// turn: what costs most of a request, and what a flood of resets repeats.
    static let changesInATurn = 4
    /// Strides in a turn, for frames that cost nothing else: a hundred requests go in one.
    static let stridesInATurn = 4
    /// Bytes that are made ready for one send(2).
    static let batch = 96 * 1024
}

extension Ref<ClientConnection> {
    /// The client speaks HTTP/2, as was agreed on or as its preface says: from now on this
    /// connection carries others.
    func beginHTTP2() {
        let worker = value.worker
        let connection = unsafe Ref<HTTP2Connection>.make { context in
            HTTP2Connection(
                client: self,
                session: unsafe ServerSession(
                    owner: context, handlers: .ofGateway,
                    limits: HeaderBlock.Limits(worker.value.requestLimits),
                    now: worker.value.wheel.value.now,
                    memory: worker.value.sessionMemory.handle))
        }
        value.http2 = connection
        value.phase = .frames
        value.hasServed = true
        value.identity.raiseVersion()
        value.deadline.clear()
        worker.value.counters.http2Connections.add()
        // Our SETTINGS need not wait for the client's.
        connection.wake()
        if isEnding { connection.drain() }
    }

    /// Frames have come; how many bytes were used, which are all but those of the next turn.
    func takeFrames(_ bytes: ByteView) -> Int {
        guard let connection = value.http2 else { return bytes.count }
        guard !connection.value.isPaused else { return 0 }
        let hadEnded = connection.value.session.endCode != nil
        connection.value.reads &+= 1
        let used = connection.receive(bytes)
        connection.deliverPieces()
        if !hadEnded, connection.value.session.endCode == .enhanceYourCalm {
            value.worker.value.counters.http2Floods.add()
        }
        guard value.phase == .frames else { return bytes.count }
        connection.wake()
        connection.limit()
        return used
    }

    /// The next turn of a connection that was paused has come; whether its socket is to be read, since
    /// all that was read before has been used.
    func goOnWithFrames(_ connection: Ref<HTTP2Connection>) -> Bool {
        connection.value.isPaused = false
        resume()
        return value.inbound.isEmpty && !connection.value.isPaused && value.stream.isReading
    }
}

extension Ref<HTTP2Connection> {
    var worker: Ref<Worker> { value.client.value.worker }

    /// Hands bytes to the session until they are used or the turn is over.
    fileprivate func receive(_ bytes: ByteView) -> Int {
        let worker = worker
        let now = worker.value.wheel.value.now
        let strides = HTTP2Connection.strides
        var left = HTTP2Connection.changesInATurn
        var count = 0
        var used = 0
        while used < bytes.count, left > 0, count < HTTP2Connection.stridesInATurn {
            count += 1
            let before = worker.value.upstreamChanges
            used += value.session.receive(bytes.dropFirst(used), now: now, limit: value.stride)
            let changes = worker.value.upstreamChanges &- before
            left -= changes
            value.stride =
                changes > 0 ? strides.lowerBound : min(value.stride * 2, strides.upperBound)
        }
        value.isPaused = left <= 0 || used < bytes.count
        return used
    }

    /// Hands over what streams have kept of the bytes that were read.
    fileprivate func deliverPieces() {
        guard value.hasPieces else { return }
        value.hasPieces = false
        var stream = value.firstStream
        while let current = stream {
            stream = current.value.carried?.value.next
            current.deliverPieces()
        }
    }

    // MARK: Output

    /// There is something to send: it goes when the iteration ends, in as few calls as can be.
    func wake() {
        guard !value.isWoken else { return }
        value.isWoken = true
        worker.value.wokenConnections.append(self)
        worker.value.hasWoken = true
    }

    /// Sends what there is, and lets streams write that waited for room.
    func flush() {
        value.isWoken = false
        let client = value.client
        // A connection that only lingers has a deadline of its own.
        if client.value.phase == .frames, value.end == .announced,
            worker.value.wheel.value.now >= value.knownAt
        {
            refuseNewStreams()
        }
        while client.value.phase == .frames {
            while let stream = takeWaiting() { stream.writable() }
            guard client.value.outbound.isEmpty else { return }
            worker.value.frames.removeAll()
            let isFine = value.session.send(
                into: &worker.value.frames, limit: HTTP2Connection.batch)
            guard isFine else {
                client.abort()
                return
            }
            if worker.value.frames.isEmpty {
                guard value.firstWaiting != nil else { break }
                continue
            }
            client.send(.empty, worker.value.frames.view)
        }
        guard client.value.phase == .frames else { return }
        let isLast = client.value.hasEnded && value.session.streamCount == 0
        if isLast || value.session.isOver {
            // Streams are left where nghttp2 has ended the connection, for a fault of the client's.
            closeStreams(.requestError, Ref<ClientConnection>.brokeHTTP2)
            client.finish(.linger)
        } else {
            limit()
        }
    }

    private func takeWaiting() -> Ref<ClientConnection>? {
        guard let stream = value.firstWaiting, let carried = stream.value.carried else {
            return nil
        }
        value.firstWaiting = carried.value.nextWaiting
        carried.value.nextWaiting = nil
        carried.value.isWaiting = false
        return stream
    }

    // MARK: Ends

    /// The gate is going away. The client is told, and has until it knows to send what is on its
    /// way; then no stream is taken any more, and the connection ends with the last one.
    func drain() {
        guard value.end == .open else { return }
        value.end = .announced
        value.session.announceEnd()
        value.knownAt =
            worker.value.wheel.value.now + UInt64(ClientConnection.firstRequestTime)
        value.client.value.deadline.set(ClientConnection.firstRequestTime)
        wake()
    }

    /// It knows.
    func ponged() {
        if value.end == .announced { refuseNewStreams() }
    }

    func refuseNewStreams() {
        value.end = .closing
        value.session.refuseNewStreams()
        limitAgain()
        wake()
    }

    /// The client sends nothing any more: what it has sent whole is answered.
    func clientEnded() {
        var stream = value.firstStream
        while let current = stream {
            stream = current.value.carried?.value.next
            let isWhole =
                current.value.phase != .tunnel && current.value.exchange.request == .complete
            if !isWhole {
                current.cutOff(.requestError, Ref<ClientConnection>.endedAmidContent)
            }
        }
        value.end = .closing
        wake()
    }

    /// The connection is gone, or about to be: so are its streams.
    ///
    /// - Parameters: why; the gate itself has ended it where the session says so.
    func closeStreams(
        _ cut: AnswerCut = .clientGone, _ reason: StaticString = Ref<ClientConnection>.gone
    ) {
        let isOurs = cut == .clientGone && value.session.endCode != nil
        while let stream = value.firstStream {
            stream.value.carried?.value.output.disconnect()
            if isOurs {
                stream.cutOff(.requestError, Ref<ClientConnection>.brokeHTTP2)
            } else {
                stream.cutOff(cut, reason)
            }
        }
    }
}

extension Ref<Worker> {
    /// Sends what this iteration has brought for connections of HTTP/2.
    @inline(__always) func flushFrames() {
        guard value.hasWoken else { return }
        sendFrames()
    }

    /// To backends first: what that makes room for may bring something for clients, and the other
    /// way round.
    @inline(never) private func sendFrames() {
        while true {
            while let session = value.wokenSessions.popLast() { session.flush() }
            while let upstream = value.wokenUpstreams.popLast() { upstream.attend() }
            if let connection = value.wokenConnections.popLast() { connection.flush() }
            // An answer that ends lets a request follow, for which another session is woken.
            let isQuiet =
                value.wokenSessions.isEmpty && value.wokenUpstreams.isEmpty
                && value.wokenConnections.isEmpty
            if isQuiet { break }
        }
        value.hasWoken = false
    }
}
