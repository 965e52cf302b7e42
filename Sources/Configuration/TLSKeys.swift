// The keys of TLS: in front, for each certificate, and at the back.

import TLS

extension Keys {
    static let listenTLS = Section<ListenTLSDraft>(
        "tls of a listener", name: "listen_tls",
        [
            certificateKey { $0.main.certificate = $1 },
            privateKey { $0.main.key = $1 },
            stapleKey { $0.main.staple = $1 },
            namesKey(
                "For which names it is used besides all that no certificate is for: a host, or "
                    + "`*.` and a domain for one label more."
            ) { $0.main.names = $1 },
            Key(
                "certificates", .list(.section(certificate.info), atLeast: 1),
                standardText: "none",
                "More certificates, chosen by the name that a client asks for (SNI); the first of "
                    + "all is for every other name.",
                decode: { node, draft, decoder in
                    let shape = Shape.list(.section(certificate.info), atLeast: 1)
                    guard decoder.isSequence(node, shape) else { return }
                    if node.count == 0 { decoder.report(node, Complaint("is empty"), shape) }
                    for item in node.items {
                        var more = CertificateDraft()
                        certificate.decode(item, into: &more, decoder)
                        more.hasUnknownKeys = decoder.hasUnknownKeys(item, certificate.info)
                        draft.more.append(more)
                    }
                }),
            Key(
                "h2", .boolean, \.offersHTTP2, default: "true",
                "Whether clients are offered HTTP/2 (ALPN); HTTP/1.1 is served as well."),
            minimumKey(\.options),
            ciphersKey(\.options),
            curvesKey(\.options),
            clientAuthKey("none") { $0.main.clientAuth = $1 },
            clientCAKey("none") { $0.main.clientCA = $1 },
            Key(
                "forward_client_subject", .boolean, \.forwardsSubject, default: "false",
                "Whether backends get the subject of a client's certificate as "
                    + "`X-Client-Subject`."),
        ])

    static let certificate = Section<CertificateDraft>(
        "certificates", name: "certificate",
        [
            certificateKey { $0.certificate = $1 },
            privateKey { $0.key = $1 },
            stapleKey { $0.staple = $1 },
            namesKey(
                "For which names it is used: a host, or `*.` and a domain for one label more."
            ) { $0.names = $1 },
            clientAuthKey("as for the listener") { $0.clientAuth = $1 },
            clientCAKey("as for the listener") { $0.clientCA = $1 },
        ])

    static let backendTLS = Section<BackendTLSDraft>(
        "tls of a backend", name: "backend_tls",
        [
            Key(
                "ca", .text(example: LocatedPath.accepted), standardText: "the system's",
                "The authorities, as PEM, of which one must have signed the backend's certificate.",
                decode: { node, draft, decoder in draft.authorities = decoder.path(node) }),
            Key(
                "verify", .boolean, \.verifies, default: "true",
                "Whether the backend must prove who it is; without it, anybody in between can "
                    + "read and change everything."),
            Key(
                "name", .text(example: "a host name"), standardText: "the host of the url",
                "The name that is asked for (SNI) and that the certificate must be for.",
                decode: { node, draft, decoder in
                    guard let scalar = decoder.scalar(node, .text(example: "a host name")) else {
                        return
                    }
                    draft.name = scalar.text
                    guard !BackendURL.isHost(scalar.text) else { return }
                    decoder.report(node, Complaint("\(scalar.quoted) is not a host name"))
                }),
            Key(
                "certificate", .text(example: LocatedPath.accepted), standardText: "none",
                "What the gate shows the backend: its own certificate as PEM, with those above it.",
                decode: { node, draft, decoder in draft.certificate = decoder.path(node) }),
            privateKey { $0.key = $1 },
            minimumKey(\.options),
            ciphersKey(\.options),
            curvesKey(\.options),
        ])

    // MARK: Keys of several sections

    private static func certificateKey<Draft>(
        _ put: @escaping @Sendable (inout Draft, LocatedPath?) -> Void
    ) -> Key<Draft> {
        Key(
            "certificate", .text(example: LocatedPath.accepted), isRequired: true,
            "A PEM file: the certificate first, then those that lead to its root.",
            decode: { node, draft, decoder in put(&draft, decoder.path(node)) })
    }

