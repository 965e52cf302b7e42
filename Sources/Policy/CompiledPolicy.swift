// A policy ready to judge requests: immutable, shared by all workers.

package import HTTPSyntax

/// Reused by one worker for paths that have more than one reading. Not thread-safe.
package final class JudgeScratch {
    let readings = PathReadings()
    var found: [Int32] = []
    /// For the overrides of a head: the value of a field, and a query.
    var field = CollectedValue()
    var form = FormScanner()

    /// Storage for the usual path.
    package init() { found.reserveCapacity(64) }

    /// Lends the readings of the path judged last, if its verdict says there were several; 0 is
    /// the raw one.
    package func withReading<Result>(
        _ index: Int, _ body: (ByteView) throws -> Result
    ) rethrows -> Result {
        try readings.withReading(index, body)
    }
}

/// The compiled rules of one configuration.
package final class CompiledPolicy: Sendable {
    let table: PatternTable
    let rules: FlatArray<RuleRecord>
    let ruleTexts: FlatArray<RuleTexts>
    let templates: FlatArray<TemplateChoice>
    let scopes: FlatArray<ScopeRecord>
    let viewRoots: FlatArray<Int32>
    let viewCount: Int
    /// By level the views of a path that no step changes, as bits.
    let plainViews: (UInt64, UInt64, UInt64)
    /// The views of a path of which only upper case is remarkable, and of it folded.
    let caseViews: (UInt64, UInt64)
    let transitions: FlatArray<UInt8>
    let allows: FlatArray<AllowRecord>
    let methodNames: FlatArray<TextRange>
    let customCount: Int
    let hasHosts: Bool
    let text: FlatArray<UInt8>
    /// Whether some path has one rule with a trailing slash and another one without: only then
    /// can the slash make a difference.
    package let distinguishesSlash: Bool

    init(_ parts: PolicyParts) {
        distinguishesSlash = parts.table.nodes.contains { $0.exact >= 0 && $0.slash >= 0 }
        table = PatternTable(parts.table)
        rules = FlatArray(parts.rules)
        ruleTexts = FlatArray(parts.ruleTexts)
        templates = FlatArray(parts.templates)
        scopes = FlatArray(parts.scopes)
        viewRoots = FlatArray(parts.viewRoots)
        viewCount = parts.views.count
        let reachable = parts.views.reachable
        plainViews = (reachable[0], reachable[1], reachable[2])
        caseViews = (parts.views.unfolded, parts.views.folded)
        transitions = FlatArray(parts.views.transitions)
        allows = FlatArray(parts.allows)
        methodNames = FlatArray(parts.methodNames)
        customCount = parts.customCount
        hasHosts = parts.hasHosts
        text = FlatArray(parts.text)
    }

    deinit {
        table.deallocate()
        rules.deallocate()
        ruleTexts.deallocate()
        templates.deallocate()
        scopes.deallocate()
        viewRoots.deallocate()
        transitions.deallocate()
        allows.deallocate()
        methodNames.deallocate()
        text.deallocate()
    }

    /// Compiles, or reports all that is wrong at once. Warnings may accompany a policy.
    package static func compile(
        _ source: PolicySource
    ) -> (policy: CompiledPolicy?, problems: [PolicyProblem]) {
        var compiler = PolicyCompiler(source)
        let parts = compiler.compile()
        return (parts.map { CompiledPolicy($0) }, compiler.problems)
    }

    /// Rules including the defaults of the scopes.
    package var ruleCount: Int { rules.count }

    /// The number of a method: registered, else custom to this policy, else `.unknown`. TRACE and
    /// CONNECT have theirs in any letter case: servers that fold it would act on them.
    package func methodID(_ token: ByteView) -> MethodID {
        let registered = MethodID(registered: token)
        if registered != .unknown { return registered }
        for index in 0..<customCount {
            let id = MethodID(rawValue: MethodID.firstCustom + UInt8(index))
            if methodName(id).equals(token) { return id }
        }
        if token.equalsIgnoringCase(ByteView("TRACE")) { return .trace }
        if token.equalsIgnoringCase(ByteView("CONNECT")) { return .connect }
        return .unknown
    }

    /// The name of a method that has a number; it lives as long as the policy.
    package func methodName(_ method: MethodID) -> ByteView {
        let index =
            method.isRegistered
            ? Int(method.rawValue)
            : Int(method.rawValue - MethodID.firstCustom) + MethodID.registry.count
        return text.view(methodNames[index])
    }

    /// The backend of a rule alone, for the request path.
    package func backend(_ rule: Int32) -> Int { Int(rules[Int(rule)].backend) }

    /// The defaults that hold for a Host value, as a rule; the common ones for an empty one.
    package func defaultRule(of host: ByteView) -> Int32 { scopes[scope(of: host)].defaultRule }

    /// What rejections and records say of a rule.
    package func facts(_ rule: Int32) -> RuleFacts {
        let record = rules[Int(rule)]
        let texts = ruleTexts[Int(rule)]
        let allow = allows[Int(record.allow)]
        return RuleFacts(
            methods: allow.methods, backend: record.backend, mode: record.mode,
            options: record.options, overrides: record.overrides, readings: record.readings,
            blockedStatus: record.blockedStatus, unknownMethod: record.unknownMethod,
            attribution: record.attribution, passedFields: record.passedFields,
            narrowAllow: record.narrowAllow,
            isDefault: record.isDefault, templates: templates[Int(record.templates)],
            grantsWebSocket: record.grantsWebSocket,
            id: text.view(texts.id), name: text.view(texts.name),
            ref: text.view(texts.ref), allow: text.view(allow.text),
            allowJSON: text.view(allow.json), idJSON: text.view(texts.idJSON),
            nameJSON: text.view(texts.nameJSON), refJSON: text.view(texts.refJSON))
    }

    /// Writes `set` as the value of Allow, in the order of `rule`'s list, an implied HEAD right
    /// after GET; what the list lacks follows in the order of the registry.
    package func appendAllow(_ set: MethodSet, rule: Int32, to buffer: inout ByteBuffer) {
        var isFirst = true
        forEachMethod(of: set, rule: rule) { name in
            if !isFirst { buffer.append(", ") }
            isFirst = false
            buffer.append(name)
        }
    }

    /// The same as a JSON array of strings.
    package func appendAllowJSON(_ set: MethodSet, rule: Int32, to buffer: inout ByteBuffer) {
        var isFirst = true
        buffer.append("[")
        forEachMethod(of: set, rule: rule) { name in
            buffer.append(isFirst ? "\"" : ",\"")
            isFirst = false
            buffer.append(name)
            buffer.append("\"")
        }
        buffer.append("]")
    }

    @inline(__always) private func forEachMethod(
        of set: MethodSet, rule: Int32, _ body: (ByteView) -> Void
    ) {
        let allow = allows[Int(rules[Int(rule)].allow)]
        let order = text.view(allow.order)
        for index in 0..<order.count {
            let method = MethodID(rawValue: order[index])
            if set.contains(method) { body(methodName(method)) }
        }
        for index in 0..<methodNames.count {
            let registered = MethodID.registry.count
            let number = index < registered ? index : index - registered + Int(MethodID.firstCustom)
            let method = MethodID(rawValue: UInt8(number))
            if set.contains(method), !allow.methods.contains(method) { body(methodName(method)) }
        }
    }
}
