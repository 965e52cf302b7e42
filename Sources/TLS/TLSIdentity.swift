internal import COpenSSL

// Who a server, or a client with a certificate, is: its certificate with those above it, and the
// key. Immutable once it is made. The files are read apart from each other, so that what is wrong
// with one is said beside what is wrong with the next.

/// The certificates of a PEM file: the one that is shown, and those that lead to its root.
package struct CertificateChain: Sendable {
    let leaf: Certificate
    /// The certificates that follow the first one.
    let rest: [Certificate]
    /// The DNS names it is for, in lower case and without a dot at their ends; wildcards as they are
    /// written.
    package let names: [String]

    /// Blocks of PEM besides that are no certificates, by their labels.
    let others: [String]

    /// Fails where a public key cannot be read, with which nothing could be done, or is too small.
    package init(pem: [UInt8]) throws(TLSProblem) {
        let certificates = try readCertificates(pem)
        for certificate in certificates {
            if let problem = certificate.keyProblem ?? certificate.weakness { throw problem }
        }
        leaf = certificates[0]
        rest = Array(certificates.dropFirst())
        others = pem.otherLabels
        names = certificates[0].dnsNames
    }

    /// As RFC 2253 writes it; allocates.
    package var subject: String { leaf.subject }

    /// `RSA`, `EC` and so on: of each kind a client may ask for one.
    package var keyKind: String { leaf.keyKind }

    /// `RSA`, `EC on secp256k1`.
    var keyText: String { leaf.curve.map { "\(keyKind) on \($0)" } ?? keyKind }

    /// Whether its key can sign in TLS 1.3, which has a signature for these alone (RFC 8446 §4.2.3).
    var isForTLS13: Bool {
        switch keyKind {
        case "RSA", "RSA-PSS", "ED25519", "ED448": true
        default: leaf.curve.map { Self.usualCurves.contains($0) } ?? false
        }
    }

    /// P-256, P-384 and P-521, by OpenSSL's names.
    static let usualCurves: Set<String> = ["prime256v1", "secp384r1", "secp521r1"]

    /// Whether it is for that name, in lower case: as it stands in it, or by a wildcard in place of its
    /// first label (RFC 9525 §6.3). Its common name counts where there is no DNS name.
    package func isFor(_ name: String) -> Bool {
        let own = names.isEmpty ? leaf.commonName.map { [$0] } ?? [] : names
        if own.contains(name) { return true }
        guard !name.hasPrefix("*."), let dot = name.firstIndex(of: ".") else { return false }
        return own.contains("*" + name[dot...])
    }

    /// Whether both are for an IP address, by keys of different kinds.
    package func isTwin(of other: CertificateChain) -> Bool {
        keyKind != other.keyKind && !leaf.addresses.isDisjoint(with: other.leaf.addresses)
    }
}

/// A private key (EVP_PKEY). Immutable.
@safe package final class PrivateKey: @unchecked Sendable {
    /// Owned.
    let handle: OpaquePointer

    package init(pem: [UInt8]) throws(TLSProblem) { unsafe handle = try readKey(pem) }

    deinit { unsafe EVP_PKEY_free(handle) }

    /// Whether one begins in a PEM file, be it good or not.
    package static func begins(in pem: [UInt8]) -> Bool {
        pem.pemLabels.contains { $0.hasSuffix("PRIVATE KEY") }
    }
}

/// A certificate, its chain and its private key.
package struct TLSIdentity: Sendable {
    package let certificates: CertificateChain
    let key: PrivateKey
    /// What clients are told of its revocation (an OCSP response in DER); nil: nothing.
    package let staple: OCSPStaple?

    /// Fails where the key is that of another certificate.
    package init(
        _ certificates: CertificateChain, key: PrivateKey, staple: [UInt8]? = nil
    ) throws(TLSProblem) {
        self.certificates = certificates
        self.key = key
        self.staple = staple.map {
            OCSPStaple($0, leaf: certificates.leaf, chain: [certificates.leaf] + certificates.rest)
        }
        guard unsafe X509_check_private_key(certificates.leaf.handle, key.handle) == 1 else {
            ERR_clear_error()
            if let problem = certificates.disorder(key) { throw problem }
            throw TLSProblem("does not belong to the certificate of \(certificates.subject)")
        }
    }

    /// Takes PEM: the certificate first, then those that lead to its root; and its key.
    package init(chain pem: [UInt8], key keyPEM: [UInt8], staple: [UInt8]? = nil)
        throws(TLSProblem)
    {
        try self.init(CertificateChain(pem: pem), key: PrivateKey(pem: keyPEM), staple: staple)
    }

    var leaf: Certificate { certificates.leaf }
    var chain: [Certificate] { certificates.rest }
    package var names: [String] { certificates.names }
    package var subject: String { certificates.subject }
    package var keyKind: String { certificates.keyKind }
}
