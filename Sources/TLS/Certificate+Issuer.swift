internal import COpenSSL
internal import Glibc

// When a certificate is in force, and who has issued it, as far as it can be seen.

extension Certificate {
    var notBefore: Int? { unsafe Self.seconds(X509_get0_notBefore(handle)) }
    var notAfter: Int? { unsafe Self.seconds(X509_get0_notAfter(handle)) }

    /// That it has expired, which it will remain, or is not valid yet; nil: it is in force.
    func untimeliness(now: Int) -> TLSIdentity.Concern? {
        if let end = notAfter, end <= now {
            return .init(
                text: "the certificate of \(subject) expired on \(dateText(end))", isCertain: true)
        }
        guard let start = notBefore, start > now else { return nil }
        return .init(text: "the certificate of \(subject) is not valid before \(dateText(start))")
    }

    /// Whether it says that its issuer is no root: by the issuer's own issuer (RFC 5280 §4.2.1.1), or
    /// by having been logged in public (RFC 6962 §3.3), since public roots sign authorities alone.
    var isByIntermediate: Bool {
        if unsafe X509_get_ext_by_NID(handle, NID_ct_precert_scts, -1) >= 0 { return true }
        guard let above = unsafe X509_get0_authority_issuer(handle) else { return false }
        for index in unsafe 0..<OPENSSL_sk_num(above) {
            guard let item = unsafe OPENSSL_sk_value(above, index) else { continue }
            var kind: Int32 = -1
            let value = unsafe GENERAL_NAME_get0_value(
                item.assumingMemoryBound(to: GENERAL_NAME.self), &kind)
            guard kind == GEN_DIRNAME, let value = unsafe value else { continue }
            return unsafe X509_NAME_cmp(OpaquePointer(value), X509_get_issuer_name(handle)) != 0
        }
        return false
    }

    /// Seconds since 1970.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int? {
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return unsafe timegm(&parts)
    }

    /// Whether `other` says that this one issued it (X509_check_issued).
    func signs(_ other: Certificate) -> Bool {
        unsafe X509_check_issued(handle, other.handle) == X509_V_OK
    }
}

extension TrustStore {
    /// Whether an authority of the store is the issuer of that certificate.
    func knowsIssuer(of certificate: Certificate) -> Bool {
        guard let context = unsafe X509_STORE_CTX_new() else { return false }
        defer {
            unsafe X509_STORE_CTX_free(context)
            ERR_clear_error()
        }
        guard unsafe X509_STORE_CTX_init(context, store, certificate.handle, nil) == 1 else {
            return false
        }
        var issuer: OpaquePointer?
        let found = unsafe X509_STORE_CTX_get1_issuer(&issuer, context, certificate.handle)
        unsafe X509_free(issuer)
        return found == 1
    }
}

/// `2026-11-29`.
func dateText(_ seconds: Int) -> String {
    var time = seconds
    var parts = unsafe tm()
    unsafe gmtime_r(&time, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return unsafe "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
}
