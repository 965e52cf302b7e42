internal import COpenSSL

// Names of cipher suites and curves, as operators write them.

package enum TLSNames {
    /// What a name of a cipher suite comes to.
    package enum Cipher: Equatable {
        case unknown
        /// A keyword or a rule of OpenSSL's language for lists: which suites it stands for differs from
        /// version to version, and it may bring in what nobody meant.
        case several
        /// A suite that no connection of the gate can have; why.
        case unusable(String)
        /// By the name that OpenSSL takes. `concern` says what is weak about it; nil: nothing.
        case known(String, concern: String?)
    }

    /// By OpenSSL's or IANA's name, which stands for exactly one suite.
    package static func cipher(_ text: String) -> Cipher {
        defer { ERR_clear_error() }
        // `TLSv1.2` is a keyword; what ends so is a signal, and no suite (RFC 7507 §2).
        guard text.utf8.allSatisfy({ isPart($0) || $0 == 0x2E }), !text.isEmpty,
            !text.hasSuffix("_SCSV")
        else {
            return text.utf8.contains(where: isOfRules) ? .several : .unknown
        }
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { return .unknown }
        defer { unsafe SSL_CTX_free(context) }
        // All that OpenSSL knows, and not only what the security level lets be spoken.
        unsafe SSL_CTX_set_security_level(context, 0)
        _ = unsafe SSL_CTX_set_cipher_list(context, "ALL:COMPLEMENTOFALL")
        if isNew(text) { _ = unsafe SSL_CTX_set_ciphersuites(context, text) }
        let all = unsafe suites(SSL_CTX_get_ciphers(context))
        guard let suite = unsafe all.first(where: { unsafe names($0).contains(text) }) else {
            return unsafe SSL_CTX_set_cipher_list(context, text) == 1 ? .several : .unknown
        }
        let name = unsafe String(cString: SSL_CIPHER_get_name(suite))
        if let obstacle = unsafe obstacle(suite) { return .unusable(obstacle) }
        guard isUsable(name) else {
            return .unusable("is below OpenSSL's security level 2, which the gate keeps")
        }
        return unsafe .known(name, concern: concern(suite))
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

    /// `!`, `+`, `=` and `@`.
    private static func isOfRules(_ byte: UInt8) -> Bool {
        byte == 0x21 || byte == 0x2B || byte == 0x3D || byte == 0x40
    }

    /// The SSL_CIPHERs of a stack; they are OpenSSL's own and outlive it.
    static func suites(_ stack: OpaquePointer?) -> [OpaquePointer] {
        unsafe (0..<max(0, OPENSSL_sk_num(stack))).compactMap { index in
            unsafe OPENSSL_sk_value(stack, index).map { OpaquePointer($0) }
        }
    }

    /// OpenSSL's name and IANA's.
    private static func names(_ suite: OpaquePointer) -> [String] {
        unsafe [SSL_CIPHER_get_name(suite), SSL_CIPHER_standard_name(suite)].compactMap { name in
            unsafe name.map { unsafe String(cString: $0) }
        }
    }

    /// Whether a connection could have that suite at the security level of all contexts.
    private static func isUsable(_ name: String) -> Bool {
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { return false }
        defer { unsafe SSL_CTX_free(context) }
        unsafe SSL_CTX_set_security_level(context, TLSContext.securityLevel)
        _ =
            isNew(name)
            ? unsafe SSL_CTX_set_ciphersuites(context, name)
            : unsafe SSL_CTX_set_cipher_list(context, name)
        guard let session = unsafe SSL_new(context) else { return false }
        defer { unsafe SSL_free(session) }
        let usable = unsafe SSL_get1_supported_ciphers(session)
        defer { unsafe OPENSSL_sk_free(usable) }
        return unsafe suites(usable).contains { unsafe names($0).contains(name) }
    }

    /// What the gate could not do with it, whatever the level.
    private static func obstacle(_ suite: OpaquePointer) -> String? {
        if unsafe SSL_CIPHER_get_bits(suite, nil) == 0 { return "does not encrypt (NULL)" }
        let proof = unsafe SSL_CIPHER_get_auth_nid(suite)
        switch unsafe SSL_CIPHER_get_kx_nid(suite) {
        case _ where proof == NID_auth_null:
            return "proves to nobody who the other side is (anonymous)"
        case NID_kx_psk, NID_kx_ecdhe_psk, NID_kx_dhe_psk, NID_kx_rsa_psk:
            return "wants a key that both sides have beforehand (PSK), and there is none"
        case NID_kx_srp:
            return "wants passwords (SRP), and there are none"
        default: return nil
        }
    }

    private static func concern(_ suite: OpaquePointer) -> String? {
        // Those of TLS 1.3 name no key exchange, and have a fresh one.
        let isFresh = [NID_kx_ecdhe, NID_kx_dhe, NID_kx_any].contains(
            unsafe SSL_CIPHER_get_kx_nid(suite))
        let isSealed = unsafe SSL_CIPHER_is_aead(suite) == 1
        let words = [
            isFresh
                ? nil : "has no fresh key exchange: who gets the key later reads what was recorded",
            isSealed
                ? nil
                : "has CBC with MAC-then-encrypt, from which padding oracles have read content",
        ].compactMap(\.self)
        return words.isEmpty ? nil : words.joined(separator: ", and ")
    }

    /// Whether OpenSSL knows such a group for key exchanges.
    package static func isCurve(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.allSatisfy(isPart) else { return false }
        return areCurves(text)
    }

    /// Whether two names, each of which OpenSSL knows, mean the same group, of which it takes one.
    package static func isSameCurve(_ one: String, _ other: String) -> Bool {
        !areCurves("\(one):\(other)")
    }

    private static func areCurves(_ list: String) -> Bool {
        defer { ERR_clear_error() }
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { return false }
        defer { unsafe SSL_CTX_free(context) }
        return unsafe methodgate_set_groups(context, list) == 1
    }
}
