import Configuration
import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// Input from a client, in the order of the bytes: head, content, the next head.

extension Ref<ClientConnection> {
    /// Bytes or an end have come from the client: reads until the stream is drained or must wait.
    func readable(toEnd: Bool) {
        value.worker.refreshClock()
        var toEnd = toEnd
        if let connection = value.http2, connection.value.isPaused {
            guard goOnWithFrames(connection) else { return }
            // What came since was not read, and its end not noticed.
            toEnd = true
        }
        for count in 1...Worker.readsInARow {
            guard readOnce(toEnd: toEnd) else { return }
            // There may be thousands of frames in each.
            if value.phase == .frames && count == 2 { break }
        }
        // Others have waited long enough; what is left makes a fresh registration fire again.
        if value.stream.isReading { value.stream.readAgain() }
    }

    /// One recv(2); whether there may be more to read.
    private func readOnce(toEnd: Bool) -> Bool {
        if value.phase == .handshake { return shakeHands() }
        let held = value.inbound.count
        let space = held > 0 ? value.inbound.space(atLeast: 16384) : value.worker.readSpace
        switch value.stream.receive(into: space) {
        case .bytes(let count):
            if held > 0 {
                value.inbound.didFill(count)
                resume()
            } else {
                take(space.slice(0, count))
            }
            return mayHaveMore(toEnd || value.stream.mayHoldMore(after: count, in: space))
        case .wouldBlock: break
        case .endOfStream: ended()
        case .truncated: endedUnannounced()
        case .failed: clientGone()
        }
        return false
    }

    /// Whether to read on after bytes have come. A short read has drained the stream, but a reset
    /// that came with the bytes is announced by nothing: as long as the client owes the rest of a
    /// message one more read looks for it. Between messages the next write finds it.
    private func mayHaveMore(_ isLikely: Bool) -> Bool {
        guard value.phase != .closed, value.stream.isReading, !isPaused else { return false }
        if isLikely { return true }
        switch value.phase {
        // The answers that are owed find a reset.
        case .frames: return false
        // Behind a PROXY header a first request is owed.
        case .idle: return !value.inbound.isEmpty || value.hasSkippedLine || !value.hasServed
        case .exchange: return value.exchange.request != .complete
        default: return true
        }
    }

    /// Processes fresh bytes where they were read, and keeps what is not used up.
    func take(_ bytes: MutableByteView) {
        let used = process(bytes)
        guard value.phase != .closed else { return }
        if used < bytes.count { value.inbound.append(bytes.view.dropFirst(used)) }
        regulateReading()
        if value.carried != nil { acknowledge() }
    }

    /// Goes on with bytes that were kept.
    func resume() {
        guard !value.isProcessing, value.phase != .closed else { return }
        if !value.inbound.isEmpty {
            let used = process(value.inbound.mutableView)
            guard value.phase != .closed, value.phase != .lingering else { return }
            value.inbound.consume(used)
            if value.inbound.isEmpty { value.inbound.release() }
        }
        regulateReading()
        if value.carried != nil { acknowledge() }
    }

    /// Reads on while what has come can be used or kept; a client that has ended its side leaves
    /// once its requests are answered.
    @inline(__always) private func regulateReading() {
        guard value.phase != .tunnel else {
            regulateTunnel()
            return
        }
        if value.phase == .idle || value.phase == .head {
            if value.hasEnded, value.inbound.isEmpty || !mustWait {
                // Nothing more can come; what is left is no whole request.
                finish(.close)
                return
            }
            if value.worker.value.isDraining { endWhenIdle() }
            guard value.phase != .closed else { return }
        }
        if isPaused {
            value.stream.readInNextRound()
        } else if value.hasEnded || value.inbound.count >= inboundLimit || mustWait {
            value.stream.stopReading()
        } else {
            value.stream.startReading()
        }
    }

    /// A head or a trailer section may take what the configuration gives it.
    private var inboundLimit: Int {
        Swift.max(ClientConnection.inboundLimit, value.worker.value.requestLimits.head)
    }

    /// It carries streams, and had its turn.
    @inline(__always) private var isPaused: Bool {
        value.phase == .frames && value.http2?.value.isPaused == true
    }

    /// Whether nothing of the client may be processed now.
    @inline(__always) private var mustWait: Bool {
        if value.outbound.count > ClientConnection.outboundLimit { return true }
        if value.isHeld && value.worker.value.log.isStuck { return true }
        guard value.phase == .exchange, value.exchange.request == .content else { return false }
        return value.upstream?.isCongested ?? false
    }

    /// The stream has ended, and TLS had not: many clients leave so, but what a tunnel carried may
    /// be cut short. A request says itself whether it is whole.
    private func endedUnannounced() {
        if value.phase == .tunnel { cutTunnel(.clientBroke) } else { ended() }
    }

