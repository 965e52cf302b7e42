internal import COpenSSL

// Who a server, or a client with a certificate, is: its certificate with those above it, and the
// key. Immutable once it is made.

/// A certificate, its chain and its private key.
@safe package final class TLSIdentity: @unchecked Sendable {
    let leaf: Certificate
    /// The certificates that follow the first one.
    let chain: [Certificate]
    /// Owned.
    let key: OpaquePointer
    /// The DNS names it is for, in lower case; wildcards as they are written.
    package let names: [String]
    /// What clients are told of its revocation (an OCSP response in DER); nil: nothing.
    package let staple: OCSPStaple?

    /// Takes PEM: the certificate first, then those that lead to its root; and its key.
    package init(chain pem: [UInt8], key keyPEM: [UInt8], staple: [UInt8]? = nil)
        throws(TLSIdentityProblem)
    {
        let certificates: [Certificate]
        do throws(TLSProblem) { certificates = try readCertificates(pem) } catch {
            throw .certificate(error)
        }
        do throws(TLSProblem) { unsafe key = try readKey(keyPEM) } catch { throw .key(error) }
        leaf = certificates[0]
        chain = Array(certificates.dropFirst())
        names = certificates[0].dnsNames
        self.staple = staple.map { OCSPStaple($0, leaf: certificates[0], chain: certificates) }
        guard unsafe X509_check_private_key(leaf.handle, key) == 1 else {
            ERR_clear_error()
            throw .key(TLSProblem("does not belong to the certificate of \(leaf.subject)"))
        }
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// `RSA`, `EC` and so on: of each kind a client may ask for one.
    package var keyKind: String {
        unsafe EVP_PKEY_get0_type_name(key).map { unsafe String(cString: $0) } ?? "unknown"
    }

    /// Whether both are for the same IP addresses, by keys of different kinds.
    package func isTwin(of other: TLSIdentity) -> Bool {
        let addresses = leaf.addresses
        return keyKind != other.keyKind && !addresses.isEmpty && addresses == other.leaf.addresses
    }

    /// As RFC 2253 writes it; allocates.
    package var subject: String { leaf.subject }
}

/// What is wrong, and in which of the files.
package enum TLSIdentityProblem: Error, Equatable {
    case certificate(TLSProblem)
    case key(TLSProblem)
}
