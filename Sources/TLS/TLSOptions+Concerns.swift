internal import COpenSSL

// Suites that are named and can never be agreed on: TLS 1.3 goes on without them where the key is one
// for it, and who speaks TLS 1.2 alone is kept away.

extension TLSOptions {
    /// That all suites which are named are for a version that is not spoken; nil: they are not.
    package var concern: TLSIdentity.Concern? {
        guard minimum == .tls13, let ciphers, !ciphers.isEmpty,
            !ciphers.contains(where: TLSNames.isNew)
        else { return nil }
        return TLSIdentity.Concern(
            text:
                "all ciphers are of TLS 1.2, which min_version rules out: TLS 1.3 has its standard "
                + "ones")
    }

    /// What is said for each group of certificates that stand side by side.
    package func concerns(_ groups: [[TLSIdentity]]) -> [TLSIdentity.Concern] {
        let names = (ciphers ?? Self.standardCiphers).filter { !TLSNames.isNew($0) }
        let old = minimum == .tls12 ? TLSNames.demands(names) : []
        return groups.compactMap { group in
            guard !group.contains(where: { $0.suits(old) }) else { return nil }
            let keys = group.map(\.keyText).joined(separator: ", ")
            let whose = "the key (\(keys)) of \(group[0].subject)"
            guard group.contains(where: \.certificates.isForTLS13) else {
                return TLSIdentity.Concern(
                    text: "ciphers and min_version leave nothing that can be spoken with \(whose), "
                        + "which is not for TLS 1.3", isCertain: true)
            }
            return old.isEmpty
                ? nil
                : TLSIdentity.Concern(
                    text: "of TLS 1.2 no suite among the ciphers is for \(whose), so that TLS 1.3 "
                        + "alone is spoken with it")
        }
    }
}

extension TLSNames {
    /// What a suite of TLS 1.2 asks of a server's key.
    fileprivate struct Demand {
        /// By what servers prove who they are (`NID_auth_rsa` and so on).
        var proof: Int32
        /// How keys are exchanged (`NID_kx_ecdhe` and so on).
        var exchange: Int32
    }

    fileprivate static func demands(_ names: [String]) -> [Demand] {
        defer { ERR_clear_error() }
        guard !names.isEmpty, let context = unsafe SSL_CTX_new(TLS_server_method()) else {
            return []
        }
        defer { unsafe SSL_CTX_free(context) }
        _ = unsafe SSL_CTX_set_cipher_list(context, names.joined(separator: ":"))
        // The suites of TLS 1.3, which are there besides, are for any key.
        return unsafe suites(SSL_CTX_get_ciphers(context)).map { suite in
            unsafe Demand(
                proof: SSL_CIPHER_get_auth_nid(suite), exchange: SSL_CIPHER_get_kx_nid(suite))
        }.filter { $0.proof != NID_auth_any }
    }
}

extension TLSIdentity {
    /// Whether its key is for one of these.
    fileprivate func suits(_ demands: [TLSNames.Demand]) -> Bool {
        demands.contains { demand in
            switch keyKind {
            case "RSA": demand.proof == NID_auth_rsa
            // It signs, and decrypts nothing (RFC 8017 §8.1).
            case "RSA-PSS": demand.proof == NID_auth_rsa && demand.exchange != NID_kx_rsa
            case "DSA": demand.proof == NID_auth_dss
            // Edwards curves count as ECDSA (RFC 8422 §5.1.1).
            default: demand.proof == NID_auth_ecdsa
            }
        }
    }

    /// `RSA`, `EC`, `EC on secp256k1`.
    fileprivate var keyText: String {
        guard !certificates.isForTLS13 else { return keyKind }
        return certificates.keyText
    }
}
