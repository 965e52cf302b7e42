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
                    now: worker.value.wheel.value.now))
        }
        session.value.stream.startReading()
        worker.value.upstreamCount += 1
        pool.link(session)
        return session
    }

    /// Goes on with a connection attempt, whose time includes that of TLS.
    private func finishConnecting() {
        let code = value.stream.pendingError
        guard code == 0 else {
            fail(.unreachable(code))
            return
        }
        switch value.stream.shakeHands() {
        case .complete: begin()
        case .pending, .plaintext: break
        case .failed:
            guard let tls = value.stream.tls else { return close() }
            fail(.tls(tls.isCertificateFailure ? .certificate : .handshake, tls.failure))
        }
    }

    /// The connection stands: what waited for it goes.
    private func begin() {
        if let tls = value.stream.tls, !tls.applicationProtocol.equals(ByteView("h2")) {
            fail(.tls(.handshake, ByteView("the backend did not agree to HTTP/2 (ALPN)")))
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
            _ = value.frames.receive(space.slice(0, count), now: now)
            guard value.phase == .open else { return false }
            value.pool.value.streamLimit = value.frames.streamLimit
            wake()
            // As in HTTP/1.1: a reset that came with the bytes is announced by nothing.
            return toEnd || value.firstStream != nil
                || value.stream.mayHoldMore(after: count, in: space)
        case .wouldBlock: break
        case .endOfStream, .truncated, .failed: close()
        }
        return false
    }

    // MARK: Output

    /// There is something to send, or to be looked after: at the end of the iteration, so that the
    /// frames of all streams leave in as few calls as can be.
    func wake() {
        guard !value.isWoken else { return }
        value.isWoken = true
        value.worker.value.wokenSessions.append(self)
        value.worker.value.hasWoken = true
    }

    /// The kernel has room, or a connection attempt is decided.
    func writable() {
        value.worker.refreshClock()
        if value.phase == .connecting { finishConnecting() }
        guard value.phase == .open else { return }
        sendKept()
        wake()
    }

    private func sendKept() {
        switch value.stream.send(value.outbound.view) {
        case .bytes(let count): value.outbound.consume(count)
        case .wouldBlock, .endOfStream, .truncated: break
        case .failed:
            // What the backend has sent before is still to be read, and then its end.
            value.outbound.removeAll()
        }
        guard value.outbound.isEmpty else {
            value.stream.startWriting()
            return
        }
        value.outbound.release()
        value.stream.stopWriting()
    }

    /// Lets streams do what they waited for, and sends what there is.
    func flush() {
        value.isWoken = false
        while value.phase == .open {
            while let stream = takeWaiting() { stream.attend() }
            guard value.phase == .open else { return }
            guard value.outbound.isEmpty else { break }
            guard sendFrames() else { break }
        }
        guard value.phase == .open else { return }
        if value.frames.isOver {
            close()
        } else if value.isRetired && value.firstStream == nil {
            leave()
        } else {
            limit()
        }
    }

    /// Whether there may be more to send.
    private func sendFrames() -> Bool {
        let worker = value.worker
        worker.value.frames.removeAll()
        guard value.frames.send(into: &worker.value.frames, limit: UpstreamSession.batch) else {
            close()
            return false
        }
        guard value.phase == .open else { return false }
        guard !worker.value.frames.isEmpty else { return value.firstWaiting != nil }
        let bytes = worker.value.frames.view
        var sent = 0
        if case .bytes(let count) = value.stream.send(bytes) { sent = count }
        guard sent < bytes.count else { return true }
        value.outbound.append(bytes.dropFirst(sent))
        value.stream.startWriting()
        return false
    }

    private func takeWaiting() -> Ref<UpstreamConnection>? {
        guard let stream = value.firstWaiting, let carried = stream.value.carried else {
            return nil
        }
        value.firstWaiting = carried.value.nextWaiting
        carried.value.nextWaiting = nil
        carried.value.isWaiting = false
        return stream
    }

    // MARK: Time

    /// Without a stream the connection is kept for `upstream_idle`; the time of requests that run
    /// is kept with each.
    private func limit() {
        guard value.firstStream == nil else {
            if value.isIdle { value.deadline.clear() }
            value.isIdle = false
            return
        }
        guard !value.isIdle else { return }
        value.isIdle = true
        value.deadline.set(value.worker.value.use.value.timeouts.upstreamIdle)
        value.frames.releaseStorage()
    }

    /// It was not connected in time, or has been idle.
    func expired() {
        value.worker.refreshClock()
        switch value.phase {
        case .connecting: fail(.connectTimeout)
        case .open: if value.firstStream == nil { leave() }
        case .closed: break
        }
    }

    /// A backend that said nothing on any stream for as long as this one waited for its answer may
    /// be gone without a word: what comes next goes on another connection.
    func streamTimedOut(after milliseconds: Int) {
        let now = value.worker.value.wheel.value.now
        if value.received &+ UInt64(milliseconds) <= now { retire() }
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
        guard end() else { return }
        while let stream = value.firstStream {
            stream.value.carried?.value.stream.output.disconnect()
            stream.sessionLost()
        }
    }

    /// The connection could not be made: so it is said to all that wait for it.
    private func fail(_ failure: UpstreamFailure) {
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
        value.stream.close()
        value.worker.value.upstreamCount -= 1
        value.worker.value.closedSessions.append(self)
        return true
    }

    // MARK: Streams

    /// Whether one more request may go on it.
    var hasRoom: Bool {
        guard value.phase != .closed, !value.isRetired, value.frames.takesStreams else {
            return false
        }
        let limit = Swift.min(value.pool.value.streamLimit, value.frames.streamLimit)
        return value.frames.streamCount + value.unsubmitted < Swift.max(1, limit)
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
