import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// One request of a connection of HTTP/2, as seen from a `ClientConnection` that it carries: that
// one reads an HTTP/1.1 request and writes an HTTP/1.1 answer, and what stands here turns frames
// into the one (HTTP2Stream+Request.swift) and the other into frames (HTTP2Stream+Answer.swift).

struct HTTP2Stream: ~Copyable {
    /// How the request's content is told where it ends, in HTTP/1.1.
    enum Content {
        /// There is none, or nobody takes it.
        case none
        /// That many bytes are still to come.
        case counted(UInt64)
        case chunked
        /// It is no content but a tunnel's bytes.
        case tunnel
    }

    /// What of the answer comes next.
    enum Part: UInt8 {
        case head
        case content
        case trailers
        /// Nothing.
        case end
    }

    var connection: Ref<HTTP2Connection>
    let output: StreamOutput
    var content = Content.none
    /// Bytes of content that the client may not send again yet.
    var unacknowledged = 0
    /// The read (`HTTP2Connection.reads`) whose content was handed over last.
    var lastRead: UInt64 = 0
    /// Small pieces of content wait in `inbound` for the rest of what was read.
    var hasPieces = false
    var part = Part.head
    /// Where the answer's content ends.
    var reader = BodyReader(.none)
    /// The answer has no content whatever its fields say.
    var isHead = false
    /// An extended CONNECT (RFC 8441).
    var asksTunnel = false
    /// Any other CONNECT.
    var isConnect = false
    /// By its Content-Type, wherever that stands.
    var call = CallType.none
    /// Why the request is not wanted to its end.
    var code = ErrorCode.noError
    /// In the connection's list of streams, and in that of those that may go on writing.
    var next: Ref<ClientConnection>?
    var previous: Ref<ClientConnection>?
    var nextWaiting: Ref<ClientConnection>?
    var isWaiting = false
}

extension HTTP2Stream {
    /// Becomes another one in its place: all that is not said here is as `init` has it.
    fileprivate mutating func begin(on connection: Ref<HTTP2Connection>) {
        self.connection = connection
        content = .none
        unacknowledged = 0
        lastRead = 0
        hasPieces = false
        part = .head
        reader = BodyReader(.none)
        isHead = false
        asksTunnel = false
        isConnect = false
        call = .none
        code = .noError
        next = nil
        previous = nil
        nextWaiting = nil
        isWaiting = false
    }
}

extension ClientConnection {
    /// Becomes another stream of the same worker in the place of one that has ended: every field is
    /// as `init` has it, but for those that outlive a stream. Written out, because a whole value of
    /// this size would be moved three times for each request; a test compares the list with the
    /// fields.
    fileprivate mutating func begin(
        _ stream: consuming ByteStream, of peer: SocketAddress, _ origin: ClientOrigin
    ) {
        self.stream = stream
        self.peer = peer
        self.origin = origin
        phase = .idle
        inbound.release()
        outbound.release()
        acceptor = 0
        isOutdated = false
        lacksTLS = false
        identity = ClientIdentity()
        scanner = HeadScanner()
        exchange = Exchange()
        content = BodyReader(.none)
        contentCount = 0
        upstream = nil
        use = nil
        recordEnd = 0
        isHeld = false
        heldFrom = 0
        heldForm = AnswerForm()
        isProcessing = false
        hasPausedUpstream = false
        queued = 0
        end = .keep
        hasEnded = false
        hasServed = false
        mayBeHTTP2 = false
        hasSkippedLine = false
        rule = -1
        method = .unknown
        requestHops = 0
        responseHops = 0
        allowed = .none
        isPreflight = false
        started = 0
        watch = nil
        upgrade = nil
        http2 = nil
        next = nil
        previous = nil
    }
}

