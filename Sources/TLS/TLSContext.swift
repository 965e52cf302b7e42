internal import COpenSSL

// What all contexts have in common: the strict defaults, and the settings an operator may change.

/// What both ends of the gate may be told about TLS.
package struct TLSOptions: Sendable, Hashable {
    package var minimum = TLSVersion.tls12
    /// Cipher suites by OpenSSL's or IANA's names, most preferred first; nil: `standardCiphers`, and
    /// those of TLS 1.3 also where all others are of TLS 1.2.
    package var ciphers: [String]?
    /// Groups for the key exchange, most preferred first; nil: `standardCurves`.
    package var curves: [String]?

    package init() {}

    /// Authenticated encryption with a fresh key exchange, and nothing else.
    package static let standardCiphers = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]
    package static let standardCurves = ["X25519", "P-256", "P-384"]

    /// Fails where nothing is left that could be spoken: whether OpenSSL knows each name does not say
    /// that the security level and the versions leave any.
    package func check() throws(TLSProblem) {
        guard ciphers != nil || curves != nil else { return }
        try TLSContext(isServer: false, self).sayHello()
    }
}

/// An SSL_CTX; every connection made of it counts a reference of its own.
@safe final class TLSContext: @unchecked Sendable {
    /// Owned.
    let handle: OpaquePointer
    /// SSL_CTX_set_security_level(3): 112 bits, which 2048 of RSA are taken for.
    static let securityLevel: Int32 = 2
    static let securityBits = 112

    /// Does not read the system's OpenSSL configuration for the values that are set here.
    init(isServer: Bool, _ options: TLSOptions) throws(TLSProblem) {
        ERR_clear_error()
        guard let handle = unsafe SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method())
        else { throw .openSSL("TLS cannot be set up") }
        unsafe self.handle = handle
        try setMinimum(options.minimum)
        unsafe SSL_CTX_set_security_level(handle, Self.securityLevel)
        // Where suites with DHE are named: parameters as strong as the key and the level ask for.
        if isServer { _ = unsafe methodgate_set_dh_auto(handle, 1) }
        let set =
            UInt64(methodgate_op_no_compression) | UInt64(methodgate_op_no_renegotiation)
            | UInt64(methodgate_op_server_preference) | UInt64(methodgate_op_prioritize_chacha)
        _ = unsafe SSL_CTX_set_options(handle, set)
        // Buffers of 17 KiB each go back between two records: most connections idle.
        _ = unsafe methodgate_set_mode(
            handle,
            Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN))
        try setCiphers(options.ciphers ?? TLSOptions.standardCiphers)
        let curves = options.curves ?? TLSOptions.standardCurves
        guard unsafe methodgate_set_groups(handle, curves.joined(separator: ":")) == 1 else {
            throw .openSSL("no such curves")
        }
    }

    deinit { unsafe SSL_CTX_free(handle) }

    private func setMinimum(_ version: TLSVersion) throws(TLSProblem) {
        guard unsafe methodgate_set_minimum(handle, Int32(version.number)) == 1 else {
            throw .openSSL("no such version of TLS")
        }
    }

    /// Suites of TLS 1.3 and of TLS 1.2 have calls of their own (RFC 8446 §B.4: the former name no
    /// key exchange). Who names none of TLS 1.3 means TLS 1.2 alone.
    private func setCiphers(_ names: [String]) throws(TLSProblem) {
        let ciphers = names.filter { !TLSNames.isNew($0) }
        let named = names.filter(TLSNames.isNew)
        let suites = named.isEmpty ? TLSOptions.standardCiphers.filter(TLSNames.isNew) : named
        guard unsafe SSL_CTX_set_ciphersuites(handle, suites.joined(separator: ":")) == 1 else {
            throw .openSSL("no such cipher suites of TLS 1.3")
        }
        guard !ciphers.isEmpty else {
            // Without one for it, there is no TLS 1.2.
            try setMinimum(.tls13)
            return
        }
        guard unsafe SSL_CTX_set_cipher_list(handle, ciphers.joined(separator: ":")) == 1 else {
            throw .openSSL("no such cipher suites")
        }
    }

    /// Makes a client's first message, for nobody; fails where there is nothing to say in it.
    fileprivate func sayHello() throws(TLSProblem) {
        guard let session = unsafe SSL_new(handle) else { throw .openSSL("TLS cannot be set up") }
        defer {
            unsafe SSL_free(session)
            ERR_clear_error()
        }
        // The session owns them.
        unsafe SSL_set_bio(session, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()))
        unsafe SSL_set_connect_state(session)
        let result = unsafe SSL_do_handshake(session)
        guard unsafe SSL_get_error(session, result) == SSL_ERROR_WANT_READ else {
            throw .openSSL("ciphers, curves and min_version leave nothing that can be spoken")
        }
    }

    /// Adds a certificate, beside those with keys of another kind.
    func use(_ identity: TLSIdentity) throws(TLSProblem) {
        let chain = unsafe OPENSSL_sk_new_null()
        defer { unsafe OPENSSL_sk_free(chain) }
        for certificate in identity.chain {
            _ = unsafe OPENSSL_sk_push(chain, UnsafeRawPointer(certificate.handle))
        }
        guard
            unsafe SSL_CTX_use_cert_and_key(
                handle, identity.leaf.handle, identity.key.handle, chain, 0) == 1
        else {
            throw .openSSL("the certificate \(identity.subject) cannot be used")
        }
    }
}
