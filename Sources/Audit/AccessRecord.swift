// What the access log says of one request, whoever answered it.

package import HTTPSyntax
package import Policy

/// What became of a request: `event.action` in the access log.
package enum AccessAction: Sendable, BitwiseCopyable {
    /// The backend answered.
    case served
    /// The gate answered in the backend's place: OPTIONS, TRACE.
    case answered
    /// The gate answered 5xx: for a backend that gave no answer, or for a log that takes none.
    case failed
    /// Nobody answered: the client was gone, or was cut off.
    case aborted
    /// As the block record of the same id has it.
    case blocked(BlockAction)

    /// The value of `event.action`.
    package var name: StaticString {
        switch self {
        case .served: "request-served"
        case .answered: "request-answered"
        case .failed: "request-failed"
        case .aborted: "request-aborted"
        case .blocked(let action): action.name
        }
    }

    var isBlock: Bool {
        if case .blocked = self { return true }
        return false
    }
}

/// One request. The views are borrowed for the duration of the call.
@safe package struct AccessRecord {
    package var time: Timestamp
    package var request: RequestFields
    package var action = AccessAction.served
    /// The id of the request's block record, where it has one.
    package var eventID: EventID?
    package var facts: RuleFacts?
    /// What the client was answered; 0 leaves it out: it was gone, or closed without an answer.
    package var status: UInt16 = 0
    package var reachedBackend = true
    /// From the end of the request's head to the end of the exchange, in nanoseconds.
    package var duration: UInt64 = 0
    /// Bytes of content, without framing.
    package var requestContent: UInt64 = 0
    /// Bytes of content as they were sent, framing included.
    package var responseContent: UInt64 = 0
    /// The backend's address as text; empty leaves it out.
    package var upstream: ByteView = .empty
    /// What went wrong, for the operator: `backend timed out`; empty leaves it out.
    package var reason: ByteView = .empty
    /// The policy that judged it, 64 hexadecimal digits; empty leaves it out.
    package var policyDigest: ByteView = .empty

    /// A record without facts and status; `time` is that of the end of the request's head.
    package init(at time: Timestamp, request: RequestFields) {
        self.time = time
        self.request = request
    }

    /// The line that belongs to a block record of a request which reached no backend.
    package init(_ block: borrowing BlockRecord, policyDigest: ByteView) {
        self.init(at: block.time, request: block.request)
        action = .blocked(block.action)
        eventID = block.eventID
        facts = block.facts
        status = block.status
        reachedBackend = false
        reason = block.reason
        self.policyDigest = policyDigest
    }

    /// Whose answer it was; nil where there was none.
    var answeredBy: StaticString? {
        guard status != 0 else { return nil }
        if case .served = action { return "backend" }
        return "gate"
    }
}
