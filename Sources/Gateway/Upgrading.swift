import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Policy
import Transport

// From a request that asks for a WebSocket to the first byte of its tunnel: who may ask, what the
// backend must answer, and that the log has it first.

/// What a connection keeps of a request that goes upstream with its wish for another protocol,
/// from its head to the end of its tunnel.
struct Upgrade: ~Copyable {
    /// The request, for the two records.
    var note = RequestNote()
    /// What `Sec-WebSocket-Accept` must be.
    var proof = ByteBuffer(capacity: 32)
    var tunnel = Tunnel()
    /// The id of both records; nil before the first.
    var id: EventID?
    /// When the tunnel began.
    var start = Timestamp(microseconds: 0)
    /// Bytes in the kernel for each side when a deadline was last looked at; `max` once anything
    /// has passed since.
    var queuedForClient = Int.max
    var queuedForBackend = Int.max
}

extension Ref<ClientConnection> {
    /// Whether the running request, which names another protocol, goes upstream with that wish: it
    /// does where it is for WebSocket and all rules that its path finds grant it. Otherwise it is
    /// an ordinary request.
    func mayAskUpgrade(_ head: ByteView, _ rule: Int32) -> Bool {
        let worker = value.worker
        guard let key = WebSocketHandshake.key(worker.value.request, head),
            worker.grantsWebSocket(head, rule)
        else { return false }
        let upgrade = value.upgrade ?? Ref<Upgrade>.make(Upgrade())
        value.upgrade = upgrade
        upgrade.value.note.take(head, worker.value.request, at: worker.value.now)
        upgrade.value.proof.removeAll()
        WebSocketHandshake.appendProof(of: key, to: &upgrade.value.proof)
        value.exchange.askUpgrade()
        return true
    }

    /// The backend has answered 101 where it may: begins the tunnel if the handshake is right.
    ///
    /// The 101 goes to the client once the log holds the record of the start, and nothing passes
    /// in either direction before.
    ///
    /// - Returns: false where the exchange is over instead.
    func beginTunnel(_ head: ByteView, on upstream: Ref<UpstreamConnection>) -> Bool {
        let worker = value.worker
        guard let upgrade = value.upgrade,
            WebSocketHandshake.isCompleted(
                by: worker.value.response, head, proof: upgrade.value.proof.view)
        else {
            upstreamBrokeHandshake()
            return false
        }
        guard !worker.value.log.isShut else {
            let refuses = worker.value.log.refusesNow
            let form = runningForm(.empty)
            noteFailure(refuses ? 503 : 0, Self.logIsFull)
            endExchange()
            if refuses { refuseForLog(form) } else { abort() }
            return false
        }
        value.exchange.switchProtocols()
        value.phase = .tunnel
        noteAnswer(101)
        worker.value.counters.countAnswer(
            status: 101, after: worker.value.now.microseconds - value.started)
        upstream.becomeTunnel()
        upgrade.value.tunnel = Tunnel()
        upgrade.value.id = worker.nextID()
        upgrade.value.start = worker.value.now
        if value.hasEnded { upgrade.value.tunnel.ended(.client) }
        value.worker.value.counters.tunnels.add()
        recordTunnel(outcome: nil)
        holdSwitch(head)
        return true
    }

    /// Puts the 101 behind what waits for the client, and holds it until its record is written.
    private func holdSwitch(_ head: ByteView) {
        let worker = value.worker
        var options = HeadWriter.ResponseOptions.dropsProxyStatus
        worker.dropAllow(for: self, &options)
        worker.value.output.removeAll()
        HeadWriter.response(
            worker.value.response, in: head, extra: ByteView(WebSocketHandshake.lines),
            date: .empty, options: options, into: &worker.value.output)
        beginHold(runningForm(.empty))
        value.outbound.append(worker.value.output.view)
        worker.holdUnlessDropped(self)
        touchTunnel()
        worker.limitHold(self)
    }

    /// Appends the record of the start (without an outcome) or of the end.
    func recordTunnel(outcome: TunnelRecord.Outcome?, reason: StaticString = "") {
        let worker = value.worker
        guard let upgrade = value.upgrade, let id = upgrade.value.id, let use = value.use else {
            return
        }
        var record = TunnelRecord(
            at: worker.value.now, id: id, request: requestFields(upgrade.value.note))
        record.outcome = outcome
        record.reason = ByteView(reason)
        let snapshot = use.value.snapshot
        let facts = snapshot.policy.facts(value.rule)
        record.facts = facts
        record.policyDigest = snapshot.policyDigestText
        record.upstream = snapshot.addressTexts.view(Int(facts.backend))
        // A start is recorded only where the log is not shut; nobody waits for an end.
        if worker.value.log.dropsNow || worker.value.log.isShut {
            worker.value.log.stream.skip()
        } else {
            worker.value.log.stream.append(record)
        }
    }
}

extension Ref<Worker> {
    /// Whether every rule that the path in `request` finds lets it become a WebSocket.
    func grantsWebSocket(_ head: ByteView, _ rule: Int32) -> Bool {
        // Tunnels over HTTP/2 are offered to clients alone.
        guard !speaksHTTP2(rule) else { return false }
        let target = value.request.target
        let asked = PolicyRequest(
            method: .get, path: head.slice(target.pathOffset, target.pathLength),
            host: requestHost(head))
        return value.scratch.with { scratch in
            value.use.value.policy.with {
                $0.grantsWebSocket(asked, rule: rule, scratch: scratch)
            }
        }
    }
}

extension Ref<UpstreamConnection> {
    /// What comes from now on is no answer. Its time is the tunnel's, which the client keeps.
    fileprivate func becomeTunnel() {
        value.phase = .tunnel
        value.canReplay = false
        value.replay.release()
        value.scanner.reset()
        value.deadline.clear()
    }
}
