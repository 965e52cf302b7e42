internal import COpenSSL

// What a file is that does not hold what was asked for: a certificate and its key come in many forms,
// of which the gate takes PEM, and they are easily taken for each other.

struct FileForm {
    /// `a certificate in DER form`.
    let words: String
    /// How a certificate comes out of it, and a key.
    let certificate: String?
    let key: String?

    private init(_ words: String, certificate: String? = nil, key: String? = nil) {
        self.words = words
        self.certificate = certificate
        self.key = key
    }

    /// As the first label of PEM or the first bytes have it; nil: it looks like nothing.
    init?(of bytes: [UInt8]) {
        guard let form = Self.labelled(bytes) ?? Self.binary(bytes) else { return nil }
        self = form
    }

    private static func labelled(_ bytes: [UInt8]) -> FileForm? {
        switch bytes.pemLabels.first(where: { !$0.hasSuffix("PARAMETERS") }) {
        case nil: nil
        case "OPENSSH PRIVATE KEY":
            FileForm("a key of OpenSSH", key: "PEM, as `ssh-keygen -p -m PEM -f FILE` makes it")
        case let label? where label.hasSuffix("PRIVATE KEY"): FileForm("a private key")
        case "CERTIFICATE", "X509 CERTIFICATE": FileForm("a certificate")
        case "TRUSTED CERTIFICATE":
            FileForm(
                "a certificate in OpenSSL's own form (-----BEGIN TRUSTED CERTIFICATE-----)",
                certificate: "PEM, as `openssl x509 -in FILE` writes it")
        case let label? where label.hasSuffix("CERTIFICATE REQUEST"):
            FileForm(
                "a certificate request",
                certificate: "the certificate that an authority has made of it")
        case "PKCS7", "CMS":
            FileForm(
                "PKCS#7", certificate: "PEM, as `openssl pkcs7 -print_certs -in FILE` writes it")
        case "X509 CRL": FileForm("a revocation list")
        case let label?: FileForm("-----BEGIN \(label)-----")
        }
    }

    private static func binary(_ bytes: [UInt8]) -> FileForm? {
        switch bytes.prefix(4) {
        case [0xFE, 0xED, 0xFE, 0xED]:
            FileForm("a Java keystore")
        case let start where start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]):
            FileForm("text in UTF-16")
        case let start where start.first == 0x30: der(bytes)
        default: nil
        }
    }

    private static func der(_ bytes: [UInt8]) -> FileForm? {
        defer { ERR_clear_error() }
        let (certificate, archive, message, key) = unsafe (
            parsed(bytes) { unsafe d2i_X509(nil, $0, $1) },
            parsed(bytes) { unsafe d2i_PKCS12(nil, $0, $1) },
            parsed(bytes) { unsafe d2i_PKCS7(nil, $0, $1).map { OpaquePointer($0) } },
            parsed(bytes) { unsafe d2i_AutoPrivateKey(nil, $0, $1) }
        )
        defer {
            unsafe X509_free(certificate)
            unsafe PKCS12_free(archive)
            unsafe PKCS7_free(message.map { unsafe UnsafeMutablePointer($0) })
            unsafe EVP_PKEY_free(key)
        }
        if unsafe certificate != nil {
            return FileForm(
                "a certificate in DER form",
                certificate: "PEM, as `openssl x509 -inform DER -in FILE` writes it"
            )
        }
        if unsafe archive != nil {
            let way = "PEM, as `openssl pkcs12 -nodes -in FILE` writes it"
            return FileForm("PKCS#12", certificate: way, key: way)
        }
        if unsafe message != nil {
            return FileForm(
                "PKCS#7 in DER form",
                certificate: "PEM, as `openssl pkcs7 -inform DER -print_certs -in FILE` writes it")
        }
        guard unsafe key != nil else { return nil }
        return FileForm(
            "a private key in DER form",
            key: "PEM, as `openssl pkey -inform DER -in FILE` writes it")
    }

    private static func parsed(
        _ bytes: [UInt8],
        _ read: (UnsafeMutablePointer<UnsafePointer<UInt8>?>, Int) -> OpaquePointer?
    ) -> OpaquePointer? {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            return unsafe read(&next, bytes.count)
        }
    }
}

extension TLSProblem {
    /// That a file lacks a certificate or a key, with what it has instead.
    static func missing(_ what: String, isKey: Bool, in bytes: [UInt8]) -> TLSProblem {
        let form = FileForm(of: bytes)
        return TLSProblem(
            "holds no \(what)" + (form.map { ": it holds \($0.words)" } ?? ""),
            accepted: isKey ? form?.key : form?.certificate)
    }
}

extension [UInt8] {
    /// Those of neither certificates nor what may stand beside them: keys, and their parameters.
    var otherLabels: [String] {
        pemLabels.filter {
            $0 != "CERTIFICATE" && $0 != "X509 CERTIFICATE" && !$0.hasSuffix("PRIVATE KEY")
                && !$0.hasSuffix("PARAMETERS")
        }
    }

    /// What stands in lines `-----BEGIN …-----` (RFC 7468 §2), in their order.
    var pemLabels: [String] {
        let mark = Array("-----BEGIN ".utf8)
        return split { $0 == 0x0A || $0 == 0x0D }.compactMap { line in
            guard line.starts(with: mark) else { return nil }
            let label = line.dropFirst(mark.count).prefix { $0 != 0x2D }
            return String(decoding: label, as: UTF8.self)
        }
    }
}
