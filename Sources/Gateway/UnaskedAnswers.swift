import HTTP1
import HTTPSyntax
import Transport

// An answer that nobody asked for, on a connection that carries requests one after another, must
// not become the answer to the next one. What comes while the connection idles closes it. What
// comes in the last instant, when the loop has already learnt of the next client, is told from the
// answer by when it came; and where both were read together, by there being two.

/// What is known of a reused connection at the moment a request was sent on it.
struct Silence {
    /// When the request was about to be sent, in nanoseconds since 1970; 0 where whatever comes is
    /// its answer: on a fresh connection, and behind the head of the answer.
    private var askedAt: Int64 = 0
    /// How far the system's clock was ahead of the one that only goes forward, in nanoseconds.
    private var offset: Int64 = 0
    /// A look just before found nothing.
    private var wasSeen = false

    /// Nothing is doubted.
    init() {}

    /// A request is about to be sent.
    ///
    /// - Parameters:
    ///   - offset: `clockOffset`, of a moment ago.
    ///   - wasSeen: the connection has been looked at, and was silent.
    init(brokenBefore now: Int64, offset: Int64, wasSeen: Bool) {
        askedAt = now
        self.offset = offset
        self.wasSeen = wasSeen
    }

    /// How far a time of the system's clock, in nanoseconds since 1970, is ahead of one of the other,
    /// in milliseconds, that was read behind it.
    static func clockOffset(_ wall: Int64, _ steady: UInt64) -> Int64 {
        wall - Int64(steady) &* 1_000_000
    }

    /// Whether what comes may be something else than the answer.
    var isDoubted: Bool { askedAt != 0 }

    /// Whether an answer with something behind it is not believed: one of the two was there before.
    var isDoubtedBehind: Bool { isDoubted && !wasSeen }

    /// Whether bytes that came then were there before the request was sent. 0: nobody knows.
    func wasBroken(by arrival: Int64) -> Bool {
        guard arrival != 0, arrival < askedAt else { return false }
        // A clock that was set back in between proves nothing. Which clock is read first, here and
        // above, is so that a pause between the two never looks like that.
        let steady = Clock.milliseconds()
        return Self.clockOffset(Clock.wallNanoseconds(), steady) > offset - Self.tolerance
    }

    /// Nanoseconds by which the two clocks differ in how they go, and are read.
    private static let tolerance: Int64 = 5_000_000
}

extension Ref<UpstreamConnection> {
    /// Whether the head in `worker.response`, at the front of `bytes`, begins an answer that is
    /// whole with something behind it, on a connection where either may be older than the request.
    func isAmbiguous(_ bytes: ByteView, _ client: Ref<ClientConnection>) -> Bool {
        guard value.silence.isDoubtedBehind else { return false }
        let worker = value.worker
        let status = worker.value.response.status
        guard status >= 200 else { return false }
        var offset = worker.value.response.length
        if !client.value.exchange.isHead, status != 204, status != 304 {
            let framing = worker.value.response.framing
            if case .length(let length) = framing { return UInt64(bytes.count - offset) > length }
            var content = BodyReader(framing)
            while content.nextData(in: bytes, from: &offset) != nil {}
            if content.isAwaitingTrailers {
                guard let length = Self.trailerLength(bytes.dropFirst(offset)) else { return false }
                offset += length
            } else if !content.isComplete {
                return false
            }
        }
        return offset < bytes.count
    }

    /// Up to the empty line that ends a trailer section; nil where it has not come.
    private static func trailerLength(_ bytes: ByteView) -> Int? {
        var lineStart = 0
        while let length = bytes.dropFirst(lineStart).firstIndex(of: 0x0a) {
            let next = lineStart + length + 1
            if length <= 1 { return next }
            lineStart = next
        }
        return nil
    }
}

extension Ref<ClientConnection> {
    /// What the upstream has sent is not the answer to this request: it goes to nobody.
    func upstreamSpokeUnasked() {
        let canReplay = value.upstream?.value.canReplay ?? false
        if value.exchange.mayRepeat(canReplay: canReplay) {
            retry()
        } else {
            upstreamMisbehaved(nil)
        }
    }
}
