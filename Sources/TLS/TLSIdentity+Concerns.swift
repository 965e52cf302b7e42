internal import COpenSSL
internal import Glibc

// What is allowed and yet keeps clients away: it is said when a configuration is checked.

extension TLSIdentity {
    /// Who is to trust a certificate.
    package enum Readers {
        /// Anybody, who is taken to know these authorities.
        case clients(TrustStore?)
        /// A backend, which has authorities of its own: often a private one that signs clients alone.
        case backend
    }

    /// In words; `now` in seconds since 1970.
    ///
    /// - Parameter readers: who is shown the certificate.
    package func concerns(now: Int, readers: Readers) -> [String] {
        var concerns = ([leaf] + chain).compactMap { $0.untimeliness(now: now) }
        if let lack = missingIssuer(readers) { concerns.append(lack) }
        return concerns
    }

    /// Follows the chain upwards, in the order in which it is sent.
    private func missingIssuer(_ readers: Readers) -> String? {
        var last = leaf
        for next in chain {
            guard next.signs(last) else {
                return "the chain is out of order: behind \(last.subject) stands \(next.subject), "
                    + "and not its issuer \(last.issuer)"
            }
            last = next
        }
        guard !last.signs(last), case .clients(let system) = readers else { return nil }
        if let system, system.knowsIssuer(of: last) { return nil }
        return "the chain ends with \(last.subject): its issuer \(last.issuer) is neither in the "
            + "file nor among the system's authorities, so that clients may not trust it"
    }
}

extension Certificate {
    var notBefore: Int? { unsafe Self.seconds(X509_get0_notBefore(handle)) }
    var notAfter: Int? { unsafe Self.seconds(X509_get0_notAfter(handle)) }

    /// That it has expired or is not valid yet, in words; nil: it is in force.
    fileprivate func untimeliness(now: Int) -> String? {
        if let end = notAfter, end <= now {
            return "the certificate of \(subject) expired on \(dateText(end))"
        }
        guard let start = notBefore, start > now else { return nil }
        return "the certificate of \(subject) is not valid before \(dateText(start))"
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
    fileprivate func knowsIssuer(of certificate: Certificate) -> Bool {
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
