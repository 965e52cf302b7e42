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

    /// The DNS names among its alternative names, in lower case (RFC 6125 §6.4: its common name
    /// counts only where there are none, and no client of today looks there).
    var dnsNames: [String] {
        guard let raw = unsafe X509_get_ext_d2i(handle, NID_subject_alt_name, nil, nil) else {
            return []
        }
        let stack = OpaquePointer(raw)
        defer { unsafe GENERAL_NAMES_free(stack) }
        var names: [String] = []
        let count = unsafe OPENSSL_sk_num(stack)
        for index in 0..<count {
            guard let item = unsafe OPENSSL_sk_value(stack, index) else { continue }
            let name = unsafe item.assumingMemoryBound(to: GENERAL_NAME.self)
            guard unsafe name.pointee.type == GEN_DNS, let text = unsafe name.pointee.d.dNSName,
                let bytes = unsafe ASN1_STRING_get0_data(text)
            else { continue }
            let length = unsafe ASN1_STRING_length(text)
            let value = unsafe UnsafeBufferPointer(start: bytes, count: Int(length))
            unsafe names.append(String(decoding: value, as: UTF8.self).lowercased())
        }
        return names
    }
}

/// What has been written to a BIO in memory.
func written(to writer: OpaquePointer) -> [UInt8] {
    var bytes: UnsafeMutablePointer<CChar>?
    let length = unsafe methodgate_memory(writer, &bytes)
    guard let bytes = unsafe bytes, length > 0 else { return [] }
    return unsafe Array(UnsafeRawBufferPointer(start: bytes, count: length))
}
