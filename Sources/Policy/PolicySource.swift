// What the configuration hands over: rules as written, each with the place it was written at.
// Nothing here is validated yet; `CompiledPolicy.compile` reports all that is wrong at once.

package import HTTPSyntax

/// A place in a configuration file.
package struct SourceLocation: Hashable, Sendable, BitwiseCopyable {
    /// An index into the source's `files`.
    package var file: Int
    /// From 1.
    package var line: Int
    /// From 1, in characters.
    package var column: Int

    /// `file` is an index into `PolicySource.files`; line and column count from 1.
    package init(file: Int, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
}

/// A list of methods as written; `any` is no method and stands beside them.
package struct MethodList: Sendable {
    package private(set) var methods: [Method] = []
    /// Where each of `methods` was written.
    package private(set) var locations: [SourceLocation] = []
    /// How many methods stand before `any`; nil without `any`.
    package private(set) var anyIndex: Int?
    /// Where the list was written.
    package var location: SourceLocation

    package init(at location: SourceLocation) { self.location = location }

    /// Whether the list holds `any`.
    package var any: Bool { anyIndex != nil }

    /// Adds a method as it was written there.
    package mutating func append(_ method: Method, at location: SourceLocation) {
        methods.append(method)
        locations.append(location)
    }

    /// Takes in the word `any`.
    package mutating func appendAny() {
        if anyIndex == nil { anyIndex = methods.count }
    }
}

/// One rule as written.
package struct RuleSource: Sendable {
    package var pattern: String
    package var patternLocation: SourceLocation
    package var methods: MethodList
    /// The id as written; nil derives one from the pattern.
    package var id: String?
    package var idLocation: SourceLocation?
    /// Where `upgrade: [websocket]` was written; nil grants nothing. No defaults have it: a
    /// permission stands on the rule that gives it.
    package var webSocketLocation: SourceLocation?
    package var options = RuleOptions()

    package init(pattern: String, at patternLocation: SourceLocation, methods: MethodList) {
        self.pattern = pattern
        self.patternLocation = patternLocation
        self.methods = methods
    }
}

/// What a path gets that no rule names.
package struct DefaultsSource: Sendable {
    /// Mandatory in the common scope; nil in a host's scope inherits the common methods.
    package var methods: MethodList?
    package var options = RuleOptions()
    package var location: SourceLocation

    package init(methods: MethodList?, at location: SourceLocation) {
        self.methods = methods
        self.location = location
    }
}

/// The rules and defaults of one host, or the common ones. Several scopes may name one host
/// (or none): their rules are taken together, wherever an include put them.
package struct ScopeSource: Sendable {
    /// A name or `*.name`; nil for the common scope.
    package var host: String?
    package var location: SourceLocation
    package var rules: [RuleSource] = []
    package var defaults: DefaultsSource?

    package init(host: String?, at location: SourceLocation) {
        self.host = host
        self.location = location
    }
}

/// A whole policy as written.
package struct PolicySource: Sendable {
    /// Names of the files, for references such as `methodgate.yaml:12`.
    package var files: [String]
    package var scopes: [ScopeSource] = []
    /// The top-level list `custom_methods`.
    package var customMethods = MethodList(at: SourceLocation(file: 0, line: 1, column: 1))
    /// Whether all rules are here: a file that cannot be read may hold one that settles an overlap.
    package var isComplete = true
    /// For each backend the readings its own settings ask for.
    package var backendReadings: [ReadingLevel?]
    /// Those that are spoken to in a way that carries no tunnel.
    package var tunnellessBackends: Set<Int> = []

    package init(files: [String], backendReadings: [ReadingLevel?]) {
        self.files = files
        self.backendReadings = backendReadings
    }
}

/// Something wrong with a policy, or doubtful.
package struct PolicyProblem: Error, Sendable {
    /// An error keeps the policy from being compiled, a warning does not.
    package enum Severity: Sendable {
        case error
        case warning
    }

    package var severity: Severity
    /// What is wrong, without file and line.
    package var message: String
    /// What is accepted instead, where that helps.
    package var accepted: String?
    /// What was probably meant.
    package var suggestion: String?
    package var location: SourceLocation
    /// The other places that the message speaks of, such as the rule it clashes with.
    package var related: [SourceLocation]

    init(
        _ message: String, at location: SourceLocation, severity: Severity = .error,
        accepted: String? = nil, suggestion: String? = nil, related: [SourceLocation] = []
    ) {
        self.severity = severity
        self.message = message
        self.accepted = accepted
        self.suggestion = suggestion
        self.location = location
        self.related = related
    }
}
