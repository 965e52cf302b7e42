internal import COpenSSL

// One certificate, and what can be said of it.

/// An X509. Immutable; OpenSSL counts its references with atomics.
@safe final class Certificate: @unchecked Sendable {
    /// Owned.
    let handle: OpaquePointer

    /// Takes `handle` over.
    init(_ handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe X509_free(handle) }

    /// Its subject and its issuer, as RFC 2253 writes them; allocates.
    var subject: String { unsafe Self.text(X509_get_subject_name(handle)) }
    var issuer: String { unsafe Self.text(X509_get_issuer_name(handle)) }

    /// Nil where OpenSSL cannot read it: it is made of an algorithm, or on a curve, that it does not
    /// know, or of no bytes for it.
    var publicKey: OpaquePointer? {
        defer { ERR_clear_error() }
        return unsafe X509_get0_pubkey(handle)
    }

    /// `RSA`, `EC` and so on, by OpenSSL's words; `unknown` where the key cannot be read.
    var keyKind: String {
        // OpenSSL asks a key for its name without looking whether there is one.
        guard let key = unsafe publicKey, let name = unsafe EVP_PKEY_get0_type_name(key) else {
            return "unknown"
        }
        return unsafe String(cString: name)
    }

    /// What is in the way of its key; nil: nothing.
    var keyProblem: TLSProblem? {
        guard unsafe publicKey == nil else { return nil }
        var algorithm: OpaquePointer?
        let key = unsafe X509_get_X509_PUBKEY(handle)
        var words = [CChar](repeating: 0, count: 80)
        defer { ERR_clear_error() }
        guard unsafe X509_PUBKEY_get0_param(&algorithm, nil, nil, nil, key) == 1,
            case let length = unsafe OBJ_obj2txt(&words, Int32(words.count), algorithm, 0),
            length > 0
        else { return Self.keyProblem(subject, "") }
        // What it returns is the length of the whole, however much of it there was room for.
        let text = words.prefix(min(Int(length), words.count - 1))
        let name = String(decoding: text.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return Self.keyProblem(subject, " (algorithm \(name))")
    }

    private static func keyProblem(_ subject: String, _ algorithm: String) -> TLSProblem {
        TLSProblem(
            "holds the certificate of \(subject), which has a public key that cannot be read"
                + algorithm, accepted: "a certificate for a key of RSA, ECDSA or Ed25519")
    }

    /// The curve of its key by OpenSSL's name; nil where it is on none of Weierstrass' or an unnamed
    /// one.
    var curve: String? {
        var name = [CChar](repeating: 0, count: 80)
        var length = 0
        defer { ERR_clear_error() }
        guard keyKind == "EC", let key = unsafe publicKey,
            unsafe EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1
        else { return nil }
        return String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// SHA-256 of all of it.
    var fingerprint: [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        unsafe X509_digest(handle, EVP_sha256(), &digest, &length)
        return digest
    }

    /// A distinguished name as RFC 2253 writes it, most specific part first.
    private static func text(_ name: OpaquePointer?) -> String {
        guard let name = unsafe name, let writer = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(writer) }
        guard unsafe X509_NAME_print_ex(writer, name, 0, methodgate_name_flags) >= 0 else {
            return ""
        }
        return unsafe String(decoding: written(to: writer), as: UTF8.self)
    }
}

/// What has been written to a BIO in memory.
func written(to writer: OpaquePointer) -> [UInt8] {
    var bytes: UnsafeMutablePointer<CChar>?
    let length = unsafe methodgate_memory(writer, &bytes)
    guard let bytes = unsafe bytes, length > 0 else { return [] }
    return unsafe Array(UnsafeRawBufferPointer(start: bytes, count: length))
}
