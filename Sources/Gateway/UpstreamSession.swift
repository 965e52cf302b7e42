import Configuration
import HTTP2
import HTTPSyntax
import TLS
import Transport

// A connection to a backend that speaks HTTP/2: it carries many requests at a time, each of them an
// `UpstreamConnection` of its own (UpstreamStream.swift), so that an answer takes the same way
// whatever it came by. See docs/http2.md.

struct UpstreamSession: ~Copyable {
    enum Phase: UInt8 {
        case connecting
        case open
        case closed
    }

    let worker: Ref<Worker>
    let pool: Ref<UpstreamPool>
    var stream: ByteStream
    var phase: Phase
    var deadline: Deadline
    let frames: ClientSession
    /// Frames that the kernel has not taken.
    var outbound = ByteBuffer()
    /// Streams that are somebody's, linked through theirs.
    var firstStream: Ref<UpstreamConnection>?
    /// Those of them whose request has not been handed to `frames`.
    var unsubmitted = 0
    /// Those that have something to do when the iteration ends, likewise.
    var firstWaiting: Ref<UpstreamConnection>?
    /// There may be something to send: it is in the worker's list.
    var isWoken = false
    /// `upstream_idle` runs.
    var isIdle = false
    /// Nothing new is sent on it: it ends with its last stream.
    var isRetired = false
    /// The backend takes nothing more: what it has sent before is still read, and then its end.
    var isMute = false
    /// When bytes came last, in milliseconds of the worker's wheel.
    var received: UInt64 = 0
    /// In the pool's list.
    var next: Ref<UpstreamSession>?
    var previous: Ref<UpstreamSession>?

    /// Bytes that are made ready for one send(2).
    static let batch = 96 * 1024
}

extension Ref<UpstreamSession> {
    /// Opens a connection, or nil with errno where that fails at once.
    static func open(
        _ pool: Ref<UpstreamPool>, on worker: Ref<Worker>
    ) -> (session: Ref<UpstreamSession>?, code: Int32) {
        switch Connector.connect(to: pool.value.address) {
        case .failed(let code): return (nil, code)
        case .connected(let descriptor) where pool.value.tls == nil:
            return (make(descriptor, .open, pool, worker), 0)
        case .connected(let descriptor), .connecting(let descriptor):
            let session = make(descriptor, .connecting, pool, worker)
            if let tls = pool.value.tls {
                let layer = Ref<TLSSession>.connect(
                    tls, resuming: pool.value.resumption, worker.value.ciphertext)
                guard let layer else {
                    session.close()
                    return (nil, UpstreamFailure.noMemory)
                }
                session.value.stream.begin(layer)
            }
            session.value.stream.startWriting()
            session.value.deadline.set(worker.value.use.value.timeouts.connect)
            return (session, 0)
        }
    }

    private static func make(
        _ descriptor: Int32, _ phase: UpstreamSession.Phase, _ pool: Ref<UpstreamPool>,
        _ worker: Ref<Worker>
    ) -> Ref<UpstreamSession> {
        let base = worker.value.base
        let session = unsafe Ref<UpstreamSession>.make { context in
            UpstreamSession(
                worker: worker, pool: pool,
                stream: unsafe ByteStream(
                    descriptor, on: base, readable: sessionReadable, writable: sessionWritable,
                    context: context),
                phase: phase,
                deadline: unsafe Deadline(on: worker.value.wheel, sessionExpired, context),
                frames: ClientSession(
                    handlers: .ofGateway, limits: HeaderBlock.Limits(worker.value.responseLimits),
                    now: worker.value.wheel.value.now,
                    memory: worker.value.sessionMemory.handle))
        }
        session.value.stream.startReading()
        worker.value.upstreamCount += 1
        worker.value.upstreamChanges &+= 1
        pool.retain()
        pool.link(session)
        return session
    }

    /// Goes on with a connection attempt, whose time includes that of TLS.
    func finishConnecting() {
        // Once a handshake has begun, why it is refused may stand before the reset.
        let code = value.stream.isShakingHands ? 0 : value.stream.pendingError
        guard code == 0 else {
            fail(.unreachable(code))
            return
        }
        switch value.stream.shakeHands() {
        case .complete: begin()
        case .pending, .plaintext: break
        case .failed:
            guard let tls = value.stream.tls else { return close() }
            fail(UpstreamFailure(tls))
        }
    }

    /// The connection stands: what waited for it goes.
    private func begin() {
        if let tls = value.stream.tls, !tls.applicationProtocol.equals(ByteView("h2")) {
            fail(.tls(.other, ByteView("the backend did not agree to HTTP/2 (ALPN)")))
            return
        }
        value.phase = .open
        value.deadline.clear()
        var stream = value.firstStream
        while let current = stream {
            stream = current.value.carried?.value.next
            current.sessionOpened()
        }
        wake()
    }

    // MARK: Input

    /// Bytes or an end have come from the backend: reads until the stream is drained.
    func readable(toEnd: Bool) {
        value.worker.refreshClock()
        if value.phase == .connecting { finishConnecting() }
        guard value.phase == .open else { return }
        for _ in 0..<Worker.readsInARow {
            guard readOnce(toEnd: toEnd) else { return }
        }
        value.stream.readAgain()
    }