    /// The client has ended its side (it may still read).
    func ended() {
        value.hasEnded = true
        value.stream.stopReading()
        switch value.phase {
        case .closed: break
        case .exchange where value.end != .keep:
            // Its last answer is on the way.
            break
        case .frames: value.http2?.clientEnded()
        case .tunnel: clientEndedTunnel()
        case .proxyHeader, .handshake, .idle, .head, .draining, .lingering:
            value.inbound.removeAll()
            if value.outbound.isEmpty && !value.isHeld { close() } else { finish(.close) }
        case .exchange:
            guard value.exchange.request != .complete else { break }
            // Content cut short: the upstream must not take it for a whole request, nor the client
            // an answer that has begun for a whole one. Answers before it are still the client's.
            let isCut = value.exchange.hasAnswered
            note(.requestError, Self.endedAmidContent)
            endExchange()
            finish(isCut ? .reset : .close)
        }
    }

    /// Uses up what it can of `bytes`; how many that were.
    func process(_ bytes: MutableByteView) -> Int {
        value.isProcessing = true
        defer { value.isProcessing = false }
        var offset = 0
        while offset < bytes.count {
            // Once the last answer is decided, whatever still comes is nobody's.
            if value.end != .keep && value.phase != .lingering { return bytes.count }
            let rest = bytes.dropFirst(offset)
            let step: Int
            switch value.phase {
            case .proxyHeader: step = takeProxyHeader(rest.view)
            // Its bytes are the session's.
            case .handshake: step = 0
            case .idle, .head: step = mustWait ? 0 : processHead(rest)
            case .exchange: step = mustWait ? 0 : processContent(rest)
            case .frames: step = mustWait ? 0 : takeFrames(rest.view)
            case .tunnel: step = tunnelMustWait ? 0 : passUp(rest.view)
            case .draining: step = drainContent(rest)
            case .lingering: step = dropLingering(rest)
            case .closed: return bytes.count
            }
            guard step > 0 else { break }
            offset += step
        }
        return offset
    }

    private func processHead(_ bytes: MutableByteView) -> Int {
        let worker = value.worker
        let view = bytes.view
        // A stream has one request, whatever else comes on it.
        if value.hasServed && value.carried != nil { return view.count }
        if value.mayBeHTTP2 {
            switch Preface.find(view) {
            case .complete:
                beginHTTP2()
                return takeFrames(view)
            case .begun:
                if value.phase == .idle {
                    value.deadline.set(worker.value.use.value.timeouts.clientHead)
                }
                value.phase = .head
                return 0
            case .other:
                value.mayBeHTTP2 = false
                value.phase = .idle
            }
        }
        var isFirstLook = false
        if value.phase == .idle {
            if let skipped = skipEmptyLine(view) { return skipped }
            value.phase = .head
            isFirstLook = true
        } else if !value.scanner.shouldParse(view, limits: worker.value.requestLimits) {
            return 0
        }
        let limits = worker.value.requestLimits
        switch RequestParser.parse(view, into: &worker.value.request, limits: limits) {
        case .incomplete:
            if isFirstLook { value.deadline.set(worker.value.use.value.timeouts.clientHead) }
            _ = value.scanner.shouldParse(view, limits: limits)
            return 0
        case .failed(let error):
            value.scanner.reset()
            value.origin.client = nil
            if isBrokenPreface(view, error) {
                refuseBrokenPreface(view)
                return view.count
            }
            noteMalformed(error)
            refuse(value.lacksTLS ? .plainHTTP : Refusal(error), unread: view, line: view)
            return view.count
        case .complete:
            value.scanner.reset()
            value.hasServed = true
            value.hasSkippedLine = false
            if value.carried != nil { worker.value.request.version = .http2 }
            return handle(bytes)
        }
    }

    /// One empty line before a request is not part of it (RFC 9112 §2.2): an old client's habit
    /// after content. Nil where there is none.
    private func skipEmptyLine(_ view: ByteView) -> Int? {
        guard !value.hasSkippedLine, view[0] == 13 else { return nil }
        guard view.count >= 2 else { return 0 }
        guard view[1] == 10 else { return nil }
        value.hasSkippedLine = true
        return 2
    }

    /// Between two requests.
    func becomeIdle() {
        guard value.phase != .closed else { return }
        value.phase = .idle
        value.contentCount = 0
        guard value.carried == nil else {
            endStream()
            value.worker.limitHold(self)
            return
        }
        value.deadline.set(value.worker.value.use.value.timeouts.clientIdle)
        value.worker.limitHold(self)
    }
}
