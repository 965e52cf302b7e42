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

    package init(_ made: SelfSigned) throws {
        pem = made.certificate
        keyPEM = made.key
        certificate = try Self.read(made.certificate) { PEM_read_bio_X509($0, nil, nil, nil) }
        key = try Self.read(made.key) { PEM_read_bio_PrivateKey($0, nil, nil, nil) }
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
    package func sign(_ made: SelfSigned) throws -> Bytes {
        let leaf = try Self.read(made.certificate) { PEM_read_bio_X509($0, nil, nil, nil) }
        defer { X509_free(leaf) }
        X509_set_issuer_name(leaf, X509_get_subject_name(certificate))
        let writer = BIO_new(BIO_s_mem())
        defer { BIO_free(writer) }
        guard X509_sign(leaf, key, EVP_sha256()) > 0, PEM_write_bio_X509(writer, leaf) == 1 else {
            throw TLSLayerError.last("signing")
        }
        return Self.bytes(writer)
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
    ///   - seconds: until the response is good no more; nil: it does not say.
    public func vouch(for leaf: Bytes, until seconds: Int? = 86400) throws -> Bytes {
        let leaf = try Self.read(leaf) { PEM_read_bio_X509($0, nil, nil, nil) }
        let basic = OCSP_BASICRESP_new()
        let begin = ASN1_GENERALIZEDTIME_set(nil, time(nil) - 7200)
        let end = seconds.flatMap { ASN1_GENERALIZEDTIME_set(nil, time(nil) + $0) }
        defer {
            X509_free(leaf)
            OCSP_BASICRESP_free(basic)
            ASN1_GENERALIZEDTIME_free(begin)
            ASN1_GENERALIZEDTIME_free(end)
        }
        let id = OCSP_cert_to_id(EVP_sha1(), leaf, certificate)
        defer { OCSP_CERTID_free(id) }
        guard OCSP_basic_add1_status(basic, id, 0, 0, nil, begin, end) != nil,
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
