import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// What becomes of a client when its upstream is lost before the answer is complete.

extension Ref<ClientConnection> {
    /// The upstream's connection, or its stream, has ended before the answer was complete.
    ///
    /// - Parameter failure: by what, where that is known.
    func upstreamEnded(
        cleanly: Bool, _ fate: Exchange.Fate = .unknown, _ failure: UpstreamFailure = .terminated
    ) {
        guard value.phase != .tunnel else {
            backendEndedTunnel(cleanly: cleanly)
            return
        }
        let canReplay = value.upstream?.value.canReplay ?? false
        switch value.exchange.upstreamLost(
            cleanly: cleanly, canReplay: canReplay, fate: fate)
        {
        case .complete:
            value.exchange.responseContentEnded()
            answerComplete(surplus: false)
        case .retry: retry(fate)
        case .answer:
            if case .terminated = failure { leave(reasonOfLoss) } else { leave(failure) }
        case .abort: cutOff(failure)
        }
    }

    /// Why there is no answer. With TLS 1.3 a backend says only behind the handshake what it has
    /// against the gate's certificate.
    private var reasonOfLoss: UpstreamFailure {
        guard let upstream = value.upstream else { return .terminated }
        if !upstream.value.inbound.isEmpty { return .incomplete }
        guard let tls = upstream.value.stream.tls, !tls.failure.isEmpty else { return .terminated }
        return UpstreamFailure(tls)
    }

    /// Sends the request again: on a fresh connection, or, where the backend itself has put it back,
    /// on any that takes one more.
    func retry(_ fate: Exchange.Fate = .unknown) {
        guard let old = value.upstream else { return }
        let (fresh, code) = openUpstream(
            old.value.pool, isFresh: fate == .unknown, insteadOf: old)
        guard let fresh else {
            leave(.unreachable(code))
            return
        }
        value.exchange.restart()
        attach(fresh)
        if fresh.value.phase == .busy { fresh.startResponseDeadline() }
        fresh.value.canReplay = fresh.value.carried != nil
        fresh.remember(old.value.replay.view.slice(0, old.value.headLength))
        fresh.send(old.value.replay.view, remembered: old.value.headLength)
        old.close()
        resume()
    }

    func upstreamUnreachable(_ code: Int32) { leave(.unreachable(code)) }

    func upstreamRefused(_ failure: UpstreamFailure) { leave(failure) }

    func upstreamMisbehaved(_ error: ProtocolError?) { leave(.misbehaved(error)) }

    func upstreamBrokeFrames(_ problem: AnswerProblem) { leave(.malformed(problem)) }

    func upstreamBrokeHandshake() { leave(.badHandshake) }

    func upstreamTimedOut(connecting: Bool) { leave(connecting ? .connectTimeout : .timeout) }

    private func leave(_ failure: UpstreamFailure) {
        guard !value.exchange.hasAnswered else {
            cutOff(failure)
            return
        }
        _ = failUpstream(failure)
        resume()
    }
}
