import Configuration
import HTTP1
import HTTPSyntax
import Transport

// Answers as they come: head, interim heads, content, trailers, and every way they can end.

extension Ref<UpstreamConnection> {
    /// Bytes or an end have come from the upstream: reads until the stream is drained or must
    /// wait.
    func readable(toEnd: Bool) {
        value.worker.refreshClock()
        // An attempt that failed is readable, too.
        if value.phase == .connecting { writable() }
        guard value.phase != .closed, value.phase != .connecting else { return }
        for _ in 0..<Worker.readsInARow {
            guard readOnce(toEnd: toEnd) else { return }
        }
        if value.stream.isReading { value.stream.readAgain() }
    }

    /// One recv(2); whether there may be more to read.
    private func readOnce(toEnd: Bool) -> Bool {
        let held = value.inbound.count
        // A head that came in pieces is completed where its beginning is kept.
        let space = held > 0 ? value.inbound.space(atLeast: 4096) : readSpace
        let result: IOResult
        if value.silence.isDoubted {
            let (received, arrival) = value.stream.receiveNoting(into: space)
            if value.silence.wasBroken(by: arrival), let client = value.client {
                client.upstreamSpokeUnasked()
                return false
            }
            result = received
        } else {
            result = value.stream.receive(into: space)
        }
        switch result {
        case .bytes(let count):
            take(space.slice(0, count), continuing: held > 0)
            // A short read has drained the stream, but a reset that came with the bytes is
            // announced by nothing: look for it as long as an answer is owed.
            let isLikely =
                toEnd || value.phase != .idle
                || value.stream.mayHoldMore(after: count, in: space)
            return isLikely && value.phase != .closed && value.stream.isReading
        case .wouldBlock: break
        case .endOfStream: ended(cleanly: true)
        case .truncated, .failed: ended(cleanly: false)
        }
        return false
    }

    /// A stream of HTTP/2 is read for what it may keep: there are a hundred on a connection.
    @inline(__always) private var readSpace: MutableByteView {
        let space = value.worker.readSpace
        guard let room = value.client?.carriedRoom else { return space }
        return space.slice(0, min(space.count, max(room, 16384)))
    }

    func take(_ bytes: MutableByteView, continuing: Bool) {
        guard value.client != nil else {
            // Nobody asked: never let it become the answer to the next request.
            close()
            return
        }
        if continuing {
            value.inbound.didFill(bytes.count)
            keepLeftover(process(value.inbound.mutableView))
        } else {
            let consumed = process(bytes)
            guard value.phase != .closed, consumed < bytes.count else { return }
            value.inbound.append(bytes.view.dropFirst(consumed))
        }
    }

    func keepLeftover(_ consumed: Int) {
        guard value.phase != .closed, consumed <= value.inbound.count else { return }
        value.inbound.consume(consumed)
        if value.inbound.isEmpty { value.inbound.release() }
    }

    private func ended(cleanly: Bool) {
        guard let client = value.client else {
            close()
            return
        }
        // A write that failed has taken the error away: what follows looks like a plain end.
        client.upstreamEnded(cleanly: cleanly && !value.isBroken)
    }

    /// A deadline has passed: connecting, waiting for an answer, or idle.
    func expired() {
        guard let client = value.client else {
            close()
            return
        }
        // A tunnel's time is kept with its client.
        guard value.phase != .tunnel else { return }
        if value.phase == .busy && isWithinTime(client) {
            startResponseDeadline()
        } else {
            noteTimeout()
            client.upstreamTimedOut(connecting: value.phase == .connecting)
        }
    }

    /// Whether the upstream has read something, too little for the kernel to say so, or has
    /// nothing to do before the client sends more.
    private func isWithinTime(_ client: Ref<ClientConnection>) -> Bool {
        guard !isCongested else { return hasTakenSome(of: .max) }
        let exchange = client.value.exchange
        guard exchange.response == .head, !exchange.awaitsContinue else { return false }
        // The kernel may hold megabytes that the upstream has yet to read.
        let content = Int(clamping: client.value.contentCount)
        // Of a stream content alone waits, behind a head that has gone.
        let head = value.carried == nil ? value.headLength : 0
        return exchange.request == .content || content > 0 && hasTakenSome(of: head &+ content)
    }

    /// Whether less of the request waits in the kernel than at the last look, or at the first one
    /// some of it, and not all.
    private func hasTakenSome(of count: Int) -> Bool {
        let before = value.queued
        value.queued = value.stream.queuedBytes
        return value.queued < (before < 0 ? count : before) && (before >= 0 || value.queued > 0)
    }

