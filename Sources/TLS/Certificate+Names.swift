internal import COpenSSL

// The names of a certificate besides its subject (RFC 5280 §4.2.1.6), and what it may be used for.

extension Certificate {
    /// Its DNS names, in lower case and without a dot at their ends, as clients ask for them (RFC 6125
    /// §6.4: its common name counts only where there are none, and no client of today looks there).
    var dnsNames: [String] {
        alternativeNames(GEN_DNS).map { bytes in
            let end = bytes.count > 1 && bytes.last == 0x2E ? bytes.dropLast() : bytes[...]
            return String(decoding: end, as: UTF8.self).lowercased()
        }
    }

    /// The last common name of its subject, in lower case.
    var commonName: String? {
        let subject = unsafe X509_get_subject_name(handle)
        var (index, last) = (Int32(-1), Int32(-1))
        repeat {
            last = index
            index = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, last)
        } while index >= 0
        guard last >= 0, let entry = unsafe X509_NAME_get_entry(subject, last),
            let value = unsafe X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let length = unsafe ASN1_STRING_to_UTF8(&text, value)
        defer { ERR_clear_error() }
        guard length >= 0, let text = unsafe text else { return nil }
        defer { unsafe methodgate_free(text) }
        return unsafe String(
            decoding: UnsafeBufferPointer(start: text, count: Int(length)), as: UTF8.self
        ).lowercased()
    }

    /// Its IP addresses, of 4 and 16 bytes.
    var addresses: Set<[UInt8]> { Set(alternativeNames(GEN_IPADD)) }

    /// Whom a certificate is shown by.
    enum Purpose {
        case servers
        case clients
    }

    /// Whether it may be used so: its extended key usage says so, or any, or there is none (RFC 5280
    /// §4.2.1.12).
    func isFor(_ purpose: Purpose) -> Bool {
        let own = purpose == .servers ? XKU_SSL_SERVER : XKU_SSL_CLIENT
        // All bits where there is none.
        return unsafe X509_get_extended_key_usage(handle) & UInt32(own | XKU_ANYEKU) != 0
    }

    /// Who holds it: its subject, or where that is empty its first URI, else DNS name, else address of
    /// mail, each behind a word that begins no subject: `URI:spiffe://a.example/b`. Nil: it names
    /// nobody so.
    var holder: String? {
        let subject = subject
        guard subject.isEmpty else { return subject }
        for (kind, word) in [(GEN_URI, "URI:"), (GEN_DNS, "DNS:"), (GEN_EMAIL, "email:")] {
            if let name = alternativeNames(kind).first { return word + Self.escaped(name) }
        }
        return nil
    }

    /// With `\5C` for a backslash, and so for what is not visible or not ASCII, as in a subject.
    private static func escaped(_ name: [UInt8]) -> String {
        var text = ""
        for byte in name {
            if (0x21...0x7E).contains(byte), byte != 0x5C {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += (byte < 16 ? "\\0" : "\\") + digits
            }
        }
        return text
    }

    /// Those of one kind that is text or bytes, in their order.
    private func alternativeNames(_ kind: Int32) -> [[UInt8]] {
        guard let raw = unsafe X509_get_ext_d2i(handle, NID_subject_alt_name, nil, nil) else {
            return []
        }
        let stack = OpaquePointer(raw)
        defer { unsafe GENERAL_NAMES_free(stack) }
        let count = unsafe OPENSSL_sk_num(stack)
        var names: [[UInt8]] = []
        for index in 0..<count {
            guard let item = unsafe OPENSSL_sk_value(stack, index) else { continue }
            let name = unsafe item.assumingMemoryBound(to: GENERAL_NAME.self)
            var found: Int32 = -1
            guard let value = unsafe GENERAL_NAME_get0_value(name, &found), found == kind else {
                continue
            }
            unsafe names.append(Self.bytes(value.assumingMemoryBound(to: ASN1_STRING.self)))
        }
        return names
    }

    private static func bytes(_ string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
        let count = unsafe ASN1_STRING_length(string)
        return unsafe Array(
            UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(count)))
    }
}
