// What the request path needs to know of a rule, precomputed, in storage that the policy owns:
// reading it copies a few words and counts no reference.

package import HTTPSyntax

/// A compiled rule. The views live as long as the policy.
@safe package struct RuleFacts: Sendable {
    /// What the rule itself allows, an implied HEAD included.
    package var methods: MethodSet
    package var backend: Int32
    package var mode: Mode
    package var options: OptionsMode
    package var overrides: OverrideMode
    package var readings: ReadingLevel
    package var blockedStatus: BlockedStatus
    package var unknownMethod: UnknownMethodStatus
    package var attribution: Attribution
    package var passedFields: PassedFields
    package var narrowAllow: Bool
    /// Whether this is a scope's default and no written rule.
    package var isDefault: Bool
    /// What replaces the text of the gate's own answers.
    package var templates = TemplateChoice()
    /// Whether the rule lets a request become a WebSocket tunnel.
    package var grantsWebSocket = false

    /// `api-items`, as written or derived from the pattern.
    package var id: ByteView
    /// The pattern as written; `defaults` for a default.
    package var name: ByteView
    /// `methodgate.yaml:12`.
    package var ref: ByteView
    /// `GET, HEAD`: in the order of the configuration, an implied HEAD right after GET.
    package var allow: ByteView
    /// `["GET","HEAD"]`.
    package var allowJSON: ByteView
    /// The same three as quoted JSON strings.
    package var idJSON: ByteView
    package var nameJSON: ByteView
    package var refJSON: ByteView
}
