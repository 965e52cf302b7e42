import Configuration
import HTTPSyntax
import Transport

// Output to a client: write first, keep only what the kernel refuses, and hold everything back
// while a rejection among it waits for its record. How a connection ends is here too: lingering.

extension Ref<ClientConnection> {
    /// Sends a head and what follows it, in one call where it can be.
    func send(_ head: ByteView, _ content: ByteView) {
        guard value.phase != .closed, head.count + content.count > 0 else { return }
        guard !value.isHeld, value.outbound.isEmpty else {
            value.outbound.append(head)
            value.outbound.append(content)
            pauseUpstream()
            return
        }
        switch value.stream.send(head, content) {
        case .bytes(let count): keepUnsent(head, content, sent: count)
        case .wouldBlock, .endOfStream, .truncated: keepUnsent(head, content, sent: 0)
        case .failed: clientGone()
        }
    }

    private func keepUnsent(_ head: ByteView, _ content: ByteView, sent: Int) {
        guard sent < head.count + content.count else { return }
        if sent < head.count {
            value.outbound.append(head.dropFirst(sent))
            value.outbound.append(content)
        } else {
            value.outbound.append(content.dropFirst(sent - head.count))
        }
        value.stream.startWriting()
        awaitReading()
        pauseUpstream()
    }

    /// The client gets some time to take anything of what waits for it.
    func awaitReading() {
        guard value.phase != .tunnel else {
            touchTunnel()
            return
        }
        value.queued = Swift.max(1, value.stream.queuedBytes)
        value.deadline.set(value.worker.value.use.value.timeouts.clientContent)
    }

    /// Whether the client has taken something since `awaitReading`. The kernel itself says so
    /// only when a good part of its buffer is free, which may be more than a slow reader takes.
    var hasRead: Bool { value.stream.queuedBytes < value.queued }

    /// A client that reads slowly slows its upstream down, and nobody else.
    private func pauseUpstream() {
        guard let upstream = value.upstream, !value.hasPausedUpstream else { return }
        value.hasPausedUpstream = true
        upstream.value.stream.stopReading()
        upstream.value.deadline.clear()
    }

    private func resumeUpstream() {
        guard value.hasPausedUpstream, let upstream = value.upstream else { return }
        value.hasPausedUpstream = false
        upstream.value.stream.startReading()
        upstream.startResponseDeadline()
        if upstream.value.carried != nil { upstream.wait() }
    }

    /// The kernel has room again.
    func writable() {
        value.worker.refreshClock()
        guard !value.isHeld else {
            value.stream.stopWriting()
            return
        }
        flush()
    }

    /// The log holds the records of everything that waits: let it go.
    func release() {
        value.isHeld = false
        guard value.phase != .closed else { return }
        logWaiting()
        flush()
    }

    /// Sends what is kept; goes on with whatever waited for that.
    private func flush() {
        switch value.stream.send(value.outbound.view) {
        case .bytes(let count):
            value.outbound.consume(count)
        case .wouldBlock, .endOfStream, .truncated: break
        case .failed:
            clientGone()
            return
        }
        guard value.outbound.isEmpty else {
            value.stream.startWriting()
            awaitReading()
            return
        }
        value.stream.stopWriting()
        if value.outbound.capacity > 4096 || value.phase == .idle {
            value.outbound.recycle(into: &value.worker.value.spares)
        }
        sentAll()
    }

    private func sentAll() {
        resumeUpstream()
        guard value.end == .keep else {
            finish(value.end)
            return
        }
        if value.queued > 0 {
            value.queued = 0
            limitPhase()
        }
        switch value.phase {
        // Of a running request content may have waited, behind an answer that came before its end.
        case .idle, .head, .draining, .exchange: resume()
        case .frames:
            value.http2?.wake()
            resume()
        case .tunnel: tunnelReachedClient()
        case .proxyHeader, .handshake, .lingering, .closed: break
        }
    }

    /// What the client does next is limited again by what it is about, and not by its reading.
    private func limitPhase() {
        let timeouts = value.worker.value.use.value.timeouts
        switch value.phase {
        case .idle: value.deadline.set(timeouts.clientIdle)
        case .head: value.deadline.set(timeouts.clientHead)
        case .draining: limitDrained()
        case .exchange: limitContent()
        case .frames: value.http2?.limitAgain()
        case .proxyHeader, .handshake, .tunnel, .lingering, .closed: break
        }
    }

    /// The client's time runs while the gate waits for its content, and not while that waits for
    /// the upstream.
    func limitContent() {
        guard value.outbound.isEmpty, !value.isHeld else { return }
        let exchange = value.exchange
        if exchange.request == .content, !exchange.awaitsContinue,
            value.upstream?.isCongested != true
        {
            value.deadline.set(value.worker.value.use.value.timeouts.clientContent)
        } else {
            value.deadline.clear()
        }
    }

    /// Ends the connection once everything for the client has gone.
    func finish(_ end: Exchange.ClientEnd) {
        guard value.phase != .closed, end != .keep else { return }
        value.end = end
        guard value.outbound.isEmpty, !value.isHeld else { return }
        if end == .reset {
            abort()
            return
        }
        if end == .linger && !value.hasEnded { linger() } else { close() }
    }

    /// Ends our side and drops what still comes, so that the answer is not lost to a reset.
    private func linger() {
        guard value.phase != .lingering else { return }
        endExchange()
        value.phase = .lingering
        value.contentCount = 0
        value.inbound.release()
        value.stream.finishWriting()
        value.stream.startReading()
        guard value.carried == nil else {
            stopRequest()
            awaitReading()
            return
        }
        let isDraining = value.worker.value.isDraining
        value.deadline.set(
            isDraining ? ClientConnection.drainedLingerTime : ClientConnection.lingerTime)
    }
}
