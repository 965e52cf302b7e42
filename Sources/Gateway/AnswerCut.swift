import HTTP2
import HTTPSyntax
import Transport

// An answer that has begun and does not come to its end: its client is cut off, so that it cannot
// take the part for the whole, and the operator is told why.

/// Why an answer was cut short.
package enum AnswerCut: Int, CaseIterable, Sendable {
    case backendClosed, backendTimeout, backendError
    case clientGone, clientTimeout, requestError
    case drain

    /// As the metric names it.
    package var name: String {
        switch self {
        case .backendClosed: "backend_closed"
        case .backendTimeout: "backend_timeout"
        case .backendError: "backend_error"
        case .clientGone: "client_gone"
        case .clientTimeout: "client_timeout"
        case .requestError: "request_error"
        case .drain: "drain"
        }
    }
}

extension Ref<ClientConnection> {
    /// Cuts the client off.
    ///
    /// - Parameter reason: for the operator.
    func cutOff(_ cut: AnswerCut, _ reason: StaticString) {
        value.http2?.closeStreams(cut, reason)
        note(cut, reason)
        abort()
    }

    /// Counts an answer that is about to be cut, and notes why for the access log, whose line is
    /// written already where the gate has all of the answer.
    func note(_ cut: AnswerCut, _ reason: StaticString) {
        let isRunning = value.phase == .exchange && value.exchange.hasAnswered
        guard isRunning || hasCarriedOutput else { return }
        value.worker.value.counters.cutAnswers.add(cut.rawValue)
        guard isRunning else { return }
        noteCut(ByteView(reason))
        // What is handed over with a reset never goes.
        if let carried = value.carried, !carried.value.output.hasSentHead { noteUnsent() }
    }

    /// The upstream is lost, or gives up, amid its answer.
    func cutOff(_ failure: UpstreamFailure) {
        switch failure {
        case .timeout:
            cutOff(.backendTimeout, "the backend stopped amid its answer (timeouts.response)")
        case .misbehaved, .malformed, .broken, .badHandshake: cutOff(.backendError, failure.reason)
        case .reset, .refused:
            cutOff(.backendClosed, "the backend reset the stream amid its answer")
        default:
            let isTLS = value.exchange.isUntilClose && value.upstream?.value.stream.tls != nil
            cutOff(
                .backendClosed,
                isTLS
                    ? "the backend closed without TLS's close_notify, by which its answer ends"
                    : "the backend closed amid its answer")
        }
    }

    /// The client took nothing of what waits for it, or sent nothing of what it owes, for
    /// `timeouts.client_content`.
    func cutOffLate(_ isReading: Bool) {
        cutOff(
            .clientTimeout,
            isReading
                ? "the client stopped taking the answer (timeouts.client_content)"
                : "the client stopped amid its content (timeouts.client_content)")
    }

    /// Its connection broke, as reading or writing has shown.
    func clientGone() { cutOff(.clientGone, Self.gone) }

    static var gone: StaticString { "the client was gone before the answer's end" }

    static var brokeHTTP2: StaticString { "the client broke HTTP/2, or asked too much of it" }

    /// It sends nothing any more, and owes some of its content.
    static var endedAmidContent: StaticString { "the client ended amid its content" }
}
