// What the access log says of one request that was forwarded, or that an upstream failed.

package import HTTPSyntax
package import Policy

/// One request. The views are borrowed for the duration of the call.
@safe package struct AccessRecord {
    package var time: Timestamp
    package var request: RequestFields
    /// The id of the request's block record, where it has one (`would-block`).
    package var eventID: EventID?
    package var facts: RuleFacts?
    /// What the client was answered; 0 leaves it out: it was gone, or refused midway.
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
}