    /// One recv(2); whether there may be more to read.
    private func readOnce(toEnd: Bool) -> Bool {
        let space = value.worker.readSpace
        switch value.stream.receive(into: space) {
        case .bytes(let count):
            let now = value.worker.value.wheel.value.now
            value.received = now
            let goesOn = value.frames.receive(space.slice(0, count), now: now)
            guard value.phase == .open else { return false }
            guard goesOn else {
                // The GOAWAY that goes now says what is wrong, of which its end says nothing; unless
                // the backend takes nothing.
                if value.outbound.isEmpty { wake() } else { close() }
                return false
            }
            noteOpenSection()
            let limit = value.frames.streamLimit
            value.pool.value.streamLimit = limit
            putBackStreams(beyond: limit)
            wake()
            // As in HTTP/1.1: a reset that came with the bytes is announced by nothing.
            return toEnd || value.firstStream != nil
                || value.stream.mayHoldMore(after: count, in: space)
        case .wouldBlock: break
        case .endOfStream, .truncated, .failed: lost()
        }
        return false
    }

    /// A stream hears of its head or trailers when they are whole: what comes of them before is
    /// progress all the same. How long they may be is bounded.
    private func noteOpenSection() {
        guard let owner = unsafe value.frames.sectionOwner else { return }
        let stream = unsafe Ref<UpstreamConnection>(context: owner)
        if stream.value.phase == .busy { stream.startResponseDeadline() }
    }

    /// The backend has gone. With TLS 1.3 it says only now what it has against the handshake.
    private func lost() {
        if value.received == 0, let tls = value.stream.tls, !tls.failure.isEmpty {
            fail(UpstreamFailure(tls))
        } else {
            close()
        }
    }

    // MARK: Ends

    /// Nothing new is sent on it.
    func retire() {
        value.isRetired = true
        wake()
    }

    /// Ends it in peace: no stream is open that is anybody's.
    func leave() {
        guard value.phase == .open else { return close() }
        value.frames.terminate(.noError)
        if value.outbound.isEmpty { _ = sendFrames() }
        close()
    }

    /// Closes it; its streams are lost, and the storage goes at the end of the iteration.
    func close() {
        let failure = value.frames.problem.map { UpstreamFailure.broken($0) } ?? .terminated
        guard end() else { return }
        while let stream = value.firstStream {
            stream.value.carried?.value.stream.output.disconnect()
            stream.sessionLost(failure)
        }
    }

    /// The connection could not be made: so it is said to all that wait for it.
    func fail(_ failure: UpstreamFailure) {
        guard end() else { return }
        while let stream = value.firstStream {
            stream.value.carried?.value.stream.output.disconnect()
            stream.sessionFailed(failure)
        }
    }

    private func end() -> Bool {
        guard value.phase != .closed else { return false }
        value.phase = .closed
        value.pool.unlink(self)
        value.deadline.clear()
        let worker = value.worker
        if let descriptor = value.stream.abandon() {
            worker.value.upstreamChanges &+= 1
            worker.close(upstream: descriptor)
        }
        worker.value.closedSessions.append(self)
        return true
    }

    // MARK: Streams

    /// Whether one more request may go on it. As long as nothing has come on it the limit is that of
    /// the last connection, and one may go in any case: how else would it be known that more may.
    var hasRoom: Bool {
        guard value.phase != .closed, !value.isRetired, value.frames.takesStreams else {
            return false
        }
        let count = value.frames.streamCount + value.unsubmitted
        guard value.received == 0 else { return count < value.frames.streamLimit }
        let limit = Swift.min(value.pool.value.streamLimit, value.frames.streamLimit)
        return count < Swift.max(1, limit)
    }

    /// The backend may have lowered its limit: requests that are beyond it and have not gone yet,
    /// which nghttp2 would keep for as long, go elsewhere. With none at all it ends with the streams
    /// that it has.
    private func putBackStreams(beyond limit: Int) {
        if limit == 0 { value.isRetired = true }
        var excess = value.frames.streamCount - limit
        var stream = value.firstStream
        // Those that came last are first in the list, and last in nghttp2's.
        while excess > 0, let current = stream, let carried = current.value.carried {
            stream = carried.value.next
            // What cannot be sent again waits as long as there is hope.
            guard !carried.value.stream.isSent, carried.value.part != .head,
                current.value.canReplay || limit == 0
            else { continue }
            carried.value.isRefused = true
            current.wait()
            excess -= 1
        }
    }

    /// Whether nothing that should be silent has spoken or ended: a connection without streams is
    /// read in its turn then, and not used before.
    func isQuiet() -> Bool {
        guard value.phase == .open, value.firstStream == nil else { return true }
        guard !value.stream.isSilent else { return true }
        value.stream.readAgain()
        return false
    }
}

func sessionReadable(_: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<UpstreamSession>(context: context).readable(toEnd: StreamEnd.isAnnounced(what))
}

func sessionWritable(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<UpstreamSession>(context: context).writable()
}

func sessionExpired(_ context: UnsafeMutableRawPointer) {
    unsafe Ref<UpstreamSession>(context: context).expired()
}
