internal import COpenSSL

// What clients are told of a certificate's revocation: a response of OCSP that somebody else has
// fetched (RFC 6960), as it lies in its file.

/// An OCSP response in DER, and what is to be known of it before it is stapled.
package struct OCSPStaple: Sendable {
    let bytes: [UInt8]
    /// Why it cannot be used for the certificate; nil where it can.
    package private(set) var problem: TLSProblem?
    private var answer = Answer()

    /// What it says of the certificate.
    fileprivate struct Answer {
        /// `V_OCSP_CERTSTATUS_GOOD` and so on.
        var status: Int32 = V_OCSP_CERTSTATUS_UNKNOWN
        /// From when on it is good (thisUpdate), in seconds since 1970; nil where that is no time.
        var start: Int?
        /// When it ceases to be (nextUpdate); nil where it does not say.
        var end: Int?
    }

    /// Seconds that clocks may differ by: so much earlier it is good already.
    private static let tolerance = 300

    /// - Parameters:
    ///   - leaf: what it is to be about.
    ///   - chain: in which the issuer is looked for.
    init(_ bytes: [UInt8], leaf: Certificate, chain: [Certificate]) {
        self.bytes = bytes
        let issuer = chain.first { $0.signs(leaf) }
        do throws(TLSProblem) { answer = try Self.read(bytes, about: leaf, issuer) } catch {
            problem = error
        }
        ERR_clear_error()
    }

    /// Whether it may be stapled; `now` in seconds since 1970.
    package func isGood(now: Int) -> Bool { problem == nil && concern(now: now) == nil }

    /// Why it is not stapled, in words; nil where it is, or has a `problem`.
    package func concern(now: Int) -> String? {
        guard problem == nil else { return nil }
        let status = answer.status
        guard status == V_OCSP_CERTSTATUS_GOOD else {
            let word = status == V_OCSP_CERTSTATUS_REVOKED ? "revoked" : "unknown"
            return "calls the certificate \(word), and is not stapled"
        }
        if let start = answer.start, start > now + Self.tolerance {
            return "is not good before \(dateText(start)) (thisUpdate), and is not stapled"
        }
        guard let end = answer.end, end <= now else { return nil }
        return "was good until \(dateText(end)) (nextUpdate), and is not stapled"
    }

    /// Why no certificate could use it; nil where one could.
    package static func problem(with bytes: [UInt8]) -> TLSProblem? {
        defer { ERR_clear_error() }
        do throws(TLSProblem) { _ = try read(bytes, about: nil, nil) } catch { return error }
        return nil
    }

    /// - Parameter leaf: nil: it may be about any.
    private static func read(
        _ bytes: [UInt8], about leaf: Certificate?, _ issuer: Certificate?
    ) throws(TLSProblem) -> Answer {
        var length = 0
        let read = unsafe bytes.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            let response = unsafe d2i_OCSP_RESPONSE(nil, &next, bytes.count)
            if let next = unsafe next, let base = bytes.baseAddress {
                unsafe length = next - base
            }
            return unsafe response
        }
        guard let response = unsafe read else {
            throw TLSProblem("is no OCSP response in DER form")
        }
        defer { unsafe OCSP_RESPONSE_free(response) }
        guard length == bytes.count else {
            throw TLSProblem("is an OCSP response with bytes behind its end")
        }
        guard unsafe OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
            let basic = unsafe OCSP_response_get1_basic(response)
        else { throw TLSProblem("is an OCSP response without an answer") }
        defer { unsafe OCSP_BASICRESP_free(basic) }
        guard let leaf else { return Answer() }
        let count = unsafe OCSP_resp_count(basic)
        for index in 0..<count {
            guard let single = unsafe OCSP_resp_get0(basic, index),
                let id = unsafe OCSP_SINGLERESP_get0_id(single),
                unsafe leaf.isMeant(by: id, issuer)
            else { continue }
            return unsafe Answer(single)
        }
        throw TLSProblem("is an OCSP response about another certificate")
    }
}

extension OCSPStaple.Answer {
    /// Reads an OCSP_SINGLERESP.
    fileprivate init(_ single: OpaquePointer) {
        var start: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        var end: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        status = unsafe OCSP_single_get0_status(single, nil, nil, &start, &end)
        self.start = unsafe start.flatMap { unsafe Certificate.seconds($0) }
        self.end = unsafe end.flatMap { unsafe Certificate.seconds($0) }
    }
}

extension Certificate {
    /// Whether an OCSP_CERTID is about this certificate: by serial number and the issuer's name, and
    /// by the issuer's key where `issuer` is known (RFC 6960 §4.1.1).
    fileprivate func isMeant(by id: OpaquePointer, _ issuer: Certificate?) -> Bool {
        var name: UnsafeMutablePointer<ASN1_OCTET_STRING>?
        var key: UnsafeMutablePointer<ASN1_OCTET_STRING>?
        var serial: UnsafeMutablePointer<ASN1_INTEGER>?
        var kind: OpaquePointer?
        guard unsafe OCSP_id_get0_info(&name, &kind, &key, &serial, id) == 1,
            let digest = unsafe EVP_get_digestbyname(OBJ_nid2sn(OBJ_obj2nid(kind))),
            unsafe ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(handle)) == 0
        else { return false }
        let names = unsafe Self.hash { bytes, length in
            unsafe X509_NAME_digest(X509_get_issuer_name(handle), digest, bytes, length)
        }
        guard unsafe Self.holds(name, names) else { return false }
        guard let issuer else { return true }
        let keys = unsafe Self.hash { bytes, length in
            unsafe X509_pubkey_digest(issuer.handle, digest, bytes, length)
        }
        return unsafe Self.holds(key, keys)
    }

    private static func hash(
        _ body: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt32>) -> Int32
    ) -> [UInt8] {
        var length: UInt32 = 0
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        let isMade = unsafe digest.withUnsafeMutableBufferPointer { bytes in
            unsafe body(bytes.baseAddress, &length) == 1
        }
        return isMade ? Array(digest.prefix(Int(length))) : []
    }

    private static func holds(
        _ text: UnsafeMutablePointer<ASN1_OCTET_STRING>?, _ digest: [UInt8]
    ) -> Bool {
        guard let text = unsafe text, let bytes = unsafe ASN1_STRING_get0_data(text),
            !digest.isEmpty
        else { return false }
        let held = unsafe UnsafeBufferPointer(start: bytes, count: Int(ASN1_STRING_length(text)))
        return unsafe held.elementsEqual(digest)
    }
}
