// Rules, hosts and defaults into what `Policy` compiles. There may be 100,000 rules, so the short
// form touches a node once and the table of keys is asked only for the long form.

import Policy

extension Decoder {
    static let defaults: @Sendable (Node, inout Plan, Decoder) -> Void = { node, plan, decoder in
        var draft = Keys.defaults.standard(RuleDraft())
        Keys.defaults.decode(node, into: &draft, decoder)
        decoder.addDefaults(draft, node, host: nil, &plan)
        guard draft.options.backend == nil, node.kind == .mapping else { return }
        guard plan.backends.count > 1 else { return }
        guard !node.pairs.contains(where: { $0.key.hasText("backend") }) else { return }
        decoder.report(
            node.keyOrSelf,
            Complaint(
                "backend is missing, and there are \(plan.backends.count) backends",
                accepted: plan.backends.map(\.name).joined(separator: ", ")))
    }

    private func addDefaults(
        _ draft: RuleDraft, _ node: Node, host: String?, _ plan: inout Plan
    ) {
        var source = DefaultsSource(
            methods: draft.methods, at: draft.methods?.location ?? location(node))
        source.options = draft.options
        if host == nil, plan.backends.count == 1, source.options.backend == nil {
            source.options.backend = 0
        }
        let number = plan.scope(host, at: location(node))
        if let first = plan.policy.scopes[number].defaults {
            report(node.keyOrSelf, Complaint("the defaults of \(host ?? "") stand in two files"))
            related(first.location, "the first stand here")
            return
        }
        plan.policy.scopes[number].defaults = source
    }

    static let commonRules: @Sendable (Node, inout Plan, Decoder) -> Void = {
        node, plan, decoder in
        decoder.rules(node, host: nil, into: &plan)
    }

    static let hosts: @Sendable (Node, inout Plan, Decoder) -> Void = { node, plan, decoder in
        guard decoder.isMapping(node, Keys.hosts) else { return }
        for (key, value) in node.pairs {
            var draft = HostDraft()
            Keys.host.decode(value, into: &draft, decoder)
            let host = key.text
            _ = plan.scope(host, at: decoder.location(key))
            if let rules = draft.rules { decoder.rules(rules, host: host, into: &plan) }
            guard let defaults = draft.defaults else { continue }
            var rule = RuleDraft()
            Keys.hostDefaults.decode(defaults, into: &rule, decoder)
            decoder.addDefaults(rule, defaults, host: host, &plan)
        }
    }

    private func rules(_ node: Node, host: String?, into plan: inout Plan) {
        guard isMapping(node, Keys.rules) else { return }
        let scope = plan.scope(host, at: location(node))
        plan.policy.scopes[scope].rules.reserveCapacity(
            plan.policy.scopes[scope].rules.count + node.count / 2)
        for (key, value) in node.pairs {
            if value.kind == .mapping {
                longRule(key, value, host: host, scope, &plan)
            } else {
                let methods = methodList(value) ?? MethodList(at: location(value))
                plan.policy.scopes[scope].rules.append(
                    RuleSource(pattern: key.text, at: location(key), methods: methods))
            }
        }
    }

    private func longRule(
        _ key: Node, _ value: Node, host: String?, _ scope: Int, _ plan: inout Plan
    ) {
        var draft = RuleDraft()
        Keys.rule.decode(value, into: &draft, self)
        var rule = RuleSource(
            pattern: key.text, at: location(key),
            methods: draft.methods ?? MethodList(at: location(value)))
        rule.id = draft.id?.text
        rule.idLocation = draft.id?.location
        rule.options = draft.options
        if let upgrades = draft.upgrades, upgrades.hasWebSocket, draft.methods != nil {
            rule.webSocketLocation = upgrades.location
        }
        var scope = scope
        if let own = draft.host {
            scope = host == nil ? plan.scope(own.text, at: own.location) : scope
            if let host { refuseHost(in: value, host) }
        }
        plan.policy.scopes[scope].rules.append(rule)
    }

    private func refuseHost(in rule: Node, _ host: String) {
        guard let pair = rule.pairs.first(where: { $0.key.hasText("host") }) else { return }
        report(
            pair.key,
            Complaint(
                "the rule stands under hosts.\(Printable.text(host)) already",
                accepted: "host in common rules only"))
    }
}