    /// Takes answer bytes off the front; how many were used up.
    func process(_ bytes: MutableByteView) -> Int {
        guard let client = value.client else { return 0 }
        client.value.exchange.responseBytesArrived()
        var offset = 0
        while let current = value.client, current == client, value.phase == .busy {
            let rest = bytes.dropFirst(offset)
            let step: Int?
            if client.value.exchange.response == .head {
                step = processHead(rest, client)
            } else {
                step = processContent(rest, client)
            }
            guard let step else { return offset }
            offset += step
            if offset == bytes.count && client.value.exchange.response != .complete {
                return offset
            }
            if client.value.exchange.response == .complete {
                client.answerComplete(surplus: offset < bytes.count)
                return bytes.count
            }
        }
        guard value.phase == .tunnel else { return offset }
        client.passDown(bytes.view.dropFirst(offset))
        return bytes.count
    }

    /// One head at most; nil where more bytes are needed or the exchange is over.
    private func processHead(_ bytes: MutableByteView, _ client: Ref<ClientConnection>) -> Int? {
        let worker = value.worker
        let limits = client.useInForce.value.responseLimits
        if !value.inbound.isEmpty, !value.scanner.shouldParse(bytes.view, limits: limits) {
            startResponseDeadline()
            return nil
        }
        switch ResponseParser.parse(bytes.view, into: &worker.value.response, limits: limits) {
        case .incomplete:
            startResponseDeadline()
            return nil
        case .failed(let error):
            client.upstreamMisbehaved(error)
            return nil
        case .complete: break
        }
        value.scanner.reset()
        let length = worker.value.response.length
        if isAmbiguous(bytes.view, client) {
            client.upstreamSpokeUnasked()
            return nil
        }
        if client.refusesAnswer(worker.value.response.status) {
            client.upstreamBrokeHandshake()
            return nil
        }
        let action = client.value.exchange.responseHeadArrived(
            status: worker.value.response.status, version: worker.value.response.version,
            flags: worker.value.response.flags, framing: worker.value.response.framing)
        switch action {
        case .refuse:
            if client.value.exchange.asksUpgrade {
                client.upstreamBrokeHandshake()
            } else {
                client.upstreamMisbehaved(nil)
            }
            return nil
        case .handshake:
            return client.beginTunnel(bytes.view.slice(0, length), on: self) ? length : nil
        case .interim(let forward):
            value.interimLength += length
            guard value.interimLength <= limits.head else {
                client.upstreamMisbehaved(ProtocolError(.headTooLarge).inResponse)
                return nil
            }
            if forward { client.forwardInterim(bytes.view.slice(0, length)) }
            client.limitContent()
            startResponseDeadline()
            return length
        case .final(let framing):
            client.value.responseHops =
                framing == .chunked
                ? ConnectionOption.others(
                    in: bytes.view.slice(0, length), fields: worker.value.response.fields) : 0
            value.silence = Silence()
            value.content = BodyReader(framing)
            let taken = client.forwardAnswer(bytes, headLength: length, from: self)
            return taken
        }
    }

    /// Content and trailers after the head has gone; nil where more bytes are needed.
    private func processContent(_ bytes: MutableByteView, _ client: Ref<ClientConnection>) -> Int? {
        if value.content.isAwaitingTrailers { return processTrailers(bytes.view, client) }
        let progress = value.content.take(bytes, as: client.answerForm)
        client.noteContent(progress)
        client.send(.empty, bytes.view.slice(0, progress.kept))
        if let error = progress.error {
            client.cutOff(.misbehaved(error))
            return nil
        }
        startResponseDeadline()
        if value.content.isComplete { client.value.exchange.responseContentEnded() }
        if progress.consumed == 0 && !value.content.isComplete && !value.content.isAwaitingTrailers
        {
            return nil
        }
        return progress.consumed
    }

    private func processTrailers(_ bytes: ByteView, _ client: Ref<ClientConnection>) -> Int? {
        let worker = value.worker
        let (result, length) = TrailerSection.parse(
            bytes, into: &worker.value.response.fields,
            limits: client.useInForce.value.responseLimits)
        switch result {
        case .incomplete:
            startResponseDeadline()
            return nil
        case .failed(let error):
            client.cutOff(.misbehaved(error))
            return nil
        case .complete:
            value.content.trailersDone()
            client.value.exchange.responseContentEnded()
            if client.answerForm == .framed {
                worker.writeTrailers(
                    bytes, request: false, except: client.value.responseHops)
                client.send(worker.value.output.view, .empty)
            }
            return length
        }
    }
}
