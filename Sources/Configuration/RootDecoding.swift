// The keys at the top of a file that are more than a value: lists, maps with free keys, and what
// depends on several keys at once.

import HTTPSyntax
import Policy

extension Decoder {
    static let listen: @Sendable (Node, inout Plan, Decoder) -> Void = { node, plan, decoder in
        let shape = Shape.list(.section(Keys.listener.info), atLeast: 1)
        guard decoder.isSequence(node, shape) else { return }
        if node.count == 0 { decoder.report(node, Complaint("is empty"), shape) }
        var seen: [Address: Node] = [:]
        for item in node.items {
            var draft = ListenDraft()
            if item.kind == .scalar, !item.isNull {
                decoder.report(
                    item,
                    Complaint(
                        "\(Printable.quoted(item.text)) is not a mapping",
                        accepted: Keys.listener.shape.accepted,
                        suggestion: "address: \(item.text)"))
                continue
            }
            Keys.listener.decode(item, into: &draft, decoder)
            guard let address = draft.address else { continue }
            if let first = seen[address], address.port != 0 {
                decoder.report(item, Complaint("\(address.text) is listened on twice"), at: first)
            }
            seen[address] = seen[address] ?? item
            plan.listeners.append(
                Listen(
                    address: address, proxyProtocol: draft.proxyProtocol,
                    allowsHTTP2: draft.allowsHTTP2, tls: draft.tls))
            if draft.allowsHTTP2, draft.tls != nil,
                let node = item.pairs.first(where: { $0.key.hasText("h2c") })?.value
            {
                decoder.report(
                    node,
                    Complaint(
                        "is HTTP/2 without TLS, and this listener speaks TLS",
                        accepted: "no h2c here; tls has h2, which is on by default"))
            }
            if draft.proxyProtocol,
                let node = item.pairs.first(where: { $0.key.hasText("proxy_protocol") })?.value
            {
                plan.proxyListeners.append((address, node))
            }
        }
    }

    static let admin: @Sendable (Node, inout Plan, Decoder) -> Void = { node, plan, decoder in
        var draft = AdminDraft()
        Keys.admin.decode(node, into: &draft, decoder)
        plan.admin = draft.address
        guard let address = draft.address, !address.isPrivate else { return }
        decoder.warn(
            node,
            Complaint(
                "the admin endpoint at \(address.text) answers anybody who reaches it",
                accepted: "a loopback address or a Unix socket"))
    }

    static let customMethods: @Sendable (Node, inout Plan, Decoder) -> Void = {
        node, plan, decoder in
        guard decoder.isSequence(node, .list(.text(example: "methods"), atLeast: 0)) else { return }
        var list = MethodList(at: decoder.location(node))
        for item in node.items {
            if let method = decoder.method(item) { list.append(method, at: decoder.location(item)) }
        }
        plan.policy.customMethods = list
    }

    static let include: @Sendable (Node, inout Plan, Decoder) -> Void = { node, plan, decoder in
        let shape = Shape.text(example: "a path or pattern such as conf.d/*.yaml, or a list")
        let items = node.kind == .sequence ? Array(node.items) : [node]
        for item in items {
            guard let scalar = decoder.scalar(item, shape) else { continue }
            if scalar.text.isEmpty {
                decoder.report(item, Complaint("is empty"), shape)
            } else {
                plan.includes.append((scalar.text, item))
            }
        }
    }

    static let limits: @Sendable (Node, inout Plan, Decoder) -> Void = { node, plan, decoder in
        Keys.limits.decode(node, into: &plan.limits, decoder)
        guard plan.limits.target > plan.limits.requestHead, node.kind == .mapping else { return }
        let pair = node.pairs.first { $0.key.hasText("target") } ?? node.pairs.first { _ in true }
        decoder.report(
            pair?.value ?? node,
            Complaint(
                "a target of \(Size.text(plan.limits.target)) does not fit a head of "
                    + Size.text(plan.limits.requestHead),
                accepted: "limits.target at most limits.request_head"))
    }

    // MARK: backends

    static let backends: @Sendable (Node, inout Plan, Decoder) -> Void = { node, plan, decoder in
        let shape = Shape.map(
            key: "names", .text(example: AddressSyntax.backendAccepted), atLeast: 1)
        guard decoder.isMapping(node, shape) else { return }
        if node.count == 0 { decoder.report(node, Complaint("is empty"), shape) }
        for (key, value) in node.pairs {
            decoder.checkName(key)
            // A wrong URL still is a backend of that name, so that rules may name it.
            decoder.backendNumbers[key.text] = plan.backends.count
            plan.backends.append(decoder.backend(key.text, value))
        }
        plan.policy.backendReadings = plan.backends.map(\.readings)
        plan.policy.tunnellessBackends = Set(
            plan.backends.indices.filter { plan.backends[$0].isHTTP2 })
    }

    private func checkName(_ key: Node) {
        let text = key.text
        let isValid = text.utf8.allSatisfy {
            ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E
        }
        guard !isValid || text.isEmpty || text.utf8.count > 64 else { return }
        report(
            key,
            Complaint(
                "\(Printable.quoted(text)) is not a name",
                accepted: "up to 64 letters, digits and . _ -"))
    }

    private func addTLS(to backend: inout Backend, _ draft: BackendDraft, at node: Node) {
        guard let url = draft.url else { return }
        if url.isTLS, case .host(let host, _) = url.target {
            backend.tls = backendTLS(
                draft.tls, host: host, protocols: [backend.isHTTP2 ? "h2" : "http/1.1"], at: node)
        } else if let tls = draft.tls {
            report(
                tls.keyOrSelf, Complaint("is for https:// alone", accepted: "an https:// url"))
        }
    }

    /// What a backend is spoken to in: as its URL says, or `protocol` where that leaves it open.
    private func isHTTP2(_ draft: BackendDraft, _ node: Node) -> Bool {
        guard let url = draft.url else { return false }
        guard let isHTTP2 = draft.isHTTP2 else { return url.isHTTP2 }
        let place = node.pairs.first { $0.key.hasText("protocol") }?.value ?? node
        if url.isHTTP2, !isHTTP2 {
            report(place, Complaint("h2c:// is HTTP/2", accepted: "h2, or an http:// url"))
        }
        if url.isPlain, isHTTP2 {
            report(
                place,
                Complaint("http:// is HTTP/1.1", accepted: "http1, or an h2c:// or https:// url"))
        }
        return isHTTP2
    }

    private func backend(_ name: String, _ node: Node) -> Backend {
        var draft = BackendDraft()
        var urlNode = node
        if node.kind == .mapping {
            Keys.backend.decode(node, into: &draft, self)
            urlNode = node.pairs.first { $0.key.hasText("url") }?.value ?? node
        } else {
            draft.url = Kind<BackendURL>.backendURL.read(node, self)
        }
        var backend = Backend(
            name: name, address: .unix(path: ""), authority: draft.url?.authority ?? "",
            readings: draft.readings)
        backend.isHTTP2 = isHTTP2(draft, node)
        switch draft.url?.target {
        case .unix(let address): backend.address = address
        case .host(let host, let port):
            do throws(Complaint) {
                backend.address = try resolver.address(of: host, port: port)
            } catch {
                report(urlNode, error)
            }
        case nil: break
        }
        addTLS(to: &backend, draft, at: urlNode)
        return backend
    }
}

extension Address {
    /// Nil for a Unix socket.
    var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port): port
        case .unix, .systemd: nil
        }
    }
}
