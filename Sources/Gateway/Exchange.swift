package import HTTPSyntax

// The life of one request as a pure state machine: it is told what happened on either side and
// says what to do. It knows no socket, clock or buffer; its driver (Forwarding.swift) performs the
// actions. A few bytes, inside its connection.

/// A request and its answer, from the end of the request head to the end of both contents.
package struct Exchange: BitwiseCopyable, Sendable {
    /// How far a message has come.
    package enum Progress: UInt8, Sendable, BitwiseCopyable {
        case head
        case content
        case complete
    }

    /// How far the request has come from the client.
    package private(set) var request = Progress.complete
    /// How far the answer has come from the upstream.
    package private(set) var response = Progress.complete
    /// HEAD: the answer has no content whatever its fields say.
    package private(set) var isHead = false
    /// What the client speaks.
    package private(set) var clientVersion = HTTPVersion.http11
    /// The client speaks HTTP/1.0: no interim answers, no chunked coding.
    package var clientIsHTTP10: Bool { clientVersion == .http10 }
    /// Whether the client's connection may carry another request after this one.
    package private(set) var clientPersists = true
    /// Whether the upstream's connection may carry another request after this one.
    package private(set) var upstreamPersists = true
    /// The request may be sent twice without harm (RFC 9110 §9.2.2).
    package private(set) var isIdempotent = false
    /// The upstream connection had served a request before: it may have gone stale.
    package var upstreamIsReused = false
    /// The client waits for 100 before it sends content.
    package private(set) var awaitsContinue = false
    /// A byte of an answer, even an interim one, has come for this request.
    package private(set) var hasResponseBytes = false
    /// A byte of a final answer has gone to the client: no other answer can be given.
    package private(set) var hasAnswered = false
    /// Some byte of the request has been taken by the kernel for the upstream.
    package var hasSentBytes = false
    /// How often it was sent again.
    private var restarts: UInt8 = 0
    /// How often an upstream may refuse it before it has done anything.
    private static var mostRestarts: UInt8 { 3 }
    /// The answer's content ends with the upstream's connection.
    package private(set) var isUntilClose = false
    /// The request that went upstream asks for another protocol, as a rule grants it.
    package private(set) var asksUpgrade = false

    /// No request runs.
    package init() {}

    /// A request head has been judged and goes to an upstream.
    ///
    /// - Parameter mayBeOverridden: fields may make another method of it.
    package init(
        method: MethodID, version: HTTPVersion, flags: HeadFlags, framing: BodyFraming,
        mayBeOverridden: Bool = false
    ) {
        request = framing.isNone ? .complete : .content
        response = .head
        isHead = method == .head
        clientVersion = version
        clientPersists = Self.persists(version, flags)
        isIdempotent = method.isIdempotent && !mayBeOverridden
        awaitsContinue =
            !framing.isNone && flags.contains(.expectContinue) && version != .http10
    }

    /// Whether a sender of such a message keeps its connection open (RFC 9112 §9.3).
    package static func persists(_ version: HTTPVersion, _ flags: HeadFlags) -> Bool {
        if flags.contains(.close) { return false }
        return version != .http10 || flags.contains(.keepAlive)
    }

    /// We are going away: this request is the connection's last.
    package mutating func endClientAfterwards() { clientPersists = false }

    /// The request goes upstream with its wish for another protocol; without content.
    package mutating func askUpgrade() { asksUpgrade = true }

    // MARK: Requests

    /// The client has sent content although no 100 came: it will send all of it.
    package mutating func requestContentArrived() { awaitsContinue = false }

    /// The request is whole.
    package mutating func requestContentEnded() {
        request = .complete
        awaitsContinue = false
    }

    // MARK: Answers

    /// A byte of an answer has come: the request was not lost.
    package mutating func responseBytesArrived() { hasResponseBytes = true }

    /// What to do with an answer's head.
    package enum HeadAction: Equatable {
        /// An interim answer; forward it or drop it, and wait for the next head.
        case interim(forward: Bool)
        /// The answer: forward it, then content with this framing.
        case final(BodyFraming)
        /// The upstream switches protocols, as it was asked to: look at the handshake, then
        /// `switchProtocols` or 502.
        case handshake
        /// What no upstream may send: 502.
        case refuse
    }

    /// An answer's head has been parsed (RFC 9110 §15, RFC 9112 §6.3).
    package mutating func responseHeadArrived(
        status: Int, version: HTTPVersion, flags: HeadFlags, framing: BodyFraming
    ) -> HeadAction {
        if status < 200 {
            if status == 101 { return isSwitch(version, flags, framing) ? .handshake : .refuse }
            return interim(status)
        }
        upstreamPersists = Self.persists(version, flags)
        hasAnswered = true
        let actual = isHead || status == 204 || status == 304 ? .none : framing
        isUntilClose = actual == .untilClose
        if isUntilClose { upstreamPersists = false }
        // A close-delimited answer, or chunks that HTTP/1.0 does not know, end with the connection;
        // a client that still waits for 100 cannot say whether its content follows.
        if isUntilClose || (clientIsHTTP10 && actual == .chunked) || awaitsContinue {
            clientPersists = false
        }
        response = actual == .none ? .complete : .content
        return .final(actual)
    }

    private mutating func interim(_ status: Int) -> HeadAction {
        if status == 100 { awaitsContinue = false }
        return .interim(forward: !clientIsHTTP10)
    }

    /// Whether a 101 was asked for, says itself that it is about this connection, and has no
    /// content by its fields (RFC 9110 §7.8, §15.2.2).
    private func isSwitch(
        _ version: HTTPVersion, _ flags: HeadFlags, _ framing: BodyFraming
    ) -> Bool {
        asksUpgrade && version == .http11 && flags.contains(.upgrade) && framing == .untilClose
    }

    /// The handshake is right: what follows in both directions is no HTTP any more.
    package mutating func switchProtocols() {
        hasAnswered = true
        clientPersists = false
        upstreamPersists = false
        response = .content
    }

    /// The answer is whole.
    package mutating func responseContentEnded() { response = .complete }

    // MARK: Ends

    /// What becomes of the two connections.
    package struct Completion: Equatable {
        /// The upstream's connection may go back to the pool.
        package var keepsUpstream: Bool
        package var client: ClientEnd
    }

    /// What becomes of the client's connection.
    package enum ClientEnd: Equatable {
        /// The next request may follow.
        case keep
        /// Nothing more is expected of it.
        case close
        /// It may still be sending: end our side, and read on for a while so that the answer is
        /// not lost to a reset (RFC 9112 §9.6).
        case linger
        /// What it got must not look whole.
        case reset
    }

    /// The answer is complete. A request that is not keeps neither connection.
    package func completion(surplus: Bool) -> Completion {
        guard request == .complete else {
            return Completion(keepsUpstream: false, client: .linger)
        }
        return Completion(
            keepsUpstream: upstreamPersists && !surplus, client: clientPersists ? .keep : .linger)
    }

    /// What to do about a lost upstream connection.
    package enum UpstreamLoss: Equatable {
        /// That was the end of a close-delimited answer.
        case complete
        /// Nothing was lost: send the request again on a fresh connection.
        case retry
        /// Answer 502.
        case answer
        /// The answer is cut short: so must the client's connection be.
        case abort
    }

    /// What is known of a lost request.
    package enum Fate: Sendable {
        /// The connection broke: nobody knows.
        case unknown
        /// The upstream has certainly not acted on it (RFC 9113 §8.7).
        case unprocessed
        /// The upstream had it, and does not want to answer.
        case processed
    }

    /// The upstream's connection, or its stream, has ended or broken before the answer was complete.
    ///
    /// - Parameters:
    ///   - cleanly: by FIN, not by an error.
    ///   - canReplay: all that was sent of the request is still at hand.
    package func upstreamLost(
        cleanly: Bool, canReplay: Bool, fate: Fate = .unknown
    ) -> UpstreamLoss {
        if response == .content { return isUntilClose && cleanly ? .complete : .abort }
        if hasAnswered { return .abort }
        switch fate {
        case .unknown: break
        case .processed: return .answer
        case .unprocessed:
            return canReplay && !hasResponseBytes && restarts < Self.mostRestarts ? .retry : .answer
        }
        let isSafe = isIdempotent || !hasSentBytes
        if upstreamIsReused && !hasResponseBytes && isSafe && canReplay { return .retry }
        return .answer
    }

    /// Whether the request may be sent again although the upstream has it: what came back was no
    /// answer to it.
    package func mayRepeat(canReplay: Bool) -> Bool { !hasAnswered && isIdempotent && canReplay }

    /// The request starts over on a fresh connection.
    package mutating func restart() {
        restarts += 1
        upstreamIsReused = false
        hasSentBytes = false
    }
}
