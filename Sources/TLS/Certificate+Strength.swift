internal import COpenSSL

// What OpenSSL's security level (SSL_CTX_set_security_level(3)) refuses about a certificate, said before
// OpenSSL does: beside all else that is wrong, and where the file is named.

extension Certificate {
    /// That its key or its signature is below the level of all contexts; nil: neither is.
    var weakness: TLSProblem? {
        defer { ERR_clear_error() }
        let strength = unsafe Int(EVP_PKEY_get_security_bits(publicKey))
        if strength < TLSContext.securityBits {
            let size = unsafe EVP_PKEY_get_bits(publicKey)
            return TLSProblem(
                "holds the certificate of \(subject), whose key (\(keyKind) of \(size) bits) is too "
                    + "small: it is as strong as \(strength) bits, and the least are "
                    + "\(TLSContext.securityBits)",
                accepted: "RSA of at least 2048 bits, or ECDSA on P-256 or P-384")
        }
        // Nobody looks at what a certificate signs of itself.
        guard unsafe X509_get_extension_flags(handle) & UInt32(EXFLAG_SS) == 0 else { return nil }
        var bits: Int32 = -1
        guard
            unsafe X509_get_signature_info(handle, nil, nil, &bits, nil) != 1
                || bits < TLSContext.securityBits
        else { return nil }
        return TLSProblem(
            "holds the certificate of \(subject), whose signature is by a digest that is too weak",
            accepted: "one that is signed with SHA-256 or better")
    }
}

extension CertificateChain {
    /// That the key is of one that stands behind the first; nil: it is of none.
    func disorder(_ key: PrivateKey) -> TLSProblem? {
        defer { ERR_clear_error() }
        let place = rest.firstIndex {
            unsafe X509_check_private_key($0.handle, key.handle) == 1
        }
        guard let place else { return nil }
        let words = ["second", "third", "fourth"]
        let number = place < words.count ? words[place] : "at place \(place + 2)"
        return TLSProblem(
            "has the key of \(rest[place].subject), whose certificate stands \(number), behind that "
                + "of \(subject): the server's own comes first")
    }
}
