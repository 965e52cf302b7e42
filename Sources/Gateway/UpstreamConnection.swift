import Configuration
import HTTP1
import HTTPSyntax
import Transport

// One connection to an upstream: connecting, serving one exchange, or idle in its pool. Or one
// stream of a connection that carries many, for one exchange.

struct UpstreamConnection: ~Copyable {
    enum Phase: UInt8 {
        case connecting
        case busy
        /// What comes is no HTTP any more.
        case tunnel
        case idle
        case closed
    }

    let worker: Ref<Worker>
    var pool: Ref<UpstreamPool>
    var stream: ByteStream
    var phase: Phase
    var deadline: Deadline
    /// The client whose exchange runs here; nil while idle.
    var client: Ref<ClientConnection>?
    /// Bytes of an answer's head or trailer section that is not complete.
    var inbound = ByteBuffer()
    /// Request bytes the kernel has not taken.
    var outbound = ByteBuffer()
    /// What has been handed over of the current request: its head, since whoever answers for an
    /// upstream that does not has to know what was asked, and all else where `canReplay`.
    var replay = ByteBuffer()
    /// Bytes of the head in `replay`.
    var headLength = 0
    /// Whether `replay` holds all of it, to send it again.
    var canReplay = false
    var scanner = HeadScanner()
    var content = BodyReader(.none)
    /// Bytes of the interim answers to the request in hand: all of them are bounded as one head is.
    var interimLength = 0
    /// The kernel takes no more: whatever answer came before that is still to be read.
    var isBroken = false
    /// What is known of the silence before the request in hand.
    var silence = Silence()
    /// Bytes in the kernel when the upstream was last found not to read; -1 where more have gone
    /// there since.
    var queued = -1
    var nextIdle: Ref<UpstreamConnection>?
    var previousIdle: Ref<UpstreamConnection>?
    /// What it is a stream of; nil for a connection of its own.
    var carried: Ref<UpstreamStream>?

    /// Bytes of a request that are kept for sending it again.
    static let replayLimit = 32 * 1024
}

extension Ref<UpstreamConnection> {
    /// Opens a connection, or nil with errno where that fails at once.
    static func open(
        _ pool: Ref<UpstreamPool>, on worker: Ref<Worker>
    ) -> (connection: Ref<UpstreamConnection>?, code: Int32) {
        if pool.value.isHTTP2 {
            let (session, code) = Ref<UpstreamSession>.open(pool, on: worker)
            return (session?.openStream(), code)
        }
        switch Connector.connect(to: pool.value.address) {
        case .failed(let code): return (nil, code)
        case .connected(let descriptor) where pool.value.tls == nil:
            return (make(descriptor, .busy, pool, worker), 0)
        case .connected(let descriptor), .connecting(let descriptor):
            let connection = make(descriptor, .connecting, pool, worker)
            if let tls = pool.value.tls {
                let session = Ref<TLSSession>.connect(
                    tls, resuming: pool.value.resumption, worker.value.ciphertext)
                guard let session else {
                    connection.close()
                    return (nil, UpstreamFailure.noMemory)
                }
                connection.value.stream.begin(session)
            }
            connection.value.stream.startWriting()
            connection.value.deadline.set(worker.value.use.value.timeouts.connect)
            return (connection, 0)
        }
    }

    private static func make(
        _ descriptor: Int32, _ phase: UpstreamConnection.Phase, _ pool: Ref<UpstreamPool>,
        _ worker: Ref<Worker>
    ) -> Ref<UpstreamConnection> {
        let base = worker.value.base
        let connection = unsafe Ref<UpstreamConnection>.make { context in
            UpstreamConnection(
                worker: worker, pool: pool,
                stream: unsafe ByteStream(
                    descriptor, on: base, readable: upstreamReadable, writable: upstreamWritable,
                    context: context),
                phase: phase,
                deadline: unsafe Deadline(on: worker.value.wheel, upstreamExpired, context))
        }
        connection.value.stream.startReading()
        worker.value.upstreamCount += 1
        worker.value.upstreamChanges &+= 1
        pool.retain()
        return connection
    }

    /// Closes it; the storage goes at the end of the iteration.
    func close() {
        guard value.phase != .closed else { return }
        if value.phase == .idle { value.pool.unlink(self) }
        value.phase = .closed
        value.client = nil
        value.deadline.clear()
        let worker = value.worker
        if let descriptor = value.stream.abandon() {
            worker.value.upstreamChanges &+= 1
            worker.close(upstream: descriptor)
        }
        worker.value.closedUpstreams.append(self)
    }

    /// Closes one that has been taken out of its pool.
    func closeTaken() {
        value.phase = .busy
        close()
    }

    /// Puts it back between two requests.
    func becomeIdle() {
        guard !value.pool.value.isRetired, value.carried == nil else {
            close()
            return
        }
        value.phase = .idle
        value.client = nil
        value.replay.removeAll()
        value.interimLength = 0
        value.inbound.release()
        value.stream.startReading()
        value.deadline.set(value.worker.value.use.value.timeouts.upstreamIdle)
        value.pool.putIdle(self)
    }

