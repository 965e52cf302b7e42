// A policy ready to judge requests: immutable, shared by all workers.

package import HTTPSyntax

/// Reused by one worker for paths that have more than one reading. Not thread-safe.
package final class JudgeScratch {
    package init() {}
}

/// The compiled rules of one configuration.
package final class CompiledPolicy: Sendable {
    /// Rules including the defaults of the scopes.
    package let ruleCount: Int

    init() { ruleCount = 0 }

    /// Compiles, or reports all that is wrong at once. Warnings may accompany a policy.
    package static func compile(
        _ source: PolicySource
    ) -> (policy: CompiledPolicy?, problems: [PolicyProblem]) { (nil, []) }

    /// The number of a method: registered, else custom to this policy, else `.unknown`.
    package func methodID(_ token: ByteView) -> MethodID { .unknown }

    package func facts(_ rule: Int32) -> RuleFacts { fatalError("unfinished") }

    /// Judges a request. A plain path costs one look-up and allocates nothing.
    package func judge(_ request: PolicyRequest, scratch: JudgeScratch) -> Verdict {
        fatalError("unfinished")
    }

    /// Writes `set` as the value of Allow, in the order of `rule`'s list, an implied HEAD right
    /// after GET; what the list lacks follows in the order of the registry.
    package func appendAllow(_ set: MethodSet, rule: Int32, to buffer: inout ByteBuffer) {}

    /// The same as a JSON array of strings.
    package func appendAllowJSON(_ set: MethodSet, rule: Int32, to buffer: inout ByteBuffer) {}

    /// The verdict with all that led to it. Allocates.
    package func explain(_ request: PolicyRequest) -> Explanation { fatalError("unfinished") }
}
