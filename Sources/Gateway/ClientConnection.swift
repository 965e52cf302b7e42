import Configuration
import HTTP1
import HTTPSyntax
import Policy
import Transport

// One connection of a client, or one stream of a connection that carries many: the requests it
// carries one after another, and the answers that go back in their order. Extensions by what happens: +Reading, +Writing, Forwarding, Rejection.

struct ClientConnection: ~Copyable {
    enum Phase: UInt8 {
        /// A PROXY header must come before the first request.
        case proxyHeader
        /// TLS is being set up.
        case handshake
        /// Between two requests, nothing read.
        case idle
        /// Part of a head has come.
        case head
        /// A request runs: `exchange`.
        case exchange
        /// It carries streams: `http2` has them.
        case frames
        /// No HTTP any more: `upgrade` has the tunnel.
        case tunnel
        /// Content of a request that was answered here is read and dropped.
        case draining
        /// Our side has ended; whatever still comes is read and dropped for a while.
        case lingering
        case closed
    }

    let worker: Ref<Worker>
    var stream: ByteStream
    var peer: SocketAddress
    var phase = Phase.idle
    var deadline: Deadline
    /// Bytes that came but are not used: a partial head, pipelined requests, held-back content.
    var inbound = ByteBuffer()
    /// Bytes for the client that the kernel has not taken, or that wait for the log.
    var outbound = ByteBuffer()
    var origin: ClientOrigin
    /// What is to come before the first request; nil for plain HTTP.
    let tls: ListenTLS?
    /// The number of the acceptor that took it; 0 for a stream.
    var acceptor: UInt32 = 0
    /// It began under settings of its listener that are no longer in force: the next answer is its
    /// last.
    var isOutdated = false
    /// It should have spoken TLS.
    var lacksTLS = false
    var identity = ClientIdentity()
    var scanner = HeadScanner()
    var exchange = Exchange()
    /// Content of the request that runs or is drained.
    var content = BodyReader(.none)
    /// Bytes of content so far, against the limit.
    var contentCount: UInt64 = 0
    var upstream: Ref<UpstreamConnection>?
    /// The configuration that the running request began with.
    var use: Ref<SnapshotUse>?
    /// Nothing of `outbound` may go before the log holds this many bytes of the worker's stream.
    var recordEnd: UInt64 = 0
    var isHeld = false
    /// Bytes of `outbound` before the last answer that is to wait for the log, and its form.
    var heldFrom = 0
    var heldForm = AnswerForm()
    /// Being processed further up the stack: whoever completes something need not go on.
    var isProcessing = false
    /// Upstream reading is paused until `outbound` has gone.
    var hasPausedUpstream = false
    /// Bytes in the kernel when the client was last found not to read; 0 while it reads.
    var queued = 0
    /// What is to happen once `outbound` has gone.
    var end = Exchange.ClientEnd.keep
    /// The client has ended its side.
    var hasEnded = false
    /// A request has been read on this connection.
    var hasServed = false
    /// Its first bytes may be the preface of HTTP/2.
    var mayBeHTTP2 = false
    /// An empty line before the next request has been skipped.
    var hasSkippedLine = false
    /// Rule and method of the running request, for the truthful Allow of its answer and the log.
    var rule: Int32 = -1
    var method = MethodID.unknown
    /// Fields that `Connection` of the running request, and of its answer, names and that may come
    /// as trailers (`ConnectionOption.others`).
    var requestHops: UInt64 = 0
    var responseHops: UInt64 = 0
    /// What passes at its path: no answer may promise more.
    var allowed = MethodSet.none
    var isPreflight = false
    /// When the running request's head was judged, in microseconds since 1970.
    var started: Int64 = 0
    /// Looks for overrides in the content of the running request; nil where there is nothing to
    /// look for.
    var watch: Ref<ContentWatch>?
    /// What the access log will say; nil where there is none.
    var note: Ref<RequestNote>?
    /// Made for the first request that may ask for another protocol.
    var upgrade: Ref<Upgrade>?
    /// The streams it carries, once it speaks HTTP/2.
    var http2: Ref<HTTP2Connection>?
    /// What it is itself a stream of.
    var carried: Ref<HTTP2Stream>?
    var next: Ref<ClientConnection>?
    var previous: Ref<ClientConnection>?