    // MARK: Sending the request

    /// Keeps the head of a request that is about to be sent.
    func remember(_ head: ByteView) {
        value.replay.removeAll()
        value.replay.append(head)
        value.headLength = head.count
        if head.count > UpstreamConnection.replayLimit { value.canReplay = false }
    }

    /// Sends head and content bytes, keeping what the kernel refuses.
    ///
    /// - Parameter remembered: how many of them, at the front, are kept already.
    func send(_ bytes: ByteView, remembered: Int = 0) {
        keepForReplay(bytes.dropFirst(remembered))
        guard !value.isBroken, !bytes.isEmpty else { return }
        guard value.phase != .connecting, value.outbound.isEmpty else {
            value.outbound.append(bytes)
            return
        }
        switch value.stream.send(bytes) {
        case .bytes(let count):
            value.client?.value.exchange.hasSentBytes = true
            value.queued = -1
            guard count < bytes.count else { return }
            keepUnsent(bytes.dropFirst(count))
        case .wouldBlock, .endOfStream, .truncated: keepUnsent(bytes)
        case .failed: stopSending()
        }
    }

    /// Sending has failed. What the upstream answered before it stopped reading is still to be read,
    /// and then its end, of which no edge may tell any more: a reset's may have come with the last
    /// answer.
    private func stopSending() {
        value.isBroken = true
        value.outbound.removeAll()
        if value.stream.isReading { value.stream.readAgain() }
    }

    private func keepUnsent(_ bytes: ByteView) {
        value.outbound.append(bytes)
        value.queued = value.stream.queuedBytes
        value.stream.startWriting()
    }

    private func keepForReplay(_ bytes: ByteView) {
        guard value.canReplay, !bytes.isEmpty else { return }
        if value.replay.count + bytes.count <= UpstreamConnection.replayLimit {
            value.replay.append(bytes)
        } else {
            value.canReplay = false
            value.replay.truncate(to: value.headLength)
        }
    }

    /// Whether request content has to wait for the upstream to read.
    var isCongested: Bool { value.outbound.count > 0 && !value.isBroken }

    /// Whether another request may follow on it: all of this one has gone.
    var isReusable: Bool { value.outbound.isEmpty && !value.isBroken }

    /// The kernel has room, or a connection attempt is decided.
    func writable() {
        value.worker.refreshClock()
        if value.phase == .connecting { finishConnecting() }
        flush()
    }

    /// Goes on with a connection attempt, whose time includes that of TLS.
    private func finishConnecting() {
        // Once a handshake has begun, why it is refused may stand before the reset.
        let code = value.stream.isShakingHands ? 0 : value.stream.pendingError
        guard code == 0 else {
            connectionFailed(code)
            return
        }
        switch value.stream.shakeHands() {
        case .complete:
            value.phase = .busy
            startResponseDeadline()
        case .pending, .plaintext: break
        case .failed: handshakeFailed()
        }
    }

    private func handshakeFailed() {
        guard let client = value.client, let tls = value.stream.tls else {
            close()
            return
        }
        client.upstreamRefused(UpstreamFailure(tls))
    }

    func flush() {
        guard value.phase == .busy || value.phase == .tunnel else { return }
        if !value.outbound.isEmpty {
            switch value.stream.send(value.outbound.view) {
            case .bytes(let count):
                value.client?.value.exchange.hasSentBytes = true
                value.outbound.consume(count)
                value.queued = value.outbound.isEmpty ? -1 : value.stream.queuedBytes
                if value.phase == .tunnel {
                    value.client?.touchTunnel()
                } else {
                    startResponseDeadline()
                }
            case .wouldBlock, .endOfStream, .truncated: break
            case .failed: stopSending()
            }
        }
        guard value.outbound.isEmpty else {
            // A socket is still watched; a stream is told once.
            value.stream.startWriting()
            return
        }
        value.outbound.release()
        value.stream.stopWriting()
        value.client?.resumeRequestContent()
    }

    /// The upstream's time runs from its last progress, and not while the client holds it up.
    func startResponseDeadline() {
        guard value.client?.value.hasPausedUpstream != true else { return }
        let use = value.client?.useInForce ?? value.worker.value.use
        value.deadline.set(use.value.timeouts.response)
    }

    private func connectionFailed(_ code: Int32) {
        guard let client = value.client else {
            close()
            return
        }
        client.upstreamUnreachable(code)
    }
}

func upstreamReadable(_: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<UpstreamConnection>(context: context).readable(toEnd: StreamEnd.isAnnounced(what))
}

func upstreamWritable(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<UpstreamConnection>(context: context).writable()
}

func upstreamExpired(_ context: UnsafeMutableRawPointer) {
    unsafe Ref<UpstreamConnection>(context: context).expired()
}
