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

    /// `RSA`, `EC` and so on, by OpenSSL's words.
    var keyKind: String {
        unsafe EVP_PKEY_get0_type_name(X509_get0_pubkey(handle)).map {
            unsafe String(cString: $0)
        } ?? "unknown"
    }

    /// The curve of its key by OpenSSL's name; nil where it is on none of Weierstrass' or an unnamed
    /// one.
    var curve: String? {
        var name = [CChar](repeating: 0, count: 80)
        var length = 0
        let key = unsafe X509_get0_pubkey(handle)
        defer { ERR_clear_error() }
        guard keyKind == "EC",
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
