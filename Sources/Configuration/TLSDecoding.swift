import TLS

// From what is written about TLS to contexts: which certificates stand side by side, which of them
// answers for which name, and whether OpenSSL takes it all.

extension Decoder {
    /// `tls` of a listener; nil where anything of it is wrong.
    func listenTLS(_ node: Node) -> ListenTLS? {
        let mark = errorCount
        var draft = Keys.listenTLS.standard(ListenTLSDraft())
        Keys.listenTLS.decode(node, into: &draft, self)
        guard errorCount == mark else { return nil }
        draft.main.clients = draft.main.clients ?? ClientCertificates.none
        draft.main.lendsAuthorities = draft.more.contains {
            $0.clientCA == nil && ($0.clients ?? draft.main.clients) != ClientCertificates.none
        }
        var groups: [CertificateGroup] = []
        for item in [draft.main] + draft.more {
            add(item, under: draft.main, to: &groups, at: item.node ?? node)
        }
        guard errorCount == mark else { return nil }
        do throws(TLSProblem) {
            try draft.options.check()
            let context = try TLSServerContext(
                groups.map(\.entry), draft.options,
                protocols: ListenTLS.protocols(http2: draft.offersHTTP2))
            for concern in draft.options.concerns(groups.map(\.entry.identities)) {
                warn(node.keyOrSelf, Complaint(concern))
            }
            return ListenTLS(context: context, forwardsSubject: draft.forwardsSubject)
        } catch {
            report(node.keyOrSelf, Complaint(error.message))
            return nil
        }
    }

    var errorCount: Int { diagnostics.count { $0.severity == .error } }

    private func add(
        _ draft: CertificateDraft, under main: CertificateDraft,
        to groups: inout [CertificateGroup], at node: Node
    ) {
        guard let path = draft.certificate,
            let identity = credentials.identity(
                path, key: draft.key, staple: draft.staple, self)
        else { return }
        let names = draft.names?.map(\.text) ?? identity.names
        let clients = draft.clients ?? main.clients ?? .none
        let authority = draft.clientCA ?? main.clientCA
        let shown = draft.clientCA?.node ?? draft.certificate?.node ?? node
        guard !names.isEmpty || groups.first?.hasUse(for: identity) != false else {
            reportNameless(identity, at: path.node)
            return
        }
        // Certificates for the same names stand side by side, with keys of different kinds.
        if let index = groups.firstIndex(where: { Set($0.entry.names) == Set(names) }) {
            join(identity, draft, to: &groups[index], at: shown)
            return
        }
        for name in names {
            guard let other = groups.first(where: { $0.entry.names.contains(name) }) else {
                continue
            }
            report(
                path.node,
                Complaint(
                    "a second certificate for \(name)", accepted: "names, for each what it is for"),
                at: other.node)
            return
        }
        var entry = TLSServerEntry(names: names, identities: [identity])
        entry.clients = clients
        entry.authorities = authorities(clients, authority, at: shown, draft)
        groups.append(CertificateGroup(entry: entry, node: path.node))
    }

    private func reportNameless(_ identity: TLSIdentity, at node: Node) {
        report(
            node,
            Complaint(
                "the certificate of \(identity.subject) has no DNS name, so that it is never used",
                accepted: "names beside it"))
    }

    private func join(
        _ identity: TLSIdentity, _ draft: CertificateDraft, to group: inout CertificateGroup,
        at node: Node
    ) {
        if draft.clients != nil || draft.clientCA != nil {
            report(
                node,
                Complaint(
                    "stands beside another certificate for the same names: what is asked of "
                        + "clients stands there"), at: group.node)
        }
        guard !group.entry.identities.contains(where: { $0.keyKind == identity.keyKind }) else {
            report(
                node,
                Complaint(
                    "a second certificate with a key of the same kind (\(identity.keyKind)) for "
                        + "the same names"), at: group.node)
            return
        }
        group.entry.identities.append(identity)
    }

    /// Who signs client certificates; certificates that are asked for and could be anybody's are a
    /// mistake.
    private func authorities(
        _ clients: ClientCertificates, _ path: LocatedPath?, at node: Node,
        _ draft: CertificateDraft
    ) -> TrustStore? {
        guard clients != .none else {
            if let path = draft.clientCA, !draft.lendsAuthorities {
                report(
                    path.node.keyOrSelf,
                    Complaint(
                        "no client is asked for a certificate by it",
                        accepted: "it beside client_auth: request or require"))
            }
            return nil
        }
        guard let path else {
            report(
                node,
                Complaint(
                    "clients are asked for a certificate, and client_ca does not say whose are "
                        + "good", accepted: "client_ca beside client_auth"))
            return nil
        }
        return credentials.trust(path, at: node, self)
    }

    // MARK: At the back

    /// `tls` of a backend, or what holds without it; nil where anything of it is wrong.
    ///
    /// - Parameters:
    ///   - node: nil where nothing is written.
    ///   - host: of its URL.
    ///   - protocols: what is offered (ALPN).
    func backendTLS(
        _ node: Node?, host: String, protocols: [String], at place: Node
    ) -> BackendTLS? {
        let mark = errorCount
        var draft = Keys.backendTLS.standard(BackendTLSDraft())
        if let node { Keys.backendTLS.decode(node, into: &draft, self) }
        guard errorCount == mark else { return nil }
        var trust: TrustStore?
        if draft.verifies {
            trust = credentials.trust(draft.authorities, at: node ?? place, self)
        } else if let node {
            warnUnverified(node, draft)
        }
        var identity: TLSIdentity?
        if let certificate = draft.certificate {
            identity = credentials.identity(
                certificate, key: draft.key, staple: nil, isForBackend: true, self)
        } else if let key = draft.key {
            report(key.node.keyOrSelf, Complaint("is for a certificate, and none is given"))
        }
        guard errorCount == mark else { return nil }
        let name = draft.name ?? host
        do throws(TLSProblem) {
            try draft.options.check()
            return BackendTLS(
                context: try TLSClientContext(
                    name: name, isAddress: Resolver.numeric(name, port: 0) != nil, trust: trust,
                    identity: identity, draft.options, protocols: protocols))
        } catch {
            report(node?.keyOrSelf ?? place, Complaint(error.message))
            return nil
        }
    }

    private func warnUnverified(_ node: Node, _ draft: BackendTLSDraft) {
        let verify = node.pairs.first { $0.key.hasText("verify") }?.value ?? node
        warn(
            verify,
            Complaint(
                "the backend need not prove who it is: anybody in between can read and change "
                    + "what passes", accepted: "ca with the authority that signs its certificate"))
        if let path = draft.authorities {
            report(path.node.keyOrSelf, Complaint("is for verify: true alone"))
        }
    }
}

/// Certificates for the same names.
private struct CertificateGroup {
    var entry: TLSServerEntry
    var node: Node

    /// Whether a certificate without DNS names may stand beside these: for whoever asks for no name,
    /// by the same addresses.
    func hasUse(for nameless: TLSIdentity) -> Bool {
        entry.names.isEmpty && entry.identities.allSatisfy(nameless.isTwin)
    }
}
