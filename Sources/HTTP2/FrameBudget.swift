// What a client may make the gate do for nothing. Frames that carry no request and no content are
// cheap to send and cost the receiver work and memory; each takes points from a budget that useful
// traffic and time give back. Who has spent it all is sent away (RFC 9113 §10.5).

/// A token bucket of one connection.
package struct FrameBudget: BitwiseCopyable, Sendable {
    /// What a newcomer has, and the most that anybody has.
    package static let capacity = 2000
    /// Points a second that time gives back.
    package static let perSecond = 100

    /// The most reports that are free at a time: what windows of some megabytes let be under way.
    package static let reportLimit = 1 << 20

    /// What costs, and what gives back.
    package enum Item: Sendable {
        /// Any frame but HEADERS, DATA with content, and a report.
        case controlFrame
        /// WINDOW_UPDATE or PING, by which who gets content reports that he took it.
        case report
        /// The client took a request back before the head of its answer had gone.
        case reset
        /// The gate had to reset a stream, by the client's fault.
        case streamError
        /// Likewise, behind an answer that counts as one.
        case malformed
        /// That many bytes of content went out in a frame, whose receiver may report twice that it
        /// took them, or once for each message that was in it: gRPC's do so, of 5 bytes and more.
        /// `isCut`: there was more, and the window let no more through.
        case sent(Int, isCut: Bool)
        /// That many bytes of content came.
        case received(Int)
        /// A request was answered to its end.
        case answered
    }

    private var points = Self.capacity
    /// Reports that the client may still send for nothing.
    private var reports = 0
    private var refilled: UInt64

    /// - Parameter now: monotonic milliseconds.
    package init(now: UInt64) { refilled = now }

    /// Whether more was spent than there was.
    package var isSpent: Bool { points < 0 }

    /// Counts what happened.
    package mutating func note(_ item: Item) {
        switch item {
        case .controlFrame: points -= 1
        case .report: if reports > 0 { reports -= 1 } else { points -= 1 }
        case .reset, .streamError: points -= 10
        case .malformed: points -= 20
        case .sent(let bytes, let isCut):
            guard !isCut || bytes >= 1024 else { return }
            reports = min(reports + 2 + bytes / 4, Self.reportLimit)
        case .received(let bytes): earn(bytes >= 64 ? 1 : 0)
        case .answered: earn(10)
        }
    }

    /// Gives back what time has brought.
    package mutating func refill(now: UInt64) {
        guard now >= refilled + 100 else { return }
        earn(Int(clamping: (now - refilled) / 10 * UInt64(Self.perSecond) / 100))
        refilled = now
    }

    private mutating func earn(_ more: Int) {
        guard !isSpent else { return }
        points = min(Self.capacity, points + min(more, Self.capacity))
    }
}
