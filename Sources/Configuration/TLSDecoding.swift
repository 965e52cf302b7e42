import TLS

// From what is written about TLS to contexts: every file is read, whatever is wrong with another, and
// what stands in several places is judged together.

extension Decoder {
    /// `tls` of a listener; nil where anything of it is wrong.
    func listenTLS(_ node: Node) -> ListenTLS? {
        let mark = errorCount
        var draft = Keys.listenTLS.standard(ListenTLSDraft())
        Keys.listenTLS.decode(node, into: &draft, self)
        draft.main.hasUnknownKeys = hasUnknownKeys(node, Keys.listenTLS.info)
        let trust = draft.main.clientCA.flatMap { credentials.trust($0, at: $0.node, self) }
        let offers = ([draft.main] + draft.more).enumerated().map { number, item in
            offer(item, number, of: draft, trust)
        }
        checkSubject(draft, node)
        let readable = offers.compactMap(\.self)
        // Who answers for other names is known by the first.
        let assignment = offers[0].map { _ in NameAssignment(readable, self) }
        check(draft.options, at: node)
        guard errorCount == mark, let entries = assignment?.entries else { return nil }
        return context(entries, draft, node)
    }

    private func context(
        _ entries: [TLSServerEntry], _ draft: ListenTLSDraft, _ node: Node
    ) -> ListenTLS? {
        do throws(TLSProblem) {
            let context = try TLSServerContext(
                entries, draft.options.value,
                protocols: ListenTLS.protocols(http2: draft.offersHTTP2))
            for concern in draft.options.value.concerns(entries.map(\.identities)) {
                warn(node.keyOrSelf, Complaint(concern.text), isFinding: concern.isCertain)
            }
            for concern in entries.compactMap({ TLSIdentity.unpopularity($0.identities) }) {
                warn(node.keyOrSelf, Complaint(concern.text))
            }
            return ListenTLS(context: context, forwardsSubject: draft.forwardsSubject)
        } catch {
            report(node.keyOrSelf, Complaint(error))
            return nil
        }
    }

    private func check(_ options: TLSOptionsDraft, at node: Node) {
        guard !options.isWrong else { return }
        if let concern = options.value.concern { warn(node.keyOrSelf, Complaint(concern.text)) }
        do throws(TLSProblem) { try options.value.check() } catch {
            report(node.keyOrSelf, Complaint(error))
        }
    }

    /// Whether a key may be another one misspelled, so that nobody knows what is missing.
    func hasUnknownKeys(_ node: Node?, _ section: SectionInfo) -> Bool {
        guard let node, node.kind == .mapping else { return false }
        return node.pairs.contains { key, _ in !section.keys.contains { key.hasText($0.name) } }
    }

    var errorCount: Int { diagnostics.count { $0.severity == .error } }

    /// Reads what a certificate names; nil where it cannot be read itself, or what it is for.
    private func offer(
        _ item: CertificateDraft, _ number: Int, of draft: ListenTLSDraft, _ trust: TrustStore?
    ) -> ServerOffer? {
        let demand = demand(item, number, of: draft, trust)
        let (certificates, identity) = credentials.identity(
            item.certificate, key: item.key, staple: item.staple, self)
        guard let certificates, let node = item.certificate?.node, item.names?.isEmpty != true
        else { return nil }
        let writesDemand = item.clientAuth != nil || item.clientCA != nil
        if let names = item.names { checkNames(names, of: certificates) }
        let offer = ServerOffer(
            certificates: certificates, identity: identity,
            names: item.names?.map(\.text) ?? certificates.names,
            hasWrittenNames: item.names != nil, demand: demand,
            hasDemand: number == 0 || writesDemand, writesDemand: writesDemand, node: node,
            demandNode: item.clientAuth?.node ?? item.clientCA?.node ?? node)
        checkOwnNames(of: offer)
        return offer
    }

    /// What is asked of clients beside a certificate; certificates that are asked for and could be
    /// anybody's are a mistake.
    private func demand(
        _ item: CertificateDraft, _ number: Int, of draft: ListenTLSDraft, _ trust: TrustStore?
    ) -> ClientDemand? {
        let own =
            number == 0
            ? trust
            : item.clientCA.flatMap {
                credentials.trust($0, at: $0.node, self)
            }
        guard let clients = draft.clients(of: item) else { return nil }
        guard clients != .none else {
            if let path = item.clientCA, number > 0 || !draft.lendsAuthorities {
                report(
                    path.node.keyOrSelf,
                    Complaint(
                        "no client is asked for a certificate by it",
                        accepted: "it beside client_auth: request or require"))
            }
            return ClientDemand()
        }
        guard item.clientCA != nil || draft.main.clientCA != nil else {
            if let node = item.clientAuth?.node {
                report(
                    node,
                    Complaint(
                        "clients are asked for a certificate, and client_ca does not say whose are "
                            + "good", accepted: "client_ca beside client_auth"))
            }
            return nil
        }
        let authorities = item.clientCA == nil ? trust : own
        return authorities.map { ClientDemand(clients: clients, trust: $0) }
    }

    /// Reports a subject that is to be told, where there is none.
    private func checkSubject(_ draft: ListenTLSDraft, _ node: Node) {
        let isAskedFor = ([draft.main] + draft.more).contains {
            draft.clients(of: $0) != ClientCertificates.none
        }
        guard draft.forwardsSubject, !isAskedFor,
            let value = node.pairs.first(where: { $0.key.hasText("forward_client_subject") })?.value
        else { return }
        report(
            value,
            Complaint(
                "no client is asked for a certificate, so that none has a subject",
                accepted: "it where client_auth is request or require"))
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
        var trust: TrustStore?
        if draft.verifies {
            trust = credentials.trust(draft.authorities, at: node ?? place, self)
        } else if let node {
            warnUnverified(node, draft)
        }
        var identity: TLSIdentity?
        if let certificate = draft.certificate {
            identity =
                credentials.identity(
                    certificate, key: draft.key, staple: nil, isForBackend: true, self
                ).identity
        } else if let key = draft.key, !hasUnknownKeys(node, Keys.backendTLS.info) {
            report(key.node.keyOrSelf, Complaint("is for a certificate, and none is given"))
        }
        check(draft.options, at: node ?? place)
        guard errorCount == mark else { return nil }
        if trust?.isEmpty == true { warnOfNobody(node?.keyOrSelf ?? place) }
        let name = draft.name ?? host
        do throws(TLSProblem) {
            return BackendTLS(
                context: try TLSClientContext(
                    name: name, isAddress: Resolver.numeric(name, port: 0) != nil, trust: trust,
                    identity: identity, draft.options.value, protocols: protocols))
        } catch {
            report(node?.keyOrSelf ?? place, Complaint(error))
            return nil
        }
    }

    private func warnOfNobody(_ node: Node) {
        let places = SystemAuthorities.places.joined(separator: ", ")
        warn(
            node,
            Complaint(
                "the system has no authorities (\(places)), so that no backend can prove who it is",
                accepted: "ca, or authorities there (of the package ca-certificates)"))
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
