internal import COpenSSL

// Suites that are named and can never be agreed on: TLS 1.3 goes on without them, and who speaks
// TLS 1.2 alone is kept away.

extension TLSOptions {
    /// In words, for each group of certificates that stand side by side.
    package func concerns(_ groups: [[TLSIdentity]]) -> [String] {
        let old = (ciphers ?? []).filter { !TLSNames.isNew($0) }
        guard minimum == .tls12, !old.isEmpty else { return [] }
        let proofs = TLSNames.proofs(old)
        return groups.filter { group in !group.contains { proofs.contains($0.proof) } }.map {
            let kinds = $0.map(\.keyKind).joined(separator: ", ")
            return "of TLS 1.2 no suite among the ciphers is for the key (\(kinds)) of "
                + "\($0[0].subject), so that TLS 1.3 alone is spoken with it"
        }
    }
}

extension TLSNames {
    /// By what servers prove who they are with these suites of TLS 1.2 (`NID_auth_rsa` and so on).
    fileprivate static func proofs(_ names: [String]) -> Set<Int32> {
        defer { ERR_clear_error() }
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { return [] }
        defer { unsafe SSL_CTX_free(context) }
        // The suites of TLS 1.3, which are there besides, are for any key: NID_auth_any.
        _ = unsafe SSL_CTX_set_cipher_list(context, names.joined(separator: ":"))
        let list = unsafe SSL_CTX_get_ciphers(context)
        var found: Set<Int32> = []
        for index in 0..<(unsafe OPENSSL_sk_num(list)) {
            guard let item = unsafe OPENSSL_sk_value(list, index) else { continue }
            found.insert(unsafe SSL_CIPHER_get_auth_nid(OpaquePointer(item)))
        }
        return found
    }
}

extension TLSIdentity {
    /// What its key is for in a suite of TLS 1.2; Edwards curves count as ECDSA (RFC 8422 §5.1.1).
    fileprivate var proof: Int32 { keyKind.hasPrefix("RSA") ? NID_auth_rsa : NID_auth_ecdsa }
}