    private static func privateKey<Draft>(
        _ put: @escaping @Sendable (inout Draft, LocatedPath?) -> Void
    ) -> Key<Draft> {
        Key(
            "key", .text(example: LocatedPath.accepted),
            standardText: "in the file of the certificate",
            "The certificate's private key as PEM, without a passphrase.",
            decode: { node, draft, decoder in put(&draft, decoder.path(node)) })
    }

    private static func stapleKey<Draft>(
        _ put: @escaping @Sendable (inout Draft, LocatedPath?) -> Void
    ) -> Key<Draft> {
        Key(
            "ocsp_response", .text(example: LocatedPath.accepted), standardText: "none",
            "A file with an OCSP response (DER) to staple; it is read again with each reload.",
            decode: { node, draft, decoder in put(&draft, decoder.path(node)) })
    }

    private static func namesKey<Draft>(
        _ summary: String, _ put: @escaping @Sendable (inout Draft, [LocatedName]?) -> Void
    ) -> Key<Draft> {
        Key(
            "names", .list(.text(example: "host names such as a.example"), atLeast: 1),
            standardText: "the DNS names in the certificate", summary,
            decode: { node, draft, decoder in
                let mark = decoder.errorCount
                let names = decoder.serverNames(node)
                put(&draft, decoder.errorCount == mark ? names : [])
            })
    }

    /// Where a draft keeps its options.
    private typealias Options<Draft> = any WritableKeyPath<Draft, TLSOptionsDraft> & Sendable

    private static func minimumKey<Draft>(_ options: Options<Draft>) -> Key<Draft> {
        let kind = Kind<TLSVersion>.words([("1.2", .tls12), ("1.3", .tls13)])
        return Key(
            "min_version", kind.shape, standardText: "`1.2`", "The oldest version of TLS.",
            decode: { node, draft, decoder in
                let version = kind.read(node, decoder)
                draft[keyPath: options].value.minimum = version ?? .tls12
                if version == nil { draft[keyPath: options].isWrong = true }
            })
    }

    private static func ciphersKey<Draft>(_ options: Options<Draft>) -> Key<Draft> {
        Key(
            "ciphers", TLSList.ciphers.shape, standardText: "AES-GCM and ChaCha20 with ECDHE",
            "Single cipher suites by OpenSSL's or IANA's names, most preferred first; where none of "
                + "TLS 1.3 is named, its standard ones stay, and where none of TLS 1.2 is, there is "
                + "none.",
            decode: { node, draft, decoder in
                let names = decoder.ciphers(node)
                draft[keyPath: options].value.ciphers = names
                if names == nil { draft[keyPath: options].isWrong = true }
            })
    }

    private static func curvesKey<Draft>(_ options: Options<Draft>) -> Key<Draft> {
        Key(
            "curves", TLSList.curves.shape, standardText: "`[X25519, P-256, P-384]`",
            "Groups for the key exchange, most preferred first.",
            decode: { node, draft, decoder in
                let names = decoder.curves(node)
                draft[keyPath: options].value.curves = names
                if names == nil { draft[keyPath: options].isWrong = true }
            })
    }

    private static func clientAuthKey<Draft>(
        _ standard: String,
        _ put: @escaping @Sendable (inout Draft, LocatedClients) -> Void
    ) -> Key<Draft> {
        let kind = Kind<ClientCertificates>.words([
            ("none", .none), ("request", .request), ("require", .require),
        ])
        return Key(
            "client_auth", kind.shape, standardText: standard == "none" ? "`none`" : standard,
            "Whether clients are asked for a certificate, and whether they must have one.",
            decode: { node, draft, decoder in
                put(&draft, LocatedClients(value: kind.read(node, decoder), node: node))
            })
    }

    private static func clientCAKey<Draft>(
        _ standard: String,
        _ put: @escaping @Sendable (inout Draft, LocatedPath?) -> Void
    ) -> Key<Draft> {
        Key(
            "client_ca", .text(example: LocatedPath.accepted), standardText: standard,
            "The authorities, as PEM, of which one must have signed a client's certificate.",
            decode: { node, draft, decoder in put(&draft, decoder.path(node)) })
    }
}