extension Ref<HTTP2Connection> {
    /// A request has begun: opens what is going to read it.
    func open(_ stream: Int32) -> Ref<ClientConnection> {
        let worker = value.client.value.worker
        worker.value.counters.http2Requests.add()
        let spare = worker.value.spareStreams.popLast()
        let client: Ref<ClientConnection>
        if let spare {
            client = spare
            spare.value.begin(
                unsafe ByteStream(carriedBy: .ofStreams(spare.context)),
                of: value.client.value.peer, carriedOrigin)
            spare.value.carried?.value.begin(on: self)
        } else {
            client = unsafe .make { unsafe make(at: $0) }
        }
        guard let carried = client.value.carried else { return client }
        carried.value.output.reset(stream: stream)
        carried.value.next = value.firstStream
        value.firstStream?.value.carried?.value.previous = client
        value.firstStream = client
        value.session.attach(carried.value.output)
        worker.link(client, isCarried: true)
        return client
    }

    private func make(at context: UnsafeMutableRawPointer) -> ClientConnection {
        let client = value.client
        let output = unsafe StreamOutput(
            owner: context, memory: client.value.worker.value.sessionMemory.handle)
        let carried = Ref<HTTP2Stream>.make(HTTP2Stream(connection: self, output: output))
        return ClientConnection(
            worker: client.value.worker,
            stream: unsafe ByteStream(carriedBy: .ofStreams(context)), peer: client.value.peer,
            deadline: unsafe Deadline(on: client.value.worker.value.wheel, clientExpired, context),
            origin: carriedOrigin, tls: nil, carried: carried)
    }

    /// Whose requests they are: the connection is counted, its streams are not.
    private var carriedOrigin: ClientOrigin {
        var origin = value.client.value.origin
        origin.isCounted = false
        origin.client = nil
        return origin
    }
}

extension Ref<ClientConnection> {
    /// The connection that this is, or that carries it: what is known of the client is there.
    var carrier: Ref<ClientConnection> {
        value.carried?.value.connection.value.client ?? self
    }

    /// All of the answer has been handed over, and not all of it has gone: the stream is not to be
    /// reset before.
    var isSettling: Bool {
        guard let carried = value.carried, !value.stream.isCut else { return false }
        let output = carried.value.hasOutput
        return output
    }

    /// Bytes of the answer that there is room for; nil where this is no stream.
    var carriedRoom: Int? { value.carried.map { $0.value.output.room } }

    /// What of the answer the client has not taken limits its time.
    var hasCarriedOutput: Bool { value.carried.map { $0.value.output.unsent > 0 } ?? false }
}

extension HTTP2Stream {
    fileprivate var hasOutput: Bool {
        output.hasEnded && !output.isFinished && !output.isClosed
    }
}

// MARK: What the kernel does for a socket

extension StreamCarrier {
    fileprivate static func ofStreams(_ context: UnsafeMutableRawPointer) -> StreamCarrier {
        unsafe StreamCarrier(
            context: context, sending: carriedSend, waiting: carriedWaits,
            finishing: carriedFinishes, counting: carriedCount, closing: carriedCloses)
    }
}

private func carriedSend(
    _ context: UnsafeMutableRawPointer, _ head: UnsafePointer<UInt8>, _ headCount: Int,
    _ content: UnsafePointer<UInt8>, _ contentCount: Int
) -> Int {
    unsafe Ref<ClientConnection>(context: context).transmit(
        ByteView(base: head, count: headCount), ByteView(base: content, count: contentCount))
}

private func carriedWaits(_ context: UnsafeMutableRawPointer) {
    unsafe Ref<ClientConnection>(context: context).awaitRoom()
}

private func carriedFinishes(_ context: UnsafeMutableRawPointer) {
    unsafe Ref<ClientConnection>(context: context).finishAnswer()
}

private func carriedCount(_ context: UnsafeMutableRawPointer) -> Int {
    unsafe Ref<ClientConnection>(context: context).value.carried?.value.output.unsent ?? 0
}

private func carriedCloses(_ context: UnsafeMutableRawPointer, _ isCut: Bool) {
    unsafe Ref<ClientConnection>(context: context).leaveConnection(isCut: isCut)
}
