import HTTP1
import HTTPSyntax
import Policy
import Transport

// An answer never promises a method that the gate blocks: what a backend lists in Allow, or in a
// preflight answer's Access-Control-Allow-Methods, is cut down to the policy on its way out
// (RFC 9110 §3.7: a gateway speaks as the origin server). Rare answers only: 405 and OPTIONS.

extension Ref<Worker> {
    /// Replaces the lists of the answer in `response` where the rule asks for it.
    func narrowAllow(
        _ head: ByteView, for client: Ref<ClientConnection>,
        _ options: inout HeadWriter.ResponseOptions
    ) {
        let isPreflight = client.value.isPreflight
        guard value.response.status == 405 || client.value.method == .options else { return }
        guard client.narrowsAllow, let use = client.value.use else { return }
        let policy = use.value.snapshot.policy
        if value.response.fields.has(.allow) {
            options.insert(.dropsAllow)
            writeNarrowed(.allow, head, client, policy)
        }
        if isPreflight, value.response.fields.has(.accessControlAllowMethods) {
            options.insert(.dropsAllowMethods)
            writeNarrowed(.accessControlAllowMethods, head, client, policy)
        }
    }

    /// What an interim answer lists is left out: the final one says it, whatever its status is.
    func dropAllow(
        for client: Ref<ClientConnection>, _ options: inout HeadWriter.ResponseOptions
    ) {
        guard value.response.fields.hasAny(of: .allow, .accessControlAllowMethods),
            client.narrowsAllow
        else { return }
        options.formUnion([.dropsAllow, .dropsAllowMethods])
    }

    /// One line with what is both listed and allowed; `*` stands for all that is allowed.
    private func writeNarrowed(
        _ name: FieldName, _ head: ByteView, _ client: Ref<ClientConnection>,
        _ policy: CompiledPolicy
    ) {
        value.extra.append(name.name)
        value.extra.append(": ")
        var isFirst = true
        for index in 0..<value.response.fields.count {
            let line = value.response.fields[index]
            guard line.name == name, !line.isVariant else { continue }
            var rest = head.slice(Int(line.valueOffset), Int(line.valueLength))
            while !rest.isEmpty {
                let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.count
                let item = rest.slice(0, end).trimmed
                rest = rest.dropFirst(Swift.min(end + 1, rest.count))
                guard !item.isEmpty else { continue }
                if item.count == 1, item[0] == UInt8(ascii: "*") {
                    appendSeparator(&isFirst)
                    policy.appendAllow(
                        client.value.allowed, rule: client.value.rule, to: &value.extra)
                } else if client.value.allowed.contains(policy.methodID(item)) {
                    appendSeparator(&isFirst)
                    value.extra.append(item)
                }
            }
        }
        value.extra.append("\r\n")
    }

    private func appendSeparator(_ isFirst: inout Bool) {
        if !isFirst { value.extra.append(", ") }
        isFirst = false
    }
}

extension Ref<ClientConnection> {
    /// Whether the rule of the running request lets no backend promise more than the gate.
    fileprivate var narrowsAllow: Bool {
        guard let use = value.use else { return false }
        let facts = use.value.snapshot.policy.facts(value.rule)
        return facts.narrowAllow && facts.mode == .enforce
    }
}
