// What the block log says of one request that was blocked, or would have been.

package import HTTPSyntax
package import Policy

/// Why there is a record: `event.action`.
package enum BlockAction: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case methodBlocked
    case wouldBlock
    case overrideBlocked
    case preflightBlocked
    case ambiguousPath
    case malformedRequest

    /// The value of `event.action`.
    package var name: StaticString {
        switch self {
        case .methodBlocked: "method-blocked"
        case .wouldBlock: "would-block"
        case .overrideBlocked: "override-blocked"
        case .preflightBlocked: "preflight-blocked"
        case .ambiguousPath: "ambiguous-path"
        case .malformedRequest: "malformed-request"
        }
    }
}

/// One block. The views are borrowed for the duration of the call.
@safe package struct BlockRecord {
    package var action: BlockAction
    package var time: Timestamp
    /// The id the client sees in `Methodgate-Event`.
    package var eventID: EventID
    package var request: RequestFields

    /// `event.reason`: a sentence of ours for the operator.
    package var reason: ByteView = .empty
    /// The rule that the raw path finds; nil where no rule was asked.
    package var facts: RuleFacts?
    /// What passes at this path, as a JSON array; empty: what the rule itself allows.
    package var allowedJSON: ByteView = .empty
    /// Whose verdict this is where it is not the rule's own mode, as for TRACE under a rule in
    /// shadow mode; nil: the rule's.
    package var mode: Mode?
    /// What the gate answers; 0 leaves it out: closed without an answer, or forwarded.
    package var status: UInt16 = 0
    /// Nil leaves it out: not decided yet.
    package var reachedBackend: Bool? = false
    /// The other method that was judged: a preflight's, or an override's.
    package var requestedMethod: ByteView = .empty
    /// Where an override stands: a field's name, `query` or `content`.
    package var overrideSource: ByteView = .empty
    /// How the configuration could let this pass, where only one key stands in the way.
    package var hint: ByteView = .empty
    /// The redirect that this request follows; nil where it follows none that is known.
    package var redirect: RedirectFacts?
    /// The policy that judged it, 64 hexadecimal digits; empty: the stream's current one.
    package var policyDigest: ByteView = .empty

    /// A record of what happened to `request`; everything else is left out until it is set.
    package init(
        _ action: BlockAction, at time: Timestamp, id eventID: EventID, request: RequestFields
    ) {
        self.action = action
        self.time = time
        self.eventID = eventID
        self.request = request
    }
}

/// A redirect by a backend that turned another request into the one that is recorded.
@safe package struct RedirectFacts {
    package var method: ByteView
    package var path: ByteView
    package var status: UInt16
    package var time: Timestamp

    /// Of the request that was redirected, and of the answer to it.
    package init(method: ByteView, path: ByteView, status: UInt16, time: Timestamp) {
        self.method = method
        self.path = path
        self.status = status
        self.time = time
    }
}
