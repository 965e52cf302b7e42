internal import COpenSSL

// PEM out of memory: OpenSSL opens no file, and asks nobody for a passphrase.

extension [UInt8] {
    /// Lends the bytes to OpenSSL for reading (BIO_new_mem_buf).
    func withReader<Result>(_ body: (OpaquePointer) throws(TLSProblem) -> Result)
        throws(TLSProblem) -> Result
    {
        let result = unsafe withUnsafeBytes { bytes -> Swift.Result<Result, TLSProblem> in
            guard let base = bytes.baseAddress,
                let reader = unsafe BIO_new_mem_buf(base, Int32(clamping: bytes.count))
            else { return .failure(TLSProblem("is empty")) }
            defer { unsafe BIO_free(reader) }
            do throws(TLSProblem) { return .success(unsafe try body(reader)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// Reads the certificates of a PEM file, in their order.
func readCertificates(_ pem: [UInt8]) throws(TLSProblem) -> [Certificate] {
    unsafe try pem.withReader { (reader) throws(TLSProblem) -> [Certificate] in
        ERR_clear_error()
        defer { ERR_clear_error() }
        var found: [Certificate] = []
        while let next = unsafe PEM_read_bio_X509(reader, nil, refusePassphrase, nil) {
            found.append(unsafe Certificate(next))
        }
        // After the last one there is no further beginning.
        guard methodgate_error_reason(ERR_peek_last_error()) == PEM_R_NO_START_LINE else {
            throw .openSSL("holds a certificate that cannot be read")
        }
        guard !found.isEmpty else {
            let isThere = pem.pemLabels.contains("CERTIFICATE")
            throw .missing(
                "certificate in PEM form (-----BEGIN CERTIFICATE-----)", isKey: false,
                in: isThere ? [] : pem)
        }
        return found
    }
}

/// Reads the private key of a PEM file; the caller owns it (EVP_PKEY_free).
func readKey(_ pem: [UInt8]) throws(TLSProblem) -> OpaquePointer {
    unsafe try pem.withReader { (reader) throws(TLSProblem) -> OpaquePointer in
        ERR_clear_error()
        if let key = unsafe PEM_read_bio_PrivateKey(reader, nil, refusePassphrase, nil) {
            return unsafe key
        }
        let labels = pem.pemLabels.filter { $0.hasSuffix("PRIVATE KEY") }
        let code = labels.isEmpty || labels == ["OPENSSH PRIVATE KEY"] ? 0 : ERR_peek_last_error()
        switch methodgate_error_reason(code) {
        case _ where code == 0:
            ERR_clear_error()
            throw .missing(
                "private key in PEM form (-----BEGIN PRIVATE KEY-----)", isKey: true, in: pem)
        case PEM_R_BAD_PASSWORD_READ, PEM_R_PROBLEMS_GETTING_PASSWORD:
            ERR_clear_error()
            throw TLSProblem("is encrypted with a passphrase, and nobody is there to type it")
        default: throw .openSSL("holds a private key that cannot be read")
        }
    }
}

/// Never asks on the terminal.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }
