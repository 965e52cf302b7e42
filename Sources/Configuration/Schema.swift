// The JSON Schema for editors, made from the tables of keys, so that it cannot say anything else
// than the decoder does. Keys of later versions are left out: an editor then marks them.

/// The configuration as a JSON Schema, draft 2020-12.
package enum Schema {
    /// The main file's schema; that of an included file is its `$defs/included`. Ends in a newline.
    package static func json() -> String {
        let head: [(String, JSON)] = [
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            ("title", .string("methodgate configuration")),
        ]
        let root = members(of: Keys.root.info)
        let definitions = sections.map { ($0.name, JSON.object(members(of: $0))) }
        let values: [(String, JSON)] = [
            ("duration", pattern("^(0|[1-9][0-9]*)(ms|s|m|h)$")),
            ("size", pattern("^(0|[1-9][0-9]*)(B|KiB|MiB|GiB)$")),
            ("method", pattern("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")),
            ("methods", methods),
        ]
        let document = JSON.object(head + root + [("$defs", .object(values + definitions))])
        return document.pretty + "\n"
    }

    /// Every section but the main file itself.
    static let sections: [SectionInfo] = [
        Keys.listener.info, Keys.listenTLS.info, Keys.certificate.info, Keys.backend.info,
        Keys.backendTLS.info, Keys.defaults.info, Keys.rule.info, Keys.host.info,
        Keys.hostDefaults.info, Keys.templates.info, Keys.timeouts.info, Keys.limits.info,
        Keys.log.info,
        Keys.blockLog.info, Keys.accessLog.info, Keys.admin.info, Keys.included.info,
    ]

    private static func members(of section: SectionInfo) -> [(String, JSON)] {
        let keys = section.keys.filter { !$0.isRefused }
        var members: [(String, JSON)] = [
            ("type", .string("object")), ("additionalProperties", .bool(false)),
        ]
        let required = keys.filter(\.isRequired).map { JSON.string($0.name) }
        if !required.isEmpty { members.append(("required", .array(required))) }
        members.append(("properties", .object(keys.map { ($0.name, property($0)) })))
        return members
    }

    private static func property(_ key: KeyInfo) -> JSON {
        var members = schema(of: key.shape)
        members.append(("description", .string(key.summary)))
        if let standard = key.standard { members.append(("default", literal(standard))) }
        return .object(members)
    }

    private static func schema(of shape: Shape) -> [(String, JSON)] {
        switch shape {
        case .text(_, let pattern?): [("type", .string("string")), ("pattern", .string(pattern))]
        case .text: [("type", .string("string")), ("minLength", .number(1))]
        case .boolean: [("type", .string("boolean"))]
        case .integer(let range):
            [
                ("type", .string("integer")), ("minimum", .number(range.lowerBound)),
                ("maximum", .number(range.upperBound)),
            ]
        case .duration: reference("duration")
        case .size: reference("size")
        case .methods: reference("methods")
        case .words(let words): [("enum", .array(words.flatMap(spellings)))]
        case .either(let shapes): [("anyOf", .array(shapes.map { .object(schema(of: $0)) }))]
        case .list(let item, let least):
            [
                ("type", .string("array")), ("minItems", .number(least)),
                ("items", .object(schema(of: item))),
            ]
        case .map(_, let value, let least):
            [
                ("type", .string("object")), ("minProperties", .number(least)),
                ("additionalProperties", .object(schema(of: value))),
            ]
        case .section(let info): reference(info.name)
        }
    }

    private static func reference(_ name: String) -> [(String, JSON)] {
        [("$ref", .string("#/$defs/" + name))]
    }

    private static func pattern(_ pattern: String) -> JSON {
        .object([("type", .string("string")), ("pattern", .string(pattern))])
    }

    private static var methods: JSON {
        let list: [(String, JSON)] = [
            ("type", .string("array")), ("items", .object(reference("method"))),
        ]
        return .object([
            ("anyOf", .array([.object([("const", .string("any"))]), .object(list)]))
        ])
    }

    /// What one of a few words may be in JSON: a version stands in quotes, too.
    private static func spellings(_ word: String) -> [JSON] {
        if case .decimal = literal(word) { return [literal(word), .string(word)] }
        return [literal(word)]
    }

    /// A plain scalar as JSON.
    private static func literal(_ text: String) -> JSON {
        if text == "true" || text == "false" { return .bool(text == "true") }
        // YAML reads 1.2 as a number, too.
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 2, parts.allSatisfy({ Int($0) != nil }) { return .decimal(text) }
        return Int(text).map(JSON.number) ?? .string(text)
    }
}
