// What a rule or a scope's defaults may set besides methods, as the configuration writes it.

package import HTTPSyntax

/// What becomes of a request that a rule disallows.
package enum Mode: UInt8, Sendable, BitwiseCopyable {
    /// A disallowed method is rejected.
    case enforce
    /// A disallowed method is forwarded and logged as `would-block`.
    case shadow
}

/// What happens to OPTIONS (product: "OPTIONS and CORS").
package enum OptionsMode: UInt8, Sendable, BitwiseCopyable {
    /// A CORS preflight is forwarded where the method it asks for is allowed.
    case preflight
    /// Besides, an OPTIONS that the list lacks is answered by the gate.
    case answer
    /// OPTIONS is a method like any other.
    case list
}

/// How a disallowed method is answered.
package enum BlockedStatus: UInt8, Sendable, BitwiseCopyable {
    case methodNotAllowed
    case forbidden
    case notFound
    case close

    /// The status code; 0 for `close`, where no answer is sent.
    package var code: UInt16 {
        switch self {
        case .methodNotAllowed: 405
        case .forbidden: 403
        case .notFound: 404
        case .close: 0
        }
    }

    /// Whether a client is to learn neither the rule nor its methods.
    package var hidesRule: Bool { self == .notFound || self == .close }
}

/// How much a rejection says about who blocked.
package enum Attribution: UInt8, Sendable, BitwiseCopyable {
    case full
    case minimal
    case none
}

/// How a token is answered that neither the registry nor the configuration knows.
package enum UnknownMethodStatus: UInt8, Sendable, BitwiseCopyable {
    case methodNotAllowed
    case notImplemented
}

/// What is done about methods that a request carries besides its own.
package enum OverrideMode: UInt8, Sendable, BitwiseCopyable {
    /// Each must be allowed on the path; they are forwarded.
    case check
    /// Fields are removed, parameters are not looked at.
    case strip
    /// A request that carries one is refused.
    case deny
    /// They are forwarded unseen.
    case ignore
}

/// Fields that are removed from requests unless a rule lets them pass.
package struct PassedFields: OptionSet, Sendable, BitwiseCopyable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let originalURL = PassedFields(rawValue: 1)
    package static let rewriteURL = PassedFields(rawValue: 2)
    package static let proxy = PassedFields(rawValue: 4)
}

/// The templates of the gate's own answers, by form: numbers that mean something to whoever loaded
/// the configuration; nil inherits, and in the end means the gate's own text.
package struct TemplateChoice: Hashable, Sendable, BitwiseCopyable {
    package var html: Int32?
    package var json: Int32?
    package var text: Int32?

    package init() {}

    fileprivate func inheriting(_ other: TemplateChoice) -> TemplateChoice {
        var result = other
        if let html { result.html = html }
        if let json { result.json = json }
        if let text { result.text = text }
        return result
    }
}

/// Everything but methods that a rule or a scope's defaults may set; nil inherits: a rule from
/// its scope's defaults, those from the common defaults, those from what the product documents.
package struct RuleOptions: Sendable {
    package var mode: Mode?
    /// An index into the configuration's backends.
    package var backend: Int?
    package var options: OptionsMode?
    package var overrides: OverrideMode?
    package var readings: ReadingLevel?
    package var headFollowsGet: Bool?
    package var blockedStatus: BlockedStatus?
    package var unknownMethod: UnknownMethodStatus?
    package var narrowAllow: Bool?
    package var attribution: Attribution?
    package var templates = TemplateChoice()
    package var passedFields: PassedFields?

    /// Nothing is set: all is inherited.
    package init() {}

    /// Each option, or that of `other` where this one leaves it open.
    func inheriting(_ other: RuleOptions) -> RuleOptions {
        var result = other
        if let mode { result.mode = mode }
        if let backend { result.backend = backend }
        if let options { result.options = options }
        if let overrides { result.overrides = overrides }
        if let readings { result.readings = readings }
        if let headFollowsGet { result.headFollowsGet = headFollowsGet }
        if let blockedStatus { result.blockedStatus = blockedStatus }
        if let unknownMethod { result.unknownMethod = unknownMethod }
        if let narrowAllow { result.narrowAllow = narrowAllow }
        if let attribution { result.attribution = attribution }
        result.templates = templates.inheriting(other.templates)
        if let passedFields { result.passedFields = passedFields }
        return result
    }
}
