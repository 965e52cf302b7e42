// From a policy as written to its flat form. Everything wrong is collected; nothing is compiled
// further than it is right.

internal import HTTPSyntax

/// Compiles one source. Use once.
struct PolicyCompiler {
    private let source: PolicySource
    private(set) var problems: [PolicyProblem] = []
    private var catalog: MethodCatalog
    private var scopes: [Scope] = []
    /// Those whose pattern is wrong: their ids count all the same.
    private var refused: [RuleSource] = []

    /// One host's part, put together from every place it was written in.
    struct Scope {
        var host: HostName?
        /// As written, for messages.
        var hostText: String?
        var location: SourceLocation
        var rules: [Rule] = []
        var defaults: DefaultsSource?
    }

    /// A rule whose pattern is right.
    struct Rule {
        var source: RuleSource
        var spelling: [UInt8]
    }

    init(_ source: PolicySource) {
        self.source = source
        catalog = MethodCatalog(declared: source.customMethods.methods)
    }

    /// The parts of the policy, or nil where `problems` holds an error.
    mutating func compile() -> PolicyParts? {
        checkCustomMethods()
        gatherScopes()
        checkMethods()
        var trees = PatternTrees(scopes.map { $0.rules.map(\.spelling) })
        for scope in scopes.indices { reportConflicts(trees, scope) }
        checkDefaults()
        let ids = checkIdentifiers()
        guard !hasErrors else { return nil }
        trees.buildViews()
        if trees.views.isExhausted || trees.isTooDeep {
            report(
                "the literals of the patterns can be read in too many ways together",
                at: firstLocation, accepted: "fewer patterns that hold escapes, ';' or dots")
            return nil
        }
        return assemble(trees, ids)
    }

    private var hasErrors: Bool { problems.contains { $0.severity == .error } }

    private var firstLocation: SourceLocation {
        source.scopes.first?.location ?? SourceLocation(file: 0, line: 1, column: 1)
    }

    private mutating func report(
        _ message: String, at location: SourceLocation, accepted: String? = nil,
        suggestion: String? = nil, related: [SourceLocation] = []
    ) {
        problems.append(
            PolicyProblem(
                message, at: location, accepted: accepted, suggestion: suggestion,
                related: related))
    }

    private mutating func report(_ failure: PathPattern.Failure, at location: SourceLocation) {
        report(
            failure.message, at: location, accepted: failure.accepted,
            suggestion: failure.suggestion)
    }

    /// `methodgate.yaml:12`.
    private func reference(_ location: SourceLocation) -> String {
        "\(source.files.indices.contains(location.file) ? source.files[location.file] : "?"):\(location.line)"
    }
}

// MARK: Scopes and patterns

extension PolicyCompiler {
    private mutating func gatherScopes() {
        scopes = [Scope(location: firstLocation)]
        for written in source.scopes {
            guard let index = scopeIndex(of: written) else { continue }
            for rule in written.rules { add(rule, to: index) }
            guard let defaults = written.defaults else { continue }
            if let known = scopes[index].defaults {
                report(
                    "defaults are set twice\(written.host.map { " for the host '\($0)'" } ?? "")",
                    at: defaults.location, accepted: "one place",
                    related: [known.location])
            } else {
                scopes[index].defaults = defaults
            }
        }
    }

    private mutating func scopeIndex(of written: ScopeSource) -> Int? {
        guard let host = written.host else { return 0 }
        do {
            let name = try HostName(parsing: host)
            if let known = scopes.firstIndex(where: { $0.host == name }) { return known }
            scopes.append(Scope(host: name, hostText: host, location: written.location))
            return scopes.count - 1
        } catch {
            report(error, at: written.location)
            return nil
        }
    }

