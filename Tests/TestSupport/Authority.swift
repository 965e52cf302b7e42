// Certificates that an authority of the test has signed, and what it says of their revocation.

import COpenSSL
import Foundation
import TLS

/// A certificate that signs others. Its own is self-signed, or another authority's.
public final class Authority {
    private let certificate: OpaquePointer
    private let key: OpaquePointer

    /// As PEM.
    public let pem: Bytes
    public let keyPEM: Bytes

    /// One that signs, though its certificate does not say that it may: enough where nobody verifies.
    package convenience init(_ made: SelfSigned) throws {
        try self.init(pem: made.certificate, key: made.key)
    }

    /// One whose certificate says that it may sign; `issuer` has signed it, or it has itself.
    package convenience init(named name: String, by issuer: Authority? = nil) throws {
        let made = try SelfSigned(commonName: name, names: ["DNS:\(name).example"])
        let signed = try (issuer ?? Authority(made)).sign(made, asAuthority: true)
        try self.init(pem: signed, key: made.key)
    }

    private init(pem: Bytes, key keyPEM: Bytes) throws {
        self.pem = pem
        self.keyPEM = keyPEM
        certificate = try Self.read(pem) { PEM_read_bio_X509($0, nil, nil, nil) }
        key = try Self.read(keyPEM) { PEM_read_bio_PrivateKey($0, nil, nil, nil) }
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    private static func read(
        _ bytes: Bytes, _ body: (OpaquePointer?) -> OpaquePointer?
    ) throws -> OpaquePointer {
        let found = bytes.withUnsafeBytes { bytes in
            let reader = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
            defer { BIO_free(reader) }
            return body(reader)
        }
        guard let found else { throw TLSLayerError.last("reading PEM") }
        return found
    }

    /// The certificate of `made` as this authority signs it, as PEM.
    ///
    /// - Parameters:
    ///   - extras: extensions by their numbers and values, as OpenSSL has them.
    ///   - isOutdated: the signature is by SHA-1.
    package func sign(
        _ made: SelfSigned, asAuthority: Bool = false, extras: [(kind: Int32, value: String)] = [],
        isOutdated: Bool = false
    ) throws -> Bytes {
        let leaf = try Self.read(made.certificate) { PEM_read_bio_X509($0, nil, nil, nil) }
        defer { X509_free(leaf) }
        if asAuthority { Self.entitle(leaf) }
        X509_set_issuer_name(leaf, X509_get_subject_name(certificate))
        for extra in extras {
            var context = X509V3_CTX()
            X509V3_set_ctx(&context, certificate, leaf, nil, nil, 0)
            let made = X509V3_EXT_conf_nid(nil, &context, extra.kind, extra.value)
            guard made != nil else { throw TLSLayerError.last(extra.value) }
            X509_add_ext(leaf, made, -1)
            X509_EXTENSION_free(made)
        }
        let writer = BIO_new(BIO_s_mem())
        defer { BIO_free(writer) }
        guard X509_sign(leaf, key, isOutdated ? EVP_sha1() : EVP_sha256()) > 0,
            PEM_write_bio_X509(writer, leaf) == 1
        else {
            throw TLSLayerError.last("signing")
        }
        return Self.bytes(writer)
    }

    /// Has the certificate say that it may sign others (RFC 5280 §4.2.1.9).
    private static func entitle(_ certificate: OpaquePointer) {
        let place = X509_get_ext_by_NID(certificate, NID_basic_constraints, -1)
        X509_EXTENSION_free(X509_delete_ext(certificate, place))
        let word = X509V3_EXT_conf_nid(nil, nil, NID_basic_constraints, "critical,CA:TRUE")
        X509_add_ext(certificate, word, -1)
        X509_EXTENSION_free(word)
    }

    private static func bytes(_ writer: OpaquePointer?) -> Bytes {
        var bytes: UnsafeMutablePointer<CChar>?
        let length = methodgate_memory(writer, &bytes)
        return Bytes(UnsafeRawBufferPointer(start: bytes, count: Int(length)))
    }

    /// A response of OCSP that calls a certificate good, in DER.
    ///
    /// - Parameters:
    ///   - leaf: as PEM; signed by this authority, or by itself.
    ///   - start: from when on the response is good, in seconds from now.
    ///   - seconds: until the response is good no more; nil: it does not say.
    ///   - status: what it calls the certificate instead, as OpenSSL counts: 1 revoked, 2 unknown.
    public func vouch(
        for leaf: Bytes, from start: Int = -7200, until seconds: Int? = 86400, status: Int32 = 0
    ) throws -> Bytes {
        let leaf = try Self.read(leaf) { PEM_read_bio_X509($0, nil, nil, nil) }
        let basic = OCSP_BASICRESP_new()
        let begin = ASN1_GENERALIZEDTIME_set(nil, time(nil) + start)
        let end = seconds.flatMap { ASN1_GENERALIZEDTIME_set(nil, time(nil) + $0) }
        defer {
            X509_free(leaf)
            OCSP_BASICRESP_free(basic)
            ASN1_GENERALIZEDTIME_free(begin)
            ASN1_GENERALIZEDTIME_free(end)
        }
        let id = OCSP_cert_to_id(EVP_sha1(), leaf, certificate)
        defer { OCSP_CERTID_free(id) }
        let revoked = status == V_OCSP_CERTSTATUS_REVOKED ? begin : nil
        guard OCSP_basic_add1_status(basic, id, status, 0, revoked, begin, end) != nil,
            OCSP_basic_sign(basic, certificate, key, EVP_sha256(), nil, 0) == 1,
            let response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic)
        else { throw TLSLayerError.last("OCSP") }
        defer { OCSP_RESPONSE_free(response) }
        let length = Int(i2d_OCSP_RESPONSE(response, nil))
        return Bytes(unsafeUninitializedCapacity: length) { buffer, count in
            var start = buffer.baseAddress
            count = Int(i2d_OCSP_RESPONSE(response, &start))
        }
    }
}
