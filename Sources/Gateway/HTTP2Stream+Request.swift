import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// From frames to an HTTP/1.1 request: what the session tells of a stream. Every function here runs
// inside of a callback of nghttp2, while it reads.

extension SessionHandlers {
    static var ofGateway: SessionHandlers {
        unsafe SessionHandlers(
            request: requestArrived, content: contentArrived, trailers: trailersArrived,
            end: requestEnded, closed: streamClosed, room: roomArrived, pong: pongArrived)
    }
}

private func requestArrived(
    _ owner: UnsafeMutableRawPointer, _ stream: Int32, _ hasEnded: Bool
) {
    let connection = unsafe Ref<HTTP2Connection>(context: owner)
    connection.open(stream).beginRequest(hasEnded: hasEnded)
}

private func contentArrived(
    _ owner: UnsafeMutableRawPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int
) {
    // What nghttp2 reads is our own read buffer, of which nobody else has a part now.
    let view = unsafe MutableByteView(base: UnsafeMutablePointer(mutating: bytes), count: count)
    unsafe Ref<ClientConnection>(context: owner).takeContent(view)
}

private func trailersArrived(_ owner: UnsafeMutableRawPointer) {
    unsafe Ref<ClientConnection>(context: owner).takeTrailers()
}

private func requestEnded(_ owner: UnsafeMutableRawPointer) {
    unsafe Ref<ClientConnection>(context: owner).endContent()
}

private func streamClosed(_ owner: UnsafeMutableRawPointer, _ code: UInt32) {
    let client = unsafe Ref<ClientConnection>(context: owner)
    // Its answer may wait for it although the exchange is over.
    if client.value.phase == .exchange || client.hasCarriedOutput {
        client.clientGone()
    } else {
        client.close()
    }
}

private func roomArrived(_ owner: UnsafeMutableRawPointer) {
    unsafe Ref<ClientConnection>(context: owner).enqueueToWrite()
}

private func pongArrived(_ owner: UnsafeMutableRawPointer) {
    unsafe Ref<HTTP2Connection>(context: owner).ponged()
}

extension Ref<ClientConnection> {
    // MARK: Head

    /// A request's field section is whole, and stands in the session's block.
    fileprivate func beginRequest(hasEnded: Bool) {
        guard let carried = value.carried else { return }
        let connection = carried.value.connection
        let facts = connection.value.session.blockFacts
        carried.value.isHead = facts.isHead
        carried.value.asksTunnel = facts.asksTunnel
        carried.value.isConnect = facts.isConnect
        carried.value.call = facts.call
        if facts.isMalformed { carried.value.code = .protocolError }
        if facts.asksTunnel {
            carried.value.content = .tunnel
        } else if !hasEnded, !facts.isConnect {
            carried.value.content = facts.contentLength.map { .counted($0) } ?? .chunked
        }
        if facts.isRefused, let problem = connection.value.session.blockProblem {
            refuseSection(problem)
        } else {
            take(connection.value.session.blockText)
            if facts.isMalformed { stopRequest() }
            if hasEnded, facts.asksTunnel { ended() }
        }
    }

    /// What the parser refuses for its length is malformed on a stream, too (RFC 9113 §8.1.1), and a
    /// CONNECT to what is no host and port (§8.5).
    func noteMalformed(_ error: ProtocolError) {
        switch error.reason {
        case _ where value.carried?.value.isConnect == true && error.reason.status == 400:
            value.carried?.value.code = .protocolError
        case .contentLengthInvalid, .contentLengthRepeated, .contentLengthTooLarge:
            value.carried?.value.code = .protocolError
        default: break
        }
    }

    /// Refuses what is no request of HTTP/2; the stream is reset behind the answer.
    private func refuseSection(_ problem: HeaderProblem) {
        guard let carried = value.carried else { return }
        let worker = value.worker
        let session = carried.value.connection
        let text = session.value.session.refusedText
        // For the fields that were sound.
        _ = RequestParser.parse(
            text, into: &worker.value.request, limits: worker.value.requestLimits)
        if problem.isMalformed { carried.value.code = .protocolError }
        carried.value.content = .none
        let authority = session.value.session.blockAuthority
        refuse(
            Refusal(problem.status, problem.text), unread: text,
            line: session.value.session.refusedLine,
            host: HostField.isValid(authority) ? HostField.host(of: authority) : .empty)
    }

    // MARK: Content

