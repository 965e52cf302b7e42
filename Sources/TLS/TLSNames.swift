internal import COpenSSL

// Names of cipher suites and curves, as operators write them.

package enum TLSNames {
    /// What a name of a cipher suite comes to.
    package enum Cipher: Equatable {
        case unknown
        /// By the name that OpenSSL takes. `concern` says what is weak about it; nil: nothing.
        case known(String, concern: String?)
    }

    /// By OpenSSL's or IANA's name.
    package static func cipher(_ text: String) -> Cipher {
        defer { ERR_clear_error() }
        guard !text.isEmpty, text.utf8.allSatisfy(isPart),
            let context = unsafe SSL_CTX_new(TLS_server_method())
        else { return .unknown }
        defer { unsafe SSL_CTX_free(context) }
        if isNew(text) {
            return unsafe SSL_CTX_set_ciphersuites(context, text) == 1
                ? .known(text, concern: nil) : .unknown
        }
        var name = text
        if text.hasPrefix("TLS_"), let found = unsafe OPENSSL_cipher_name(text) {
            unsafe name = String(cString: found)
        }
        guard unsafe SSL_CTX_set_cipher_list(context, name) == 1 else { return .unknown }
        return unsafe .known(name, concern: concern(context, name))
    }

    /// Whether a name of a cipher suite is one of TLS 1.3.
    static func isNew(_ name: String) -> Bool {
        name.hasPrefix("TLS_") && !name.contains("_WITH_")
    }

    /// One name, no rule of OpenSSL's language for lists.
    private static func isPart(_ byte: UInt8) -> Bool {
        byte == 0x2D || byte == 0x5F || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
            || (0x61...0x7A).contains(byte)
    }

    private static func concern(_ context: OpaquePointer, _ name: String) -> String? {
        let list = unsafe SSL_CTX_get_ciphers(context)
        let count = unsafe OPENSSL_sk_num(list)
        for index in 0..<count {
            guard let item = unsafe OPENSSL_sk_value(list, index) else { continue }
            let cipher = OpaquePointer(item)
            // The suites of TLS 1.3 are always there besides.
            guard unsafe String(cString: SSL_CIPHER_get_name(cipher)) == name else { continue }
            if unsafe SSL_CIPHER_is_aead(cipher) == 0 {
                return "encrypts without authentication (CBC)"
            }
            let exchange = unsafe SSL_CIPHER_get_kx_nid(cipher)
            if exchange != NID_kx_ecdhe, exchange != NID_kx_dhe {
                return "has no fresh key exchange: who gets the key later reads what was recorded"
            }
            return nil
        }
        return "stands for several cipher suites"
    }

    /// Whether OpenSSL knows such a group for key exchanges.
    package static func isCurve(_ text: String) -> Bool {
        defer { ERR_clear_error() }
        guard !text.isEmpty, text.utf8.allSatisfy(isPart),
            let context = unsafe SSL_CTX_new(TLS_server_method())
        else { return false }
        defer { unsafe SSL_CTX_free(context) }
        return unsafe methodgate_set_groups(context, text) == 1
    }
}
