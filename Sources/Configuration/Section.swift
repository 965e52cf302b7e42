// A section is a table of keys. From this one table come decoding, the complaint about a key that
// does not exist, the defaults, the JSON Schema and the reference in docs/configuration.md.

/// One key of a section whose values go into a `Target`.
final class Key<Target>: Sendable {
    let info: KeyInfo
    /// The same as in `info`, at hand for a comparison with every key of a long rule.
    let name: String
    let isRequired: Bool
    /// Reads the value into the target, or reports.
    let decode: @Sendable (Node, inout Target, Decoder) -> Void
    /// Puts the default into the target; a default that cannot be read is our own mistake.
    let setDefault: @Sendable (inout Target) -> Void

    /// A key with a plain value. `default` is what one would write for what holds without it.
    init<Value>(
        _ name: String, _ kind: Kind<Value>,
        _ path: any WritableKeyPath<Target, Value> & Sendable, default standard: String,
        _ summary: String
    ) {
        self.name = name
        isRequired = false
        info = KeyInfo(name: name, shape: kind.shape, standard: standard, summary: summary)
        decode = { node, target, decoder in
            if let value = kind.read(node, decoder) { target[keyPath: path] = value }
        }
        setDefault = { target in
            guard let value = kind.readText?(standard) else {
                preconditionFailure("the default of \(name) cannot be read: \(standard)")
            }
            target[keyPath: path] = value
        }
    }

    /// A key that stays nil where it is not written and has no default; `standardText` says what
    /// holds then.
    init<Value>(
        _ name: String, _ kind: Kind<Value>,
        _ path: any WritableKeyPath<Target, Value?> & Sendable, default standard: String? = nil,
        standardText: String? = nil, isRequired: Bool = false, _ summary: String
    ) {
        self.name = name
        self.isRequired = isRequired
        info = KeyInfo(
            name: name, shape: kind.shape, standard: standard, standardText: standardText,
            summary: summary, isRequired: isRequired)
        decode = { node, target, decoder in
            if let value = kind.read(node, decoder) { target[keyPath: path] = value }
        }
        setDefault = { target in
            guard let standard else { return }
            guard let value = kind.readText?(standard) else {
                preconditionFailure("the default of \(name) cannot be read: \(standard)")
            }
            target[keyPath: path] = value
        }
    }

    /// A key that is read in its own way.
    init(
        _ name: String, _ shape: Shape, standardText: String? = nil, isRequired: Bool = false,
        _ summary: String, decode: @escaping @Sendable (Node, inout Target, Decoder) -> Void
    ) {
        self.name = name
        self.isRequired = isRequired
        info = KeyInfo(
            name: name, shape: shape, standardText: standardText, summary: summary,
            isRequired: isRequired)
        self.decode = decode
        setDefault = { _ in }
    }

    /// A key whose feature this version lacks. `instead` says what to do meanwhile.
    static func later(_ name: String, instead: String? = nil) -> Key {
        Key(refused: name, "is not supported by this version", instead: instead)
    }

    /// A key of the main file, in an included one.
    static func misplaced(_ name: String) -> Key {
        Key(
            refused: name,
            name == "include" ? "includes may not nest" : "belongs in the main file",
            instead: "rules, hosts", isMisplaced: true)
    }

    /// A permission, in defaults: it stands on the rule that gives it.
    static func onRules(_ name: String) -> Key {
        Key(
            refused: name, "is a permission that each rule gives by itself: nothing inherits it",
            instead: "\(name) in a rule", isMisplaced: true)
    }

    private init(
        refused name: String, _ message: String, instead: String?, isMisplaced: Bool = false
    ) {
        self.name = name
        isRequired = false
        info = KeyInfo(
            name: name, shape: .boolean, summary: "", isRefused: true, isMisplaced: isMisplaced)
        decode = { node, _, decoder in
            decoder.report(node.keyOrSelf, Complaint(message, accepted: instead))
        }
        setDefault = { _ in }
    }
}

/// A mapping with known keys.
struct Section<Target>: Sendable {
    let info: SectionInfo
    let keys: [Key<Target>]

    init(_ title: String, name: String, _ keys: [Key<Target>]) {
        info = SectionInfo(title: title, name: name, keys: keys.map(\.info))
        self.keys = keys
    }

    var shape: Shape { .section(info) }

    /// The target with every default filled in.
    func standard(_ empty: Target) -> Target {
        var target = empty
        for key in keys { key.setDefault(&target) }
        return target
    }

    /// Reads every key, in the order of the table; reports what is unknown, missing or wrong.
    func decode(_ node: Node, into target: inout Target, _ decoder: Decoder) {
        guard decoder.isMapping(node, shape) else { return }
        var found = [Node?](repeating: nil, count: keys.count)
        var misspelled: [String] = []
        for (key, value) in node.pairs {
            if let index = keys.firstIndex(where: { key.hasText($0.name) }) {
                found[index] = value
            } else {
                misspelled += [reportUnknown(key, decoder)].compactMap(\.self)
            }
        }
        for (key, value) in zip(keys, found) {
            if let value {
                key.decode(value, &target, decoder)
            } else if key.isRequired, !misspelled.contains(key.name) {
                decoder.reportMissing(key.info, in: node)
            }
        }
    }

    /// Returns the key that was probably meant.
    private func reportUnknown(_ key: Node, _ decoder: Decoder) -> String? {
        let names = info.keys.filter { !$0.isRefused }.map(\.name)
        let meant =
            Suggestion.nearest(to: key.text, among: names) ?? Keys.elsewhere(key.text, but: info)
        decoder.report(
            key,
            Complaint(
                "unknown key", accepted: info.acceptedKeys, suggestion: meant))
        return meant
    }

    /// As a value of another section.
    func kind(_ empty: Target) -> Kind<Target> where Target: Sendable {
        let section = self
        return Kind(shape) { (node: Node, decoder: Decoder) -> Target? in
            var target = section.standard(empty)
            section.decode(node, into: &target, decoder)
            return target
        }
    }
}
