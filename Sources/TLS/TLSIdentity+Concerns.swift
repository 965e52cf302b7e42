// What is allowed and yet keeps clients away: it is said when a configuration is checked.

extension TLSIdentity {
    /// Who is to trust a certificate.
    package enum Readers {
        /// Anybody, who is taken to know these authorities.
        case clients(TrustStore?)
        /// A backend, which has authorities of its own: often a private one that signs clients alone.
        case backend

        fileprivate var isBackend: Bool { if case .backend = self { true } else { false } }
    }

    /// What keeps clients away.
    package struct Concern: Equatable {
        /// In words.
        package var text: String
        /// Something is wrong with what is sent, whomever clients believe.
        package var isCertain = false
    }

    /// `now` in seconds since 1970.
    ///
    /// - Parameter readers: who is shown the certificate.
    package func concerns(now: Int, readers: Readers) -> [Concern] {
        var concerns: [Concern] = []
        for certificate in [leaf] + chain {
            guard var concern = certificate.untimeliness(now: now) else { continue }
            // To one above there may be another way.
            concern.isCertain = concern.isCertain && certificate === leaf
            concerns.append(concern)
        }
        if let lack = missingIssuer(readers) { concerns.append(lack) }
        concerns += Concern.ofOthers(certificates.others)
        return concerns + unusualness(readers)
    }

    /// What clients refuse whoever has signed it, or backends where they are shown it.
    private func unusualness(_ readers: Readers) -> [Concern] {
        var concerns: [Concern] = []
        let (isForBackend, whose) = (readers.isBackend, "the certificate of \(subject)")
        if !leaf.isFor(isForBackend ? .clients : .servers) {
            let purpose = isForBackend ? "clientAuth" : "serverAuth"
            let whom = isForBackend ? "backends" : "clients"
            concerns.append(
                Concern(
                    text: "\(whose) is for other purposes (extendedKeyUsage lacks \(purpose)), and "
                        + "\(whom) refuse it", isCertain: !isForBackend))
        }
        guard !isForBackend else { return concerns }
        if keyKind == "EC", !certificates.isForTLS13 {
            concerns.append(
                Concern(
                    text: "the key of \(whose) is on the curve \(leaf.curve ?? "without a name"), "
                        + "which usual clients do not take", isCertain: true))
        }
        if names.isEmpty, leaf.addresses.isEmpty {
            concerns.append(
                Concern(
                    text: "\(whose) has neither a DNS name nor an IP address (subjectAltName), and "
                        + "clients of today look for the host nowhere else"))
        }
        return concerns
    }

    /// Follows the chain upwards, in the order in which it is sent.
    private func missingIssuer(_ readers: Readers) -> Concern? {
        var last = leaf
        for next in chain {
            guard next.signs(last) else { return disorder(last, next, readers) }
            last = next
        }
        guard isUnknown(last, to: readers) else { return nil }
        return Concern(
            text:
                "the chain ends with \(last.subject): its issuer \(last.issuer) is neither in the "
                + "file nor among the system's authorities, so that clients may not trust it",
            isCertain: last.isByIntermediate)
    }

    /// Of `last` and what stands behind it, and is not its issuer.
    private func disorder(_ last: Certificate, _ next: Certificate, _ readers: Readers) -> Concern {
        let isThere = ([leaf] + chain).contains { $0.signs(last) }
        // A second copy leads nowhere, and away from nothing.
        if !isThere, last.fingerprint != next.fingerprint, isUnknown(last, to: readers) {
            return Concern(
                text: "the chain is incomplete: behind \(last.subject) stands \(next.subject), "
                    + "and its issuer \(last.issuer) is neither in the file nor among the system's "
                    + "authorities", isCertain: true)
        }
        return Concern(
            text: "the chain is out of order: behind \(last.subject) stands \(next.subject), and "
                + "not its issuer \(last.issuer)")
    }

    /// Whether its issuer is none that readers are taken to know. A root of the site's own they may
    /// know all the same.
    private func isUnknown(_ certificate: Certificate, to readers: Readers) -> Bool {
        guard !certificate.signs(certificate), case .clients(let system) = readers else {
            return false
        }
        return system?.knowsIssuer(of: certificate) != true
    }
}

extension TLSIdentity.Concern {
    /// That a file has more than what is read of it, by the labels of its blocks.
    static func ofOthers(_ labels: [String]) -> [TLSIdentity.Concern] {
        Set(labels).sorted().map { label in
            let count = labels.count { $0 == label }
            let blocks = count == 1 ? "a block" : "\(count) blocks"
            return TLSIdentity.Concern(
                text:
                    "the file has \(blocks) -----BEGIN \(label)----- besides, of which nothing is "
                    + "read: certificates are in -----BEGIN CERTIFICATE-----")
        }
    }
}

extension TLSIdentity {
    /// What is said of certificates that stand side by side where browsers take the key of none.
    package static func unpopularity(_ group: [TLSIdentity]) -> Concern? {
        guard let first = group.first, group.allSatisfy(\.isUnpopular) else { return nil }
        let keys = group.map(\.certificates.keyText).joined(separator: ", ")
        return Concern(
            text: "browsers do not take keys of this kind (\(keys)), as that of \(first.subject)")
    }

    /// Whether the key is a sound one for TLS 1.3 that browsers offer no signature of.
    private var isUnpopular: Bool {
        switch keyKind {
        case "ED25519", "ED448", "RSA-PSS": true
        default: leaf.curve == "secp521r1"
        }
    }
}
