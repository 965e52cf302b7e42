// The keys of rules and of the two kinds of defaults. All three share their options; only the
// common defaults say what holds where nothing is written.

import HTTPSyntax
import Policy

extension Keys {
    static let defaults = Section<RuleDraft>(
        "the defaults", name: "defaults",
        [
            Key(
                "methods", .methods, \.methods, isRequired: true,
                "What a path allows that no rule names.")
        ] + options(isCommon: true) + [.onRules("upgrade")])

    static let hostDefaults = Section<RuleDraft>(
        "a host's defaults", name: "host_defaults",
        [
            Key(
                "methods", .methods, \.methods, standardText: "the common ones",
                "What a path of this host allows that no rule names.")
        ] + options(isCommon: false) + [.onRules("upgrade")])

    static let rule = Section<RuleDraft>(
        "rules", name: "rule",
        [
            Key("methods", .methods, \.methods, isRequired: true, "What the path allows."),
            Key(
                "id", .identifier, \.id, standardText: "made from the pattern",
                "What log and rejections call the rule."),
            Key(
                "host", .located("a host name"), \.host, standardText: "every host",
                "The only host the rule is for; the same as the rule under `hosts`."),
        ] + options(isCommon: false) + [
            Key(
                "upgrade", .upgrades, \.upgrades, standardText: "none",
                "Protocols that a GET may switch to; the gate does not look into the tunnel.")
        ])

    /// Where a key belongs that stands in the wrong section.
    static func elsewhere(_ name: String, but section: SectionInfo) -> String? {
        let sections = [
            ("defaults", defaults.info), ("timeouts", timeouts.info), ("limits", limits.info),
            ("log", log.info), ("log.blocks", blockLog.info),
        ]
        let found = sections.first { way, info in
            info.name != section.name && info.keys.contains { $0.name == name && !$0.isRefused }
        }
        return section.name == root.info.name ? found.map { "\($0.0).\(name)" } : nil
    }

    static let host = Section<HostDraft>(
        "rules and defaults", name: "host",
        [
            Key(
                "rules", hostRules, standardText: "none", "The rules of this host.",
                decode: { node, host, _ in host.rules = node }),
            Key(
                "defaults", hostDefaults.shape, standardText: "the common ones",
                "What a path of this host gets that no rule names.",
                decode: { node, host, _ in host.defaults = node }),
        ])

    private static let hostRules = Shape.map(
        key: "patterns", .either([.methods, .section(rule.info)]), atLeast: 0)

    private static func options(isCommon: Bool) -> [Key<RuleDraft>] {
        func standard(_ text: String) -> String? { isCommon ? text : nil }
        let inherited = isCommon ? nil : "as in `defaults`"
        return [
            Key(
                "backend", .backendName, \.options.backend,
                standardText: inherited ?? "the backend, where there is one",
                "Where requests are forwarded to."),
            Key(
                "mode", .mode, \.options.mode, default: standard("enforce"),
                standardText: inherited,
                "`enforce` rejects what is not allowed, `shadow` forwards and logs it."),
            Key(
                "options", .options, \.options.options, default: standard("preflight"),
                standardText: inherited,
                "`preflight`: CORS preflights pass where the method they ask for does; `answer`: "
                    + "besides, the gate answers OPTIONS; `list`: OPTIONS is a method like any."),
            Key(
                "override", .overrides, \.options.overrides, default: standard("check"),
                standardText: inherited,
                "Methods that a request carries besides its own: `check` demands that the path "
                    + "allows each; `strip` removes the fields and looks away from parameters; "
                    + "`deny` refuses such requests; `ignore` forwards them."),
            Key(
                "pass_fields", .passedFields, \.options.passedFields,
                standardText: inherited ?? "none",
                "Fields that override the path, and `Proxy`, which are removed otherwise."),
            Key(
                "readings", .readings, \.options.readings, default: standard("all"),
                standardText: inherited, "Which readings of a path are judged."),
            Key(
                "head_follows_get", .boolean, \.options.headFollowsGet, default: standard("true"),
                standardText: inherited, "Whether GET in a list allows HEAD."),
            Key(
                "blocked_status", .blockedStatus, \.options.blockedStatus,
                default: standard("405"), standardText: inherited,
                "How a method is answered that is not allowed; `close` does not answer."),
            Key(
                "unknown_method", .unknownMethod, \.options.unknownMethod,
                default: standard("405"), standardText: inherited,
                "The same for a method that neither the registry nor the configuration knows."),
            Key(
                "narrow_allow", .boolean, \.options.narrowAllow, default: standard("true"),
                standardText: inherited,
                "Whether a backend's Allow is narrowed to what the gate lets through."),
            Key(
                "attribution", .attribution, \.options.attribution, default: standard("full"),
                standardText: inherited,
                "How much the gate's own answers say about who answers: `full` names the rule, "
                    + "`minimal` the gate, `none` neither."),
            Key(
                "templates", templates.shape,
                standardText: inherited ?? "the gate's own words",
                "Files that replace the content of the gate's own answers.",
                decode: { templates.decode($0, into: &$1.options.templates, $2) }),
        ]
    }
}

extension Kind<Mode> {
    static var mode: Self { .words([("enforce", .enforce), ("shadow", .shadow)]) }
}

extension Kind<OptionsMode> {
    static var options: Self {
        .words([("preflight", .preflight), ("answer", .answer), ("list", .list)])
    }
}

extension Kind<OverrideMode> {
    static var overrides: Self {
        .words([("check", .check), ("strip", .strip), ("deny", .deny), ("ignore", .ignore)])
    }
}

extension Kind<PassedFields> {
    static var passedFields: Self {
        let name = Kind.words([
            ("X-Original-URL", .originalURL), ("X-Rewrite-URL", .rewriteURL), ("Proxy", .proxy),
        ])
        let shape = Shape.list(name.shape, atLeast: 0)
        return Kind(shape) { (node: Node, decoder: Decoder) -> PassedFields? in
            guard decoder.isSequence(node, shape) else { return nil }
            return node.items.reduce(into: []) { fields, item in
                if let field = name.read(item, decoder) { fields.insert(field) }
            }
        }
    }
}

extension Kind<ReadingLevel> {
    static var readings: Self {
        .words([("exact", .exact), ("standard", .standard), ("all", .all)])
    }
}

extension Kind<BlockedStatus> {
    static var blockedStatus: Self {
        .words([
            ("405", .methodNotAllowed), ("403", .forbidden), ("404", .notFound), ("close", .close),
        ])
    }
}

extension Kind<UnknownMethodStatus> {
    static var unknownMethod: Self {
        .words([("405", .methodNotAllowed), ("501", .notImplemented)])
    }
}

extension Kind<Attribution> {
    static var attribution: Self {
        .words([("full", .full), ("minimal", .minimal), ("none", .none)])
    }
}
