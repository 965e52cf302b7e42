import Configuration
import HTTP1
import HTTPSyntax
import Transport

// The way out (SIGTERM, SIGINT): nothing new is taken in, every request that is here is answered,
// each connection ends with the last of them, and what outlasts `timeouts.drain` is cut off and
// told. The kernel never says when a client's bytes arrive, so that a look at what it holds comes
// right before a connection ends: a request that came before our FIN is answered.

extension Ref<Worker> {
    /// Accepts nothing more, ends idle connections, lets requests finish.
    func drain() {
        guard !value.isDraining else { return }
        for acceptor in value.acceptors { acceptor.retire() }
        value.isDraining = true
        for acceptor in value.acceptors { acceptor.destroy() }
        value.acceptors = []
        let now = value.wheel.value.now
        let time = value.use.value.timeouts.drain
        value.drainDeadline = now + UInt64(time)
        value.pipelineDeadline = now + UInt64(Swift.min(time / 2, ClientConnection.pipelineTime))
        var client = value.firstClient
        while let current = client {
            client = current.value.next
            current.drain()
        }
    }

    /// Time is up: what still runs is cut off.
    func endDrain() {
        // A stream stands before the connection that carries it, which takes its streams with it.
        while let current = value.firstClient {
            if current.isWaitedFor { value.cutOff += 1 }
            if current.value.phase == .tunnel {
                current.cutTunnel(.drained)
            } else {
                // What never got an answer, too.
                current.noteCut(ByteView(Self.outlasted))
                current.cutOff(.drain, Self.outlasted)
            }
        }
    }

    private static var outlasted: StaticString {
        "cut off: the gate ended before the answer did (timeouts.drain)"
    }
}

extension Ref<ClientConnection> {
    /// The gate is going away: an idle connection ends now, unless a request is already here; a
    /// new one gets a moment for its first request, which is on its way more often than not.
    func drain() {
        switch value.phase {
        // Whoever is only waited for, with nothing left to get, is so for a moment.
        case .lingering where value.carried == nil:
            value.deadline.set(ClientConnection.drainedLingerTime)
        case .draining:
            if value.outbound.isEmpty, !value.isHeld, !hasCarriedOutput { limitDrained() }
        // A stream's request is its only one.
        case _ where value.carried != nil: break
        case .idle, .proxyHeader, .handshake:
            if value.stream.isReading { readable(toEnd: false) }
            endWhenIdle()
            guard value.phase == .idle || value.isBeforeHTTP, !value.hasServed else {
                return
            }
            value.deadline.set(ClientConnection.firstRequestTime)
        case .frames: value.http2?.drain()
        case .head, .exchange, .tunnel, .lingering, .closed: break
        }
    }

    /// The time for what is still to come of content that nobody wants.
    func limitDrained() {
        let worker = value.worker
        value.deadline.set(
            worker.value.isDraining
                ? ClientConnection.drainedLingerTime
                : worker.value.use.value.timeouts.clientContent)
    }

    /// In a drain: ends a connection that has carried a request and owes nothing, unless the next
    /// request is here.
    func endWhenIdle() {
        guard value.phase == .idle, value.hasServed, value.end == .keep, !value.isHeld,
            value.carried == nil, value.outbound.isEmpty, value.inbound.isEmpty
        else { return }
        // The event for what waits is on its way.
        if value.stream.hasInput { return }
        close()
    }

    /// Whether the connection is to end as soon as it owes nothing: in a drain, or since its
    /// listener's settings have changed.
    @inline(__always) var isEnding: Bool { value.worker.value.isDraining || value.isOutdated }

    /// Where `isEnding`, before the answer of a backend, or in its place, is written: it is the
    /// connection's last, unless the next request is here.
    func endAfterLastRequest() {
        let isFollowed =
            value.exchange.request == .complete && mayFollow
            && (!value.inbound.isEmpty || value.stream.hasInput)
        if !isFollowed { value.exchange.endClientAfterwards() }
    }

    /// Likewise: whether the request in `worker.request`, which is about to be answered here, has
    /// another one behind it that is to be answered, too.
    var isFollowedByRequest: Bool {
        let worker = value.worker
        return worker.value.request.framing == .none && mayFollow
            && (worker.value.isFollowed || value.stream.hasInput)
    }

    /// Whoever keeps sending requests before the last one is answered gets this long.
    private var mayFollow: Bool {
        !value.hasEnded && value.worker.value.wheel.value.now < value.worker.value.pipelineDeadline
    }

    /// Whether a client waits for something that a cut takes from it.
    fileprivate var isWaitedFor: Bool {
        switch value.phase {
        case .exchange, .tunnel, .head: true
        case .idle, .proxyHeader, .handshake, .frames, .draining, .lingering, .closed:
            value.isHeld
        }
    }
}
