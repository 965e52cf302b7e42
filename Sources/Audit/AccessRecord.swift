// What the access log says of one request that passed, or that the gate answered itself.

package import HTTPSyntax
package import Policy

/// One request. The views are borrowed for the duration of the call.
@safe package struct AccessRecord {
    package var time: Timestamp
    package var request: RequestFields
    /// The id of the request's block record, where it has one (`would-block`).
    package var eventID: EventID?
    package var facts: RuleFacts?
    /// What the client was answered; 0 leaves it out: the client was gone.
    package var status: UInt16 = 0
    package var reachedBackend = true
    /// From the head's first byte to the answer's last one, in nanoseconds.
    package var duration: UInt64 = 0
    /// Bytes of content.
    package var requestContent: UInt64 = 0
    package var responseContent: UInt64 = 0
    /// The backend's address as text; empty leaves it out.
    package var upstream: ByteView = .empty
    /// What went wrong, for the operator: `backend timed out`; empty leaves it out.
    package var reason: ByteView = .empty
    /// The policy that judged it, 64 hexadecimal digits; empty leaves it out.
    package var policyDigest: ByteView = .empty

    package init(at time: Timestamp, request: RequestFields) {
        self.time = time
        self.request = request
    }
}
