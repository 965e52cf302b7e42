import Configuration
import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// One request on a connection to a backend that speaks HTTP/2, as seen from an `UpstreamConnection`
// that it carries: that one writes an HTTP/1.1 request and reads an HTTP/1.1 answer, and what stands
// here turns the one into frames (UpstreamStream+Request.swift) and frames into the other
// (UpstreamStream+Answer.swift).

struct UpstreamStream: ~Copyable {
    /// What of the request comes next.
    enum Part: UInt8 {
        case head
        case content
        case trailers
        /// Nothing.
        case end
    }

    var session: Ref<UpstreamSession>
    let stream: ClientStream
    var part = Part.head
    /// Where the request's content ends.
    var reader = BodyReader(.none)
    /// The session has it no more.
    var hasLeft = false
    /// No stream could be opened for it, or none could carry it to its end: `attend` says so.
    var isRefused = false
    /// Whoever writes the request waits for room.
    var wantsRoom = false
    /// In the session's list of streams, and in that of those that have something to do.
    var next: Ref<UpstreamConnection>?
    var previous: Ref<UpstreamConnection>?
    var nextWaiting: Ref<UpstreamConnection>?
    var isWaiting = false
}

extension Ref<UpstreamSession> {
    /// What carries one request to this backend, and its answer back.
    func openStream() -> Ref<UpstreamConnection> {
        let worker = value.worker
        let upstream: Ref<UpstreamConnection>
        if let spare = worker.value.spareUpstreams.popLast() {
            upstream = spare
            spare.renew(on: self)
        } else {
            upstream = unsafe .make { unsafe make(at: $0) }
        }
        value.pool.retain()
        guard let carried = upstream.value.carried else { return upstream }
        carried.value.stream.reset()
        carried.value.next = value.firstStream
        value.firstStream?.value.carried?.value.previous = upstream
        value.firstStream = upstream
        value.unsubmitted += 1
        if value.phase == .connecting {
            upstream.value.phase = .connecting
            upstream.value.deadline.set(worker.value.use.value.timeouts.connect)
        }
        return upstream
    }

    private func make(at context: UnsafeMutableRawPointer) -> UpstreamConnection {
        let memory = value.worker.value.sessionMemory.handle
        let carried = Ref<UpstreamStream>.make(
            UpstreamStream(
                session: self, stream: unsafe ClientStream(owner: context, memory: memory)))
        return UpstreamConnection(
            worker: value.worker, pool: value.pool,
            stream: unsafe ByteStream(carriedBy: .ofUpstreams(context)), phase: .busy,
            deadline: unsafe Deadline(on: value.worker.value.wheel, upstreamExpired, context),
            carried: carried)
    }

    /// One of its streams is nobody's any more.
    fileprivate func unlink(_ upstream: Ref<UpstreamConnection>, _ carried: Ref<UpstreamStream>) {
        let next = carried.value.next
        if let previous = carried.value.previous {
            previous.value.carried?.value.next = next
        } else {
            value.firstStream = next
        }
        next?.value.carried?.value.previous = carried.value.previous
        carried.value.next = nil
        carried.value.previous = nil
        if carried.value.part == .head, !carried.value.isRefused { value.unsubmitted -= 1 }
        if carried.value.isWaiting { stopWaiting(upstream, carried) }
    }

    private func stopWaiting(_ upstream: Ref<UpstreamConnection>, _ carried: Ref<UpstreamStream>) {
        var before: Ref<UpstreamStream>?
        var current = value.firstWaiting
        while let other = current, other != upstream {
            before = other.value.carried
            current = before?.value.nextWaiting
        }
        if let before {
            before.value.nextWaiting = carried.value.nextWaiting
        } else {
            value.firstWaiting = carried.value.nextWaiting
        }
        carried.value.nextWaiting = nil
        carried.value.isWaiting = false
    }
}

extension Ref<UpstreamConnection> {
    /// Gives back what is more than a small request needs, before the storage is kept.
    func shrink() {
        value.inbound.release()
        value.outbound.release()
        if value.replay.capacity > 4096 { value.replay.release() }
        value.carried?.value.stream.reset()
    }