    private mutating func add(_ rule: RuleSource, to scope: Int) {
        do {
            let pattern = try PathPattern(parsing: rule.pattern)
            scopes[scope].rules.append(Rule(source: rule, spelling: pattern.spelling))
        } catch {
            refused.append(rule)
            report(error, at: rule.patternLocation)
        }
        if PathPattern.hasColonSegment(rule.pattern) {
            problems.append(
                PolicyProblem(
                    "the pattern '\(rule.pattern)' holds a segment that begins with ':', which is "
                        + "a literal here",
                    at: rule.patternLocation, severity: .warning,
                    accepted: "{name} for any one segment"))
        }
    }

    private mutating func reportConflicts(_ trees: PatternTrees, _ scope: Int) {
        let rules = scopes[scope].rules
        for (later, earlier) in trees.duplicates[scope] {
            let one = rules[later].source
            let other = rules[earlier].source
            let spelled = one.pattern == other.pattern ? "" : ", there written '\(other.pattern)'"
            report(
                "the pattern '\(one.pattern)' is already at "
                    + "\(reference(other.patternLocation))\(spelled)",
                at: one.patternLocation, accepted: "each pattern once for a host",
                related: [other.patternLocation])
        }
        let cost = trees.matchingCost(of: scope)
        guard cost <= PatternTrees.maximumMatchingCost else {
            report(
                "the patterns branch so much that a path may take \(cost) steps to match",
                at: scopes[scope].location,
                accepted: "at most \(PatternTrees.maximumMatchingCost) steps")
            return
        }
        // A rule that is not there may settle an overlap.
        guard source.isComplete else { return }
        let finder = trees.overlaps(of: scope)
        for overlap in finder.overlaps { report(overlap, rules) }
        if finder.isExhausted {
            report(
                "the patterns cross in too many ways to be compared",
                at: scopes[scope].location, accepted: "literals in place of {name} where they do")
        }
    }

    private mutating func report(_ overlap: PatternOverlap, _ rules: [Rule]) {
        var one = rules[Int(overlap.rule)].source
        var other = rules[Int(overlap.other)].source
        // Named where it was written last.
        let first = (one.patternLocation.file, one.patternLocation.line)
        if first < (other.patternLocation.file, other.patternLocation.line) { swap(&one, &other) }
        let bare = overlap.isBareOnly
        let trailing = rules[Int(overlap.rule)].source.pattern
        let accepted =
            bare
            ? "besides, a rule for what stands before the trailing part of '\(trailing)'"
            : "a rule for what both match, with one of them narrowed"
        report(
            "the pattern '\(one.pattern)' overlaps with '\(other.pattern)' at "
                + "\(reference(other.patternLocation)), and neither is the more specific one",
            at: one.patternLocation, accepted: accepted, related: [other.patternLocation])
    }
}

// MARK: Methods and defaults

extension PolicyCompiler {
    private mutating func checkCustomMethods() {
        let list = source.customMethods
        for (method, location) in zip(list.methods, list.locations) {
            guard let refusal = MethodCatalog.refusal(of: method) else { continue }
            report(refusal.message, at: location, accepted: "methods of your own")
        }
    }

    private mutating func checkMethods() {
        for scope in scopes {
            for rule in scope.rules {
                check(rule.source.methods)
                checkUpgrade(rule.source, of: scope)
            }
            if let methods = scope.defaults?.methods { check(methods) }
        }
    }

    private mutating func check(_ list: MethodList) {
        for (index, method) in list.methods.enumerated() {
            if let known = catalog.number(of: method), known != .connect { continue }
            let location = list.locations[index]
            if let failure = catalog.failure(of: method) {
                report(failure, at: location)
            } else if catalog.intern(method) == nil {
                report(
                    "'\(method)' is one custom method too many", at: location,
                    accepted: "at most \(MethodCatalog.maximumCustom) that are not registered")
            }
        }
        for (index, method) in list.methods.enumerated().dropFirst()
        where list.methods[..<index].contains(method) {
            problems.append(
                PolicyProblem(
                    "'\(method)' is listed twice", at: list.locations[index], severity: .warning))
        }
    }

