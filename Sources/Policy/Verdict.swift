// A request as far as the policy asks, and what the policy says to it.

package import HTTPSyntax

/// What a verdict depends on.
package struct PolicyRequest {
    package var method: MethodID
    /// The path of the request target as it was sent, without the query (so that it holds no
    /// `?`, and the parser lets no `#` through); empty means `/`.
    package var path: ByteView
    /// The value of Host or the target's authority; empty where there is none (HTTP/1.0).
    package var host: ByteView
    /// Whether this is an OPTIONS with Origin and Access-Control-Request-Method.
    package var isPreflight = false
    /// What a preflight asks for; nil where that is no method, which no rule allows.
    package var requestedMethod: MethodID?
    /// The same as it was sent.
    package var requestedText = ByteView.empty

    /// A request that is no preflight.
    package init(method: MethodID, path: ByteView, host: ByteView) {
        self.method = method
        self.path = path
        self.host = host
    }
}

/// What becomes of a request.
package struct Verdict: BitwiseCopyable, Sendable {
    /// What the rules come to.
    package enum Outcome: UInt8, Sendable, BitwiseCopyable {
        case forward
        /// The path does not allow the method.
        case methodBlocked
        /// The path does not allow the method that a CORS preflight asks for.
        case preflightBlocked
        /// The path does not allow a method that the request carries besides its own.
        case overrideBlocked
        /// Some reading of the path allows the method and some other does not.
        case ambiguousPath
        /// The path is refused before any rule is asked; 400.
        case malformedPath
        /// An OPTIONS that the gate answers itself.
        case answerOptions
    }

    package var outcome: Outcome
    /// Blocked on paper only: forward, and log `would-block`.
    package var isShadowed: Bool
    /// Only the level of readings stood in the way: the raw reading allows the method.
    package var hintReadings: Bool
    /// Why the path is malformed; `.none` otherwise.
    package var malformed: PathProblem
    /// What to answer: 400, 403, 404, 405 or 501; 0 closes without an answer; 204 for
    /// `answerOptions`. Meaningless for `forward`; for a shadowed verdict what would have been.
    package var status: UInt16
    /// The rule that the raw path finds; -1 where the path was refused before any was asked
    /// (not for too many readings or decodings).
    package var rule: Int32
    /// How many readings were judged.
    package var readings: Int32
    /// What passes at this path: the intersection over all readings.
    package var allowed: MethodSet
    /// Whether more than one rule was asked: by several readings, or by several ways to read the
    /// patterns.
    package var findsSeveralRules = false
    /// Under shadow, which leaves `allowed` as it would be enforced: what passes nevertheless.
    package var lifted: MethodSet?
    /// What really passes at this path.
    package var passing: MethodSet { lifted ?? allowed }
}

/// What `explain` prints: every reading with the rule it finds.
package struct Explanation: Sendable {
    /// One way to read the path.
    package struct Reading: Sendable {
        /// The path as this reading has it, bytes outside of printable ASCII escaped.
        package var path: String
        /// The rules whose patterns this reading may match; the first one decides for the raw one.
        package var rules: [Int32]
        package var allowed: MethodSet
    }

    package var verdict: Verdict
    /// The raw reading first; empty for a malformed path.
    package var readings: [Reading]
    /// Whether a GET of this path may become a WebSocket.
    package var grantsWebSocket = false
}
