// Puts rules that are known to be right into their flat form.

internal import HTTPSyntax

/// Collects rules, texts and lists of methods.
struct PolicyAssembler {
    private var catalog: MethodCatalog
    private let source: PolicySource
    private var text = PolicyText()
    private var allows: AllowBook
    private var rules: [RuleRecord] = []
    private var ruleTexts: [RuleTexts] = []
    private var templates = [TemplateChoice()]
    private var templateNumbers: [TemplateChoice: Int32] = [TemplateChoice(): 0]

    init(_ catalog: MethodCatalog, source: PolicySource) {
        self.catalog = catalog
        self.source = source
        allows = AllowBook(catalog)
    }

    mutating func add(_ rule: RuleSource, id: String, inherited: RuleOptions) {
        // What a backend asks for stands between a rule's own word and the defaults'.
        let options = rule.options.inheriting(inherited)
        let readings = rule.options.readings ?? backendReadings(options) ?? inherited.readings
        append(
            rule.methods, options, readings: readings, id: id, name: rule.pattern,
            location: rule.patternLocation, isDefault: false)
        rules[rules.count - 1].grantsWebSocket = rule.webSocketLocation != nil
    }

    mutating func addDefault(
        _ defaults: DefaultsSource, methods: MethodList, options: RuleOptions
    ) -> Int32 {
        append(
            methods, options, readings: backendReadings(options) ?? options.readings,
            id: RuleIdentifiers.defaultID, name: "defaults",
            location: defaults.methods?.location ?? defaults.location, isDefault: true)
        return Int32(rules.count - 1)
    }

    private func backendReadings(_ options: RuleOptions) -> ReadingLevel? {
        source.backendReadings[options.backend ?? 0]
    }

    private mutating func append(
        _ methods: MethodList, _ options: RuleOptions, readings: ReadingLevel?, id: String,
        name: String, location: SourceLocation, isDefault: Bool
    ) {
        let allow = allows.record(
            of: methods.methods.compactMap { catalog.intern($0) }, anyIndex: methods.anyIndex,
            headFollowsGet: options.headFollowsGet ?? true, text: &text)
        var record = RuleRecord(
            allow: allow, backend: Int32(options.backend ?? 0), mode: options.mode ?? .enforce,
            options: options.options ?? .preflight, overrides: options.overrides ?? .check,
            readings: readings ?? .all,
            blockedStatus: options.blockedStatus ?? .methodNotAllowed,
            unknownMethod: options.unknownMethod ?? .methodNotAllowed,
            attribution: options.attribution ?? .full, passedFields: options.passedFields ?? [],
            narrowAllow: options.narrowAllow ?? true,
            isDefault: isDefault)
        record.templates = number(of: options.templates)
        rules.append(record)
        var texts = RuleTexts()
        (texts.id, texts.idJSON) = text.addQuoted(id)
        (texts.name, texts.nameJSON) = text.addQuoted(name)
        let file = source.files.indices.contains(location.file) ? source.files[location.file] : "?"
        (texts.ref, texts.refJSON) = text.addQuoted("\(file):\(location.line)")
        ruleTexts.append(texts)
    }

    private mutating func number(of choice: TemplateChoice) -> Int32 {
        if let number = templateNumbers[choice] { return number }
        let number = Int32(templates.count)
        templates.append(choice)
        templateNumbers[choice] = number
        return number
    }

    func finish(_ parts: inout PolicyParts) {
        var text = text
        parts.methodNames = catalog.all.map { text.add(catalog.name($0).utf8) }
        parts.customCount = catalog.custom.count
        parts.rules = rules
        parts.ruleTexts = ruleTexts
        parts.templates = templates
        parts.allows = allows.records
        parts.text = text.bytes
    }
}
