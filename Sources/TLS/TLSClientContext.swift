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
        let handle = unsafe base.handle
        if let identity { try base.use(identity) }
        if let trust {
            unsafe SSL_CTX_set1_cert_store(handle, trust.store)
            unsafe SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
        }
        // Sessions are kept by whoever makes the connections.
        _ = unsafe methodgate_set_cache_mode(
            handle, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
    }

    /// A new connection's object (SSL_new), set to connect; the caller owns it. Nil where no memory
    /// is left.
    package func makeSession() -> OpaquePointer? {
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
        return unsafe session
    }
}
