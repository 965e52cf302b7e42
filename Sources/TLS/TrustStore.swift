internal import COpenSSL

// Whose certificates are believed.

/// A set of authorities. Immutable once it is made.
@safe package final class TrustStore: @unchecked Sendable {
    /// Owned.
    let store: OpaquePointer
    /// Empty for the system's.
    let authorities: [Certificate]
    /// Blocks of PEM in the file besides, by their labels.
    let others: [String]
    /// The system has none, as far as OpenSSL would find any: no certificate is good by it.
    package private(set) var isEmpty = false

    private init(_ authorities: [Certificate], others: [String] = []) throws(TLSProblem) {
        guard let store = unsafe X509_STORE_new() else { throw TLSProblem("no memory left") }
        unsafe self.store = store
        self.authorities = authorities
        self.others = others
        for authority in authorities { unsafe X509_STORE_add_cert(store, authority.handle) }
        ERR_clear_error()
    }

    /// The authorities of a PEM file. Each is believed by itself, whoever has signed it: whoever names
    /// an intermediate one, or the very certificate, means that and not the root above it.
    package convenience init(pem: [UInt8]) throws(TLSProblem) {
        try self.init(try readCertificates(pem), others: pem.otherLabels)
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    /// The authorities that the system trusts, as OpenSSL finds them (`SSL_CERT_FILE`,
    /// `SSL_CERT_DIR`, else the system's folder).
    package static func ofSystem() throws(TLSProblem) -> TrustStore {
        let system = try TrustStore([])
        unsafe X509_STORE_set_default_paths(system.store)
        ERR_clear_error()
        // A file is read at once, and of a folder what certificates ask for.
        system.isEmpty =
            unsafe OPENSSL_sk_num(X509_STORE_get0_objects(system.store)) == 0
            && !SystemAuthorities.isAnyInFolders
        return system
    }

    /// Whether both believe the same authorities, in whatever order.
    package func isSame(as other: TrustStore) -> Bool {
        self === other
            || Set(authorities.map(\.fingerprint)) == Set(other.authorities.map(\.fingerprint))
    }

    deinit { unsafe X509_STORE_free(store) }
}