    /// Uses the storage of a stream that has ended for another one.
    fileprivate func renew(on session: Ref<UpstreamSession>) {
        guard let carried = value.carried else { return }
        value.pool = session.value.pool
        value.stream = unsafe ByteStream(carriedBy: .ofUpstreams(context))
        value.phase = .busy
        value.client = nil
        value.inbound.removeAll()
        value.outbound.removeAll()
        value.replay.removeAll()
        value.headLength = 0
        value.canReplay = false
        value.scanner.reset()
        value.content = BodyReader(.none)
        value.interimLength = 0
        value.isBroken = false
        value.queued = -1
        carried.value.session = session
        carried.value.part = .head
        carried.value.reader = BodyReader(.none)
        carried.value.hasLeft = false
        carried.value.isRefused = false
        carried.value.wantsRoom = false
    }

    // MARK: The connection

    /// The connection that carries it stands: what was kept for it goes.
    func sessionOpened() {
        guard value.phase == .connecting else { return }
        value.phase = .busy
        startResponseDeadline()
        flush()
    }

    /// The connection that carries it could not be made.
    func sessionFailed(_ failure: UpstreamFailure) {
        leaveSession(.cancel)
        if let client = value.client { client.upstreamRefused(failure) }
        close()
    }

    /// The connection that carries it is gone. What was never sent on it was certainly not acted on.
    func sessionLost(_ failure: UpstreamFailure) {
        guard let carried = value.carried else { return }
        let isSent = carried.value.stream.isSent
        leaveSession(.cancel)
        // Its client takes the rest in its own time.
        if carried.value.stream.isAnswered, value.client != nil { return wait() }
        streamEnded(isSent ? .unknown : .unprocessed, failure)
    }

    /// The stream has ended before its answer was whole.
    func streamEnded(_ fate: Exchange.Fate, _ failure: UpstreamFailure = .terminated) {
        if let client = value.client { client.upstreamEnded(cleanly: false, fate, failure) }
        close()
    }

    /// The backend has not answered in time.
    func noteTimeout() {
        guard value.phase == .busy, let carried = value.carried else { return }
        let timeout = value.worker.value.use.value.timeouts.response
        if !carried.value.hasLeft { carried.value.session.streamTimedOut(after: timeout) }
    }

    /// Nothing is left to be done here: resets the stream unless it has ended.
    fileprivate func leaveSession(_ code: ErrorCode) {
        guard let carried = value.carried, !carried.value.hasLeft else { return }
        carried.value.hasLeft = true
        let session = carried.value.session
        session.value.frames.close(carried.value.stream, code)
        session.unlink(self, carried)
        session.wake()
    }
}

// MARK: What the kernel does for a socket

extension StreamCarrier {
    fileprivate static func ofUpstreams(_ context: UnsafeMutableRawPointer) -> StreamCarrier {
        unsafe StreamCarrier(
            context: context, sending: carriedSend, waiting: carriedWaits,
            finishing: carriedFinishes, counting: carriedCount, closing: carriedCloses)
    }
}

private func carriedSend(
    _ context: UnsafeMutableRawPointer, _ head: UnsafePointer<UInt8>, _ headCount: Int,
    _ content: UnsafePointer<UInt8>, _ contentCount: Int
) -> Int {
    unsafe Ref<UpstreamConnection>(context: context).transmit(
        ByteView(base: head, count: headCount), ByteView(base: content, count: contentCount))
}

private func carriedWaits(_ context: UnsafeMutableRawPointer) {
    unsafe Ref<UpstreamConnection>(context: context).awaitRoom()
}

/// A request says where it ends.
private func carriedFinishes(_ context: UnsafeMutableRawPointer) {}

private func carriedCount(_ context: UnsafeMutableRawPointer) -> Int {
    unsafe Ref<UpstreamConnection>(context: context).value.carried?.value.stream.output.count ?? 0
}

private func carriedCloses(_ context: UnsafeMutableRawPointer, _ isCut: Bool) {
    unsafe Ref<UpstreamConnection>(context: context).leaveSession(.cancel)
}
