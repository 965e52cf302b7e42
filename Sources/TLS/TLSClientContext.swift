internal import COpenSSL

// TLS at the back: whom a backend must prove to be.

/// What connections to a backend have in common. Immutable.
@safe package final class TLSClientContext: @unchecked Sendable {
    private let base: TLSContext
    /// The name that is asked for (SNI) and that the certificate must be for; an address is not
    /// asked for.
    private let name: String
    private let isAddress: Bool
    private let protocols: [UInt8]
    /// What is the same has the same, also over reloads.
    package let fingerprint: [UInt8]

    /// - Parameters:
    ///   - name: a host name, or an IP address without brackets.
    ///   - trust: whose certificates are believed; nil: anybody's, and any name.
    package init(
        name: String, isAddress: Bool, trust: TrustStore?, identity: TLSIdentity?,
        _ options: TLSOptions, protocols: [String]
    ) throws(TLSProblem) {
        base = try TLSContext(isServer: false, options)
        self.name = name
        self.isAddress = isAddress
        self.protocols = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        fingerprint = Self.fingerprint(name, trust, identity, options, protocols)
        let handle = unsafe base.handle
        if let identity { try base.use(identity) }
        if let trust {
            unsafe SSL_CTX_set1_cert_store(handle, trust.store)
            unsafe SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
        }
        // Sessions are kept by whoever makes the connections.
        _ = unsafe methodgate_set_cache_mode(
            handle, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        unsafe SSL_CTX_sess_set_new_cb(handle, keepSession)
    }

    private static func fingerprint(
        _ name: String, _ trust: TrustStore?, _ identity: TLSIdentity?, _ options: TLSOptions,
        _ protocols: [String]
    ) -> [UInt8] {
        var parts = Array("\(name) \(options) \(protocols) \(trust == nil)".utf8)
        for authority in trust?.authorities ?? [] { parts += authority.fingerprint }
        if let trust, trust.authorities.isEmpty { parts += SystemAuthorities.stamp }
        if let identity { parts += identity.leaf.fingerprint }
        return parts
    }

    /// A new connection's object (SSL_new), set to connect; the caller owns it. It takes up the
    /// session that `resumption` holds, and leaves it the next one. Nil where no memory is left.
    package func makeSession(_ resumption: borrowing TLSResumption) -> OpaquePointer? {
        guard let session = unsafe SSL_new(base.handle) else { return nil }
        unsafe SSL_set_connect_state(session)
        let parameters = unsafe SSL_get0_param(session)
        let isSet: Bool
        if isAddress {
            isSet = unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1
        } else {
            unsafe X509_VERIFY_PARAM_set_hostflags(
                parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            isSet =
                unsafe methodgate_set_name(session, name) == 1
                && X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1
        }
        let isOffered =
            unsafe protocols.isEmpty
            || SSL_set_alpn_protos(session, protocols, UInt32(protocols.count)) == 0
        guard isSet, isOffered else {
            unsafe SSL_free(session)
            ERR_clear_error()
            return nil
        }
        unsafe resumption.attach(to: session)
        return unsafe session
    }
}
