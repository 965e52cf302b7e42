import Audit
import Configuration
import HTTPSyntax
import Transport

// The driver of a tunnel between two sockets: what comes from one side is sent to the other in the
// same call, what that does not take is kept, and then no more is read. `Tunnel` says how it ends.

extension Ref<ClientConnection> {
    // MARK: Bytes

    /// Bytes from the client; how many were used, which is all of them.
    func passUp(_ bytes: ByteView) -> Int {
        guard let upgrade = value.upgrade, let upstream = value.upstream,
            upgrade.value.tunnel.backendTakesBytes
        else { return bytes.count }
        upgrade.value.tunnel.passed(bytes.count, from: .client)
        value.contentCount += UInt64(bytes.count)
        upstream.send(bytes)
        touchTunnel()
        if upstream.value.isBroken { backendStoppedReading(upstream) }
        return bytes.count
    }

    /// Bytes from the backend.
    func passDown(_ bytes: ByteView) {
        guard let upgrade = value.upgrade, !bytes.isEmpty else { return }
        upgrade.value.tunnel.passed(bytes.count, from: .backend)
        value.note?.value.responseContent += UInt64(bytes.count)
        send(.empty, bytes)
        touchTunnel()
    }

    /// Whether bytes of the client have to wait: for the record of the start, or for the backend.
    var tunnelMustWait: Bool { value.isHeld || value.upstream?.isCongested == true }

    /// Reads on from the client where its bytes need not wait.
    func regulateTunnel() {
        if value.hasEnded || tunnelMustWait {
            value.stream.stopReading()
        } else {
            value.stream.startReading()
        }
    }

    /// Everything that waited for the client has gone, the 101 first of all.
    func tunnelReachedClient() {
        touchTunnel()
        resume()
        advanceTunnel()
    }

    /// Everything that waited for the backend has gone, or it takes nothing any more.
    func tunnelReachedBackend() {
        touchTunnel()
        resume()
        if let upstream = value.upstream, upstream.value.isBroken {
            backendStoppedReading(upstream)
        }
        advanceTunnel()
    }

    // MARK: Ends

    /// The client has ended its side.
    func clientEndedTunnel() {
        value.upgrade?.value.tunnel.ended(.client)
        touchTunnel()
        advanceTunnel()
    }

    /// The backend has ended its side, or its connection broke.
    func backendEndedTunnel(cleanly: Bool) {
        guard let upgrade = value.upgrade, let upstream = value.upstream else { return }
        upstream.value.stream.stopReading()
        value.hasPausedUpstream = false
        guard cleanly || upstream.value.isBroken else {
            cutTunnel(.backendBroke)
            return
        }
        // After a write that failed an end is all there is to read, and what came before it counts.
        if !cleanly {
            upgrade.value.tunnel.cut(.backendBroke)
            upgrade.value.tunnel.backendStoppedReading()
        }
        upgrade.value.tunnel.ended(.backend)
        touchTunnel()
        advanceTunnel()
    }

    /// A write to the backend has failed: what it sent before is read to its end.
    private func backendStoppedReading(_ upstream: Ref<UpstreamConnection>) {
        guard let upgrade = value.upgrade else { return }
        upgrade.value.tunnel.backendStoppedReading()
        if upstream.value.stream.isReading { upstream.value.stream.readAgain() }
        advanceTunnel()
    }

    /// Passes ends on, once what came before them has gone.
    private func advanceTunnel() {
        while value.phase == .tunnel, let upgrade = value.upgrade, let upstream = value.upstream {
            let step = upgrade.value.tunnel.next(
                toClient: value.isHeld || !value.outbound.isEmpty,
                toBackend: value.isHeld || !value.inbound.isEmpty || upstream.isCongested)
            switch step {
            case .wait: return
            case .finish(.client): value.stream.finishWriting()
            case .finish(.backend): upstream.value.stream.finishWriting()
            case .close: close()
            }
        }
    }

    /// Ends a tunnel in a way that neither side can take for an orderly end.
    func cutTunnel(_ reason: Tunnel.End) {
        value.upgrade?.value.tunnel.cut(reason)
        abort()
    }

    /// The connection is being closed: the end is recorded, and a cut stream is cut on both sides.
    func concludeTunnel() {
        guard let upgrade = value.upgrade else { return }
        let tunnel = upgrade.value.tunnel
        if !tunnel.end.isOrderly, let upstream = value.upstream {
            upstream.value.stream.resetOnClose()
        }
        value.worker.value.counters.endedTunnels.add()
        let passed = value.worker.value.now.microseconds - upgrade.value.start.microseconds
        recordTunnel(
            outcome: TunnelRecord.Outcome(
                duration: UInt64(max(0, passed)) * 1000,
                fromClient: tunnel.bytes(from: .client), fromBackend: tunnel.bytes(from: .backend)),
            reason: tunnel.end.text)
    }

    // MARK: Time

    /// Something has passed: the tunnel's time begins anew. Where one side has ended, the other one
    /// has as long as it would have for content.
    func touchTunnel() {
        guard value.phase == .tunnel, !value.isHeld, let upgrade = value.upgrade else { return }
        upgrade.value.queuedForClient = .max
        upgrade.value.queuedForBackend = .max
        limitTunnel()
    }

    private func limitTunnel() {
        guard let tunnel = value.upgrade?.value.tunnel, let use = value.use else { return }
        let timeouts = use.value.timeouts
        if tunnel.hasEnded(.backend) {
            value.deadline.set(min(timeouts.tunnelIdle, timeouts.clientContent))
        } else if tunnel.hasEnded(.client) {
            value.deadline.set(min(timeouts.tunnelIdle, timeouts.response))
        } else {
            value.deadline.set(timeouts.tunnelIdle)
        }
    }

    /// The tunnel's time is over, unless a side has taken something of what the kernel has for it.
    func tunnelTimedOut() {
        guard let upgrade = value.upgrade, let upstream = value.upstream else { return }
        let forClient = value.stream.queuedBytes
        let forBackend = upstream.value.stream.queuedBytes
        let isTaken =
            forClient > 0 && forClient < upgrade.value.queuedForClient
            || forBackend > 0 && forBackend < upgrade.value.queuedForBackend
        upgrade.value.queuedForClient = forClient
        upgrade.value.queuedForBackend = forBackend
        guard !isTaken else {
            limitTunnel()
            return
        }
        upgrade.value.tunnel.timedOut()
        abort()
    }
}