    fileprivate func takeContent(_ bytes: MutableByteView) {
        guard let carried = value.carried, value.phase != .closed else { return }
        carried.value.unacknowledged += bytes.count
        switch carried.value.content {
        case .none: acknowledge()
        // Where there will be no tunnel they are nobody's, and no request.
        case .tunnel where value.phase != .exchange && value.phase != .tunnel: acknowledge()
        case .tunnel: deliver(bytes)
        case .counted(let rest):
            guard bytes.count <= rest else { return refuseContent(.contentTooLong) }
            carried.value.content = .counted(rest - UInt64(bytes.count))
            deliver(bytes)
        case .chunked:
            let worker = value.worker
            worker.value.chunk.removeAll()
            worker.value.chunk.append(hexadecimal: UInt64(bytes.count))
            worker.value.chunk.append("\r\n")
            worker.value.chunk.append(bytes.view)
            worker.value.chunk.append("\r\n")
            deliver(worker.value.chunk.mutableView)
        }
    }

    /// END_STREAM has come.
    fileprivate func endContent() {
        guard let carried = value.carried, value.phase != .closed else { return }
        switch carried.value.content {
        case .none: break
        case .tunnel:
            deliverPieces()
            ended()
        case .counted(let rest): if rest > 0 { refuseContent(.contentTooShort) }
        case .chunked:
            value.worker.value.chunk.removeAll()
            value.worker.value.chunk.append("0\r\n\r\n")
            deliver(value.worker.value.chunk.mutableView)
        }
        if value.phase != .closed { carried.value.content = .none }
    }

    /// Trailers have come, and END_STREAM with them. Behind content that is counted HTTP/1.1 has no
    /// place for them.
    fileprivate func takeTrailers() {
        guard let carried = value.carried, value.phase != .closed else { return }
        let session = carried.value.connection.value.session.blockProblem
        if let session { return refuseContent(session) }
        switch carried.value.content {
        case .tunnel: refuseContent(.tunnelTrailers)
        case .chunked:
            deliver(carried.value.connection.value.session.blockText)
            if value.phase != .closed { carried.value.content = .none }
        case .none, .counted: endContent()
        }
    }

    /// Hands bytes to whoever reads the request.
    private func deliver(_ bytes: MutableByteView) {
        if mayWait(bytes.count) {
            value.inbound.append(bytes.view)
        } else if value.inbound.isEmpty && !value.isProcessing {
            take(bytes)
        } else {
            value.inbound.append(bytes.view)
            resume()
        }
    }

    /// Whether it is one of several small pieces that came together: a backend gets those in one
    /// call, which a flood of them could else hold up the worker with.
    private func mayWait(_ count: Int) -> Bool {
        guard count < 1024, let carried = value.carried else { return false }
        let connection = carried.value.connection
        guard carried.value.lastRead == connection.value.reads else {
            carried.value.lastRead = connection.value.reads
            return false
        }
        carried.value.hasPieces = true
        connection.value.hasPieces = true
        return true
    }

    /// Hands over the pieces that wait.
    func deliverPieces() {
        guard let carried = value.carried, carried.value.hasPieces else { return }
        carried.value.hasPieces = false
        resume()
    }

    /// Lets the client send as much again as has been used.
    func acknowledge() {
        guard let carried = value.carried else { return }
        let used = carried.value.unacknowledged - value.inbound.count
        guard used > 0 else { return }
        carried.value.unacknowledged -= used
        carried.value.connection.value.session.acknowledge(carried.value.output, used)
        carried.value.connection.wake()
    }

    /// The content is not what the fields announced: the upstream must not take it for a request.
    private func refuseContent(_ problem: HeaderProblem) {
        guard let carried = value.carried else { return }
        carried.value.code = .protocolError
        carried.value.content = .none
        if value.phase != .exchange && value.phase != .tunnel {
            // It was refused already, and that answer goes first.
            stopRequest()
        } else if value.exchange.hasAnswered {
            cutOff(.requestError, problem.text)
        } else {
            refuseRunning(Refusal(problem.status, problem.text))
        }
    }
}

// MARK: Tunnels

extension Ref<ClientConnection> {
    /// Whether a stream that asks for a tunnel is one for WebSocket, and its rules grant it.
    func mayTunnel(_ head: ByteView, _ rule: Int32) -> Bool {
        WebSocketHandshake.key(value.worker.value.request, head) != nil
            && value.worker.grantsWebSocket(head, rule)
    }

    /// Whether an answer would look like a tunnel's start to a client that asked for one, and is
    /// none (RFC 8441 §5).
    func refusesAnswer(_ status: Int) -> Bool {
        guard let carried = value.carried, carried.value.asksTunnel else { return false }
        return (200..<300).contains(status)
    }
}