    /// Output that may gather before a client that does not read is read no further.
    static let outboundLimit = 64 * 1024
    /// Unused input that may gather.
    static let inboundLimit = 64 * 1024
    /// Content of a rejected request that is read and dropped to keep the connection.
    static let drainLimit: UInt64 = 256 * 1024
    /// Milliseconds a client gets to read an answer it did not wait for.
    static let lingerTime = 5000
    /// The same in a drain.
    static let drainedLingerTime = 1000
    /// Milliseconds a connection that has carried no request yet has for one while draining.
    static let firstRequestTime = 1000
    /// Milliseconds for which a drain answers requests that came before the last answer.
    static let pipelineTime = 5000
    /// Bytes that are read and dropped while lingering.
    static let lingerLimit: UInt64 = 1024 * 1024
}

extension Ref<ClientConnection> {
    /// Takes in an accepted descriptor, or closes it where its client has enough connections.
    static func open(
        _ descriptor: Int32, peer: SocketAddress, on worker: Ref<Worker>, acceptor: UInt32 = 0,
        expectsProxyHeader: Bool = false, tls: ListenTLS? = nil, allowsHTTP2: Bool = false
    ) {
        let base = worker.value.base
        let address = peer.ipAddress
        var origin = ClientOrigin(address: address, isTrusted: worker.trusts(address))
        guard worker.admit(&origin) else {
            Socket.close(descriptor)
            return
        }
        let client = unsafe Ref<ClientConnection>.make { context in
            ClientConnection(
                worker: worker,
                stream: unsafe ByteStream(
                    descriptor, on: base, readable: clientReadable, writable: clientWritable,
                    context: context),
                peer: peer,
                deadline: unsafe Deadline(on: worker.value.wheel, clientExpired, context),
                origin: origin, tls: tls)
        }
        client.value.acceptor = acceptor
        client.value.mayBeHTTP2 = allowsHTTP2
        client.value.identity.describe(address)
        client.value.stream.startReading()
        worker.value.counters.connections.add()
        worker.link(client)
        if expectsProxyHeader {
            client.awaitProxyHeader()
        } else {
            client.beginHTTP(received: .empty)
        }
    }

    /// Closes at once; the storage goes at the end of the iteration.
    func close() {
        guard value.phase != .closed else { return }
        if value.phase == .tunnel { concludeTunnel() }
        value.http2?.closeStreams()
        endExchange()
        guard !isSettling else {
            value.phase = .lingering
            awaitReading()
            return
        }
        if value.isHeld { logUnanswered() }
        value.phase = .closed
        value.deadline.clear()
        value.stream.close()
        value.worker.unlink(self)
        // One that waits for the log may be kept for long, and counts no more.
        if value.isHeld && !value.isProcessing {
            value.inbound.release()
            value.outbound.release()
        }
    }

    /// Closes so that the client cannot take what it got for a whole answer.
    func abort() {
        guard value.phase != .closed else { return }
        value.stream.resetOnClose()
        close()
    }

    /// Forgets the running request: its upstream connection, if it still has one, is lost.
    func endExchange() {
        logAccess()
        endWatch()
        if let upstream = value.upstream {
            value.upstream = nil
            upstream.close()
        }
        if let use = value.use {
            value.use = nil
            value.worker.release(use)
        }
        value.hasPausedUpstream = false
    }

    /// A deadline has passed.
    func expired() {
        value.worker.refreshClock()
        guard !value.isHeld else {
            if value.phase == .tunnel { value.upgrade?.value.tunnel.cut(.unrecorded) }
            close()
            return
        }
        guard value.outbound.isEmpty && !hasCarriedOutput || value.phase == .tunnel else {
            if hasRead { awaitReading() } else { cutOffLate(true) }
            return
        }
        switch value.phase {
        // Its answer is whole, which the code does not put in doubt (RFC 9113 §8.1).
        case .draining where value.carried != nil: stopRequest()
        // So that a reset does not take the answer away from who still sends.
        case .draining where value.worker.value.isDraining: finish(.linger)
        case .idle, .draining, .lingering: close()
        case .proxyHeader: proxyHeaderTimedOut()
        case .handshake: handshakeFailed(isLate: true)
        case .head:
            value.origin.client = nil
            refuseLate(value.inbound.view)
        case .exchange: contentTimedOut()
        case .frames: value.http2?.expired()
        case .tunnel: tunnelTimedOut()
        case .closed: break
        }
    }

    /// The client has stopped sending content.
    private func contentTimedOut() {
        if value.exchange.hasAnswered || value.exchange.request == .complete {
            cutOffLate(false)
        } else {
            refuseRunning(.requestTimeout)
        }
    }
}

func clientReadable(_: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<ClientConnection>(context: context).readable(toEnd: StreamEnd.isAnnounced(what))
}

func clientWritable(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<ClientConnection>(context: context).writable()
}

func clientExpired(_ context: UnsafeMutableRawPointer) {
    unsafe Ref<ClientConnection>(context: context).expired()
}