    /// A permission that nothing can use is a mistake.
    private mutating func checkUpgrade(_ rule: RuleSource, of scope: Scope) {
        guard let location = rule.webSocketLocation else { return }
        if let backend = rule.options.backend ?? options(of: scope).backend,
            source.tunnellessBackends.contains(backend)
        {
            report(
                "the rule's backend is spoken to in HTTP/2, which carries no WebSocket to it",
                at: location, accepted: "a backend that is spoken to in HTTP/1.1, or no upgrade")
        }
        guard !rule.methods.any,
            !rule.methods.methods.contains(where: { $0.registered == .get })
        else { return }
        report(
            "the rule does not allow GET, and a WebSocket begins with GET", at: location,
            accepted: "GET among the methods, or no upgrade")
    }

    private mutating func checkDefaults() {
        let common = scopes[0].defaults
        if common?.methods == nil {
            report(
                "defaults.methods is missing", at: common?.location ?? firstLocation,
                accepted: "the methods of a path that no rule names, such as [GET, HEAD] or any")
        }
        for scope in scopes {
            let inherited = options(of: scope)
            if let defaults = scope.defaults { checkBackend(inherited, at: defaults.location) }
            for rule in scope.rules {
                checkBackend(
                    rule.source.options.inheriting(inherited), at: rule.source.patternLocation)
            }
        }
    }

    private mutating func checkBackend(_ options: RuleOptions, at location: SourceLocation) {
        if let backend = options.backend, source.backendReadings.indices.contains(backend) {
            return
        }
        if options.backend == nil, source.backendReadings.count == 1 { return }
        report(
            "no backend is named", at: location,
            accepted: "'backend' in the rule or in defaults, unless there is but one backend")
    }

    private func options(of scope: Scope) -> RuleOptions {
        let common = scopes[0].defaults?.options ?? RuleOptions()
        return scope.host == nil
            ? common : (scope.defaults?.options ?? RuleOptions()).inheriting(common)
    }
}

// MARK: Assembly

extension PolicyCompiler {
    private mutating func checkIdentifiers() -> RuleIdentifiers {
        var ids = RuleIdentifiers()
        for scope in scopes {
            for rule in scope.rules { ids.add(rule.source, host: scope.hostText) }
        }
        for rule in refused { ids.add(rule, host: nil) }
        for clash in ids.clashes {
            report(
                "the id '\(clash.id)' \(clash.what)", at: clash.location,
                accepted: clash.accepted, related: clash.related)
        }
        return ids
    }

    private mutating func assemble(_ trees: PatternTrees, _ ids: RuleIdentifiers) -> PolicyParts? {
        var assembler = PolicyAssembler(catalog, source: source)
        guard let common = scopes[0].defaults, let methods = common.methods else { return nil }
        var names = ids.names().makeIterator()
        for scope in scopes {
            let inherited = options(of: scope)
            for rule in scope.rules {
                assembler.add(rule.source, id: names.next() ?? "", inherited: inherited)
            }
        }
        var parts = PolicyParts(table: trees.table, views: trees.views)
        for (index, scope) in scopes.enumerated() {
            var defaultRule = parts.scopes.first?.defaultRule ?? -1
            if let defaults = scope.defaults {
                defaultRule = assembler.addDefault(
                    defaults, methods: defaults.methods ?? methods, options: options(of: scope))
            }
            parts.scopes.append(trees.record(of: index, defaultRule: defaultRule))
        }
        parts.viewRoots = trees.viewRoots
        for (index, scope) in scopes.enumerated() {
            guard let host = scope.host else { continue }
            parts.hasHosts = true
            host.name.withView {
                let key = host.isWildcard ? HostName.wildcardKey : HostName.exactKey
                parts.table.insert(key: $0, under: key, value: Int32(index))
            }
        }
        assembler.finish(&parts)
        return parts
    }
}
