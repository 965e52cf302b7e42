internal import COpenSSL

// What clients are told of a certificate's revocation: a response of OCSP that somebody else has
// fetched (RFC 6960), as it lies in its file.

/// An OCSP response in DER, and what is to be known of it before it is stapled.
package struct OCSPStaple: Sendable {
    let bytes: [UInt8]
    /// Why it cannot be used for the certificate; nil where it can.
    package private(set) var problem: TLSProblem?
    /// When it ceases to be good (nextUpdate), in seconds since 1970; nil where it does not say.
    package private(set) var end: Int?

    /// - Parameters:
    ///   - leaf: what it is to be about.
    ///   - chain: in which the issuer is looked for.
    init(_ bytes: [UInt8], leaf: Certificate, chain: [Certificate]) {
        self.bytes = bytes
        let issuer = chain.first { $0.signs(leaf) }
        do throws(TLSProblem) { end = try Self.read(bytes, about: leaf, issuer) } catch {
            problem = error
        }
        ERR_clear_error()
    }

    /// Whether it may be stapled; `now` in seconds since 1970.
    package func isGood(now: Int) -> Bool { problem == nil && end.map { $0 > now } ?? true }

    /// Its end as `2026-11-29`, where that has passed.
    package func dayOfEnd(before now: Int) -> String? {
        end.flatMap { $0 <= now ? dateText($0) : nil }
    }

    private static func read(
        _ bytes: [UInt8], about leaf: Certificate, _ issuer: Certificate?
    ) throws(TLSProblem) -> Int? {
        let read = unsafe bytes.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            return unsafe d2i_OCSP_RESPONSE(nil, &start, bytes.count)
        }
        guard let response = unsafe read else {
            throw TLSProblem("is no OCSP response in DER form")
        }
        defer { unsafe OCSP_RESPONSE_free(response) }
        guard unsafe OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL,
            let basic = unsafe OCSP_response_get1_basic(response)
        else { throw TLSProblem("is an OCSP response without an answer") }
        defer { unsafe OCSP_BASICRESP_free(basic) }
        let count = unsafe OCSP_resp_count(basic)
        for index in 0..<count {
            guard let single = unsafe OCSP_resp_get0(basic, index),
                let id = unsafe OCSP_SINGLERESP_get0_id(single),
                unsafe leaf.isMeant(by: id, issuer)
            else { continue }
            var end: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
            _ = unsafe OCSP_single_get0_status(single, nil, nil, nil, &end)
            return unsafe end.flatMap { unsafe Certificate.seconds($0) }
        }
        throw TLSProblem("is an OCSP response about another certificate")
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
