// Two streams of bytes under one deadline, as a pure state machine: it is told what has come and
// what has ended, and says what to do. It knows no socket, no HTTP and no log, so that a tunnel
// over another transport needs only another driver; this one's is Tunneling.swift.

/// A tunnel from its first byte to its end.
package struct Tunnel: BitwiseCopyable, Sendable {
    package enum Side: Sendable, BitwiseCopyable {
        case client
        case backend

        package var other: Side { self == .client ? .backend : .client }
    }

    /// Why a tunnel has ended.
    package enum End: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        /// Both sides have ended theirs, this one first.
        case byClient, byBackend
        /// A connection broke.
        case clientBroke, backendBroke
        /// Nothing passed for too long; or nothing came from the side that had not ended yet.
        case idle, clientLingered, backendLingered
        /// The gate has gone away.
        case drained
        /// Its start never got into the log.
        case unrecorded

        /// Both sides have said that they are done: nothing was cut off.
        package var isOrderly: Bool { self == .byClient || self == .byBackend }

        /// For the operator.
        package var text: StaticString {
            switch self {
            case .byClient: "the client ended the tunnel"
            case .byBackend: "the backend ended the tunnel"
            case .clientBroke: "the client's connection broke"
            case .backendBroke: "the backend's connection broke"
            case .idle: "nothing passed for timeouts.tunnel_idle"
            case .clientLingered: "the client did not end its side after the backend had"
            case .backendLingered: "the backend did not end its side after the client had"
            case .drained: "the gate ended, and timeouts.drain had passed"
            case .unrecorded: "the log did not take the record of its start in time"
            }
        }
    }

    /// What the driver is to do next.
    package enum Step: Equatable, Sendable {
        /// Wait for what comes.
        case wait
        /// End the stream towards this side: the other one has ended, and all it sent has gone.
        case finish(Side)
        /// Both streams are through.
        case close
    }

    /// One direction, named by where its bytes come from.
    private struct Stream: BitwiseCopyable {
        var bytes: UInt64 = 0
        /// Its source has ended, or nobody takes its bytes any more.
        var hasEnded = false
        /// Its sink has been told.
        var isFinished = false
    }

    private var fromClient = Stream()
    private var fromBackend = Stream()
    private var first: Side?
    private var cause: End?

    package init() {}

    /// Bytes of this side that have been passed on.
    package func bytes(from side: Side) -> UInt64 {
        side == .client ? fromClient.bytes : fromBackend.bytes
    }

    package mutating func passed(_ count: Int, from side: Side) {
        switch side {
        case .client: fromClient.bytes &+= UInt64(count)
        case .backend: fromBackend.bytes &+= UInt64(count)
        }
    }

    /// Whether this side sends no more.
    package func hasEnded(_ side: Side) -> Bool {
        side == .client ? fromClient.hasEnded : fromBackend.hasEnded
    }

    /// Whether bytes of the client are still wanted, which may have come before its end.
    package var backendTakesBytes: Bool { !fromClient.isFinished }

    /// This side has ended its stream.
    package mutating func ended(_ side: Side) {
        if first == nil { first = side }
        switch side {
        case .client: fromClient.hasEnded = true
        case .backend: fromBackend.hasEnded = true
        }
    }

    /// The backend takes no more bytes; what it sent before is still to be read.
    package mutating func backendStoppedReading() {
        if first == nil { first = .backend }
        fromClient.hasEnded = true
        fromClient.isFinished = true
    }

    /// What is to be done now, until it is `wait` or `close`.
    ///
    /// - Parameters:
    ///   - toClient: bytes for the client have not gone yet.
    ///   - toBackend: bytes for the backend have not gone yet.
    package mutating func next(toClient: Bool, toBackend: Bool) -> Step {
        if fromClient.hasEnded, !fromClient.isFinished, !toBackend {
            fromClient.isFinished = true
            return .finish(.backend)
        }
        if fromBackend.hasEnded, !fromBackend.isFinished, !toClient {
            fromBackend.isFinished = true
            return .finish(.client)
        }
        return fromClient.isFinished && fromBackend.isFinished ? .close : .wait
    }

    /// It is cut off for this reason; the first one given stays.
    package mutating func cut(_ reason: End) {
        if cause == nil { cause = reason }
    }

    /// Nothing has passed for as long as it may.
    package mutating func timedOut() {
        guard fromClient.hasEnded != fromBackend.hasEnded else { return cut(.idle) }
        cut(fromClient.hasEnded ? .backendLingered : .clientLingered)
    }

    /// Why it has ended, once it has. One that is closed before both streams are through, and was
    /// not cut off, has lost its client.
    package var end: End {
        if let cause { return cause }
        guard fromClient.isFinished && fromBackend.isFinished else { return .clientBroke }
        return first == .client ? .byClient : .byBackend
    }
}
