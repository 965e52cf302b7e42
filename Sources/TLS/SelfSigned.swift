internal import COpenSSL

// A certificate that nobody has signed, for demonstrations and tests.

/// A fresh key pair with a certificate of its own, as PEM.
package struct SelfSigned: Sendable {
    package enum KeyKind: Sendable {
        /// P-256.
        case ecdsa
        /// 2048 bits.
        case rsa
        /// 2048 bits, for RSASSA-PSS alone.
        case rsaPSS
        /// By OpenSSL's name.
        case curve(String)
    }

    package let certificate: [UInt8]
    package let key: [UInt8]

    /// - Parameters:
    ///   - commonName: empty: there is no subject.
    ///   - names: DNS names and IP addresses, as OpenSSL writes them: `DNS:localhost`,
    ///     `IP:127.0.0.1`.
    ///   - from: when it begins to be valid, in seconds from now.
    ///   - to: when it ends.
    package init(
        commonName: String, names: [String], _ kind: KeyKind = .ecdsa, from: Int = -3600,
        to: Int = 30 * 86400
    ) throws(TLSProblem) {
        let made: OpaquePointer? =
            switch kind {
            case .ecdsa: unsafe methodgate_ec_key()
            case .rsa: unsafe methodgate_rsa_key(2048)
            case .rsaPSS: unsafe Self.signingKey()
            case .curve(let name): unsafe methodgate_curve_key(name)
            }
        guard let key = unsafe made, let certificate = unsafe X509_new() else {
            throw .openSSL("no key can be made")
        }
        defer {
            unsafe EVP_PKEY_free(key)
            unsafe X509_free(certificate)
        }
        unsafe try Self.fill(certificate, key, commonName, names, from, to)
        self.certificate = unsafe try Self.pem { unsafe PEM_write_bio_X509($0, certificate) }
        self.key = unsafe try Self.pem {
            unsafe PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil)
        }
    }

    /// An RSA key of 2048 bits that is for RSASSA-PSS alone.
    private static func signingKey() -> OpaquePointer? {
        var key: OpaquePointer?
        let maker = unsafe EVP_PKEY_CTX_new_from_name(nil, "RSA-PSS", nil)
        defer { unsafe EVP_PKEY_CTX_free(maker) }
        guard unsafe EVP_PKEY_keygen_init(maker) == 1 else { return nil }
        _ = unsafe EVP_PKEY_generate(maker, &key)
        return unsafe key
    }

    private static func fill(
        _ certificate: OpaquePointer, _ key: OpaquePointer, _ commonName: String, _ names: [String],
        _ from: Int, _ to: Int
    ) throws(TLSProblem) {
        unsafe X509_set_version(certificate, 2)
        var serial: UInt64 = 0
        _ = unsafe withUnsafeMutableBytes(of: &serial) { bytes in
            unsafe RAND_bytes(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), 8)
        }
        unsafe ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1)
        unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), from)
        unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), to)
        unsafe X509_set_pubkey(certificate, key)
        let subject = unsafe X509_get_subject_name(certificate)
        if !commonName.isEmpty {
            unsafe X509_NAME_add_entry_by_txt(
                subject, "CN", MBSTRING_FLAG, commonName, -1, -1, 0)
        }
        unsafe X509_set_issuer_name(certificate, subject)
        if !names.isEmpty {
            unsafe try add(certificate, NID_subject_alt_name, names.joined(separator: ","))
        }
        unsafe try add(certificate, NID_basic_constraints, "critical,CA:FALSE")
        guard unsafe X509_sign(certificate, key, EVP_sha256()) > 0 else {
            throw .openSSL("the certificate cannot be signed")
        }
    }

    private static func add(
        _ certificate: OpaquePointer, _ kind: Int32, _ value: String
    ) throws(TLSProblem) {
        guard let extra = unsafe X509V3_EXT_conf_nid(nil, nil, kind, value) else {
            throw .openSSL("\(value) cannot stand in a certificate")
        }
        defer { unsafe X509_EXTENSION_free(extra) }
        unsafe X509_add_ext(certificate, extra, -1)
    }

    private static func pem(_ write: (OpaquePointer) -> Int32) throws(TLSProblem) -> [UInt8] {
        guard let writer = unsafe BIO_new(BIO_s_mem()) else { throw TLSProblem("no memory left") }
        defer { unsafe BIO_free(writer) }
        guard unsafe write(writer) == 1 else { throw .openSSL("cannot be written as PEM") }
        return unsafe written(to: writer)
    }
}
