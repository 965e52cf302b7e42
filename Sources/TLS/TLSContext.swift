internal import COpenSSL

// What all contexts have in common: the strict defaults, and the settings an operator may change.

/// What both ends of the gate may be told about TLS.
package struct TLSOptions: Sendable, Hashable {
    package var minimum = TLSVersion.tls12
    /// Cipher suites by OpenSSL's or IANA's names, most preferred first; nil: `standardCiphers`.
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
}

/// An SSL_CTX; every connection made of it counts a reference of its own.
@safe final class TLSContext: @unchecked Sendable {
    /// Owned.
    let handle: OpaquePointer

    /// Does not read the system's OpenSSL configuration for the values that are set here.
    init(isServer: Bool, _ options: TLSOptions) throws(TLSProblem) {
        ERR_clear_error()
        guard let handle = unsafe SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method())
        else { throw .openSSL("TLS cannot be set up") }
        unsafe self.handle = handle
        unsafe methodgate_set_minimum(handle, Int32(options.minimum.number))
        unsafe SSL_CTX_set_security_level(handle, 2)
        let set =
            UInt64(methodgate_op_no_compression) | UInt64(methodgate_op_no_renegotiation)
            | UInt64(methodgate_op_server_preference) | UInt64(methodgate_op_prioritize_chacha)
        _ = unsafe SSL_CTX_set_options(handle, set)
        // Buffers of 17 KiB each go back between two records: most connections idle.
        _ = unsafe methodgate_set_mode(
            handle,
            Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        try setCiphers(options.ciphers ?? TLSOptions.standardCiphers)
        let curves = options.curves ?? TLSOptions.standardCurves
        guard unsafe methodgate_set_groups(handle, curves.joined(separator: ":")) == 1 else {
            throw .openSSL("no such curves")
        }
    }

    deinit { unsafe SSL_CTX_free(handle) }

    /// Suites of TLS 1.3 and of TLS 1.2 have calls of their own (RFC 8446 §B.4: the former name no
    /// key exchange).
    private func setCiphers(_ names: [String]) throws(TLSProblem) {
        let suites = names.filter { $0.hasPrefix("TLS_") && !$0.contains("_WITH_") }
        let ciphers = names.filter { !$0.hasPrefix("TLS_") || $0.contains("_WITH_") }
        guard unsafe SSL_CTX_set_ciphersuites(handle, suites.joined(separator: ":")) == 1 else {
            throw .openSSL("no such cipher suites of TLS 1.3")
        }
        guard !ciphers.isEmpty else {
            // Without one for it, there is no TLS 1.2.
            unsafe methodgate_set_minimum(handle, Int32(TLSVersion.tls13.number))
            return
        }
        guard unsafe SSL_CTX_set_cipher_list(handle, ciphers.joined(separator: ":")) == 1 else {
            throw .openSSL("no such cipher suites")
        }
        if suites.isEmpty { unsafe methodgate_set_maximum(handle, Int32(TLSVersion.tls12.number)) }
    }

    /// Adds a certificate, beside those with keys of another kind.
    func use(_ identity: TLSIdentity) throws(TLSProblem) {
        let chain = unsafe OPENSSL_sk_new_null()
        defer { unsafe OPENSSL_sk_free(chain) }
        for certificate in identity.chain {
            _ = unsafe OPENSSL_sk_push(chain, UnsafeRawPointer(certificate.handle))
        }
        guard
            unsafe SSL_CTX_use_cert_and_key(handle, identity.leaf.handle, identity.key, chain, 0)
                == 1
        else {
            throw .openSSL("the certificate \(identity.subject) cannot be used")
        }
    }
}
