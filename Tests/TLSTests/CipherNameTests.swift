// Names of cipher suites: which stand for one that can be spoken, and what is weak about it.

import COpenSSL
import TestSupport
import Testing

@testable import TLS

struct CipherNameTests {
    static let good = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_128_CCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-CCM",
    ]

    @Test(arguments: good)
    func `one with authenticated encryption and a fresh key exchange is taken`(_ name: String) {
        #expect(TLSNames.cipher(name) == .known(name, concern: nil))
    }

    @Test func `IANA's name stands for OpenSSL's`() {
        #expect(
            TLSNames.cipher("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
                == .known("ECDHE-RSA-AES128-GCM-SHA256", concern: nil))
    }

    static let noFreshKey =
        "has no fresh key exchange: who gets the key later reads what was recorded"
    static let cbc = "has CBC with MAC-then-encrypt, from which padding oracles have read content"

    @Test func `what is weak is said for what it is`() {
        for (name, concern) in [
            ("AES128-GCM-SHA256", Self.noFreshKey), ("ECDHE-RSA-AES128-SHA256", Self.cbc),
            ("AES128-SHA", "\(Self.noFreshKey), and \(Self.cbc)"),
        ] { #expect(TLSNames.cipher(name) == .known(name, concern: concern)) }
        #expect(
            TLSNames.cipher("TLS_RSA_WITH_AES_128_CBC_SHA")
                == .known("AES128-SHA", concern: "\(Self.noFreshKey), and \(Self.cbc)"))
    }

    @Test(arguments: [
        "HIGH", "ALL", "DEFAULT", "SUITEB128", "SUITEB192", "eNULL", "aNULL", "ECDHE", "AESGCM",
        "TLSv1.2", "COMPLEMENTOFALL", "!aNULL", "ECDHE+AESGCM", "@SECLEVEL=0", "DEFAULT@SECLEVEL=0",
    ])
    func `a keyword or rule is none`(_ name: String) {
        #expect(TLSNames.cipher(name) == .several)
    }

    @Test(arguments: [
        "", "ECDHE-RSA-AES128-GCM-SHA265", "TLS_AES_128_GCM_SHA265", "ecdhe-rsa-aes128-gcm-sha256",
        "ECDHE-RSA-AES128-GCM-SHA256 ", "X25519", "TLS_FOO_WITH_BAR", "TLS_FALLBACK_SCSV",
        "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
    ])
    func `what OpenSSL does not know is told apart`(_ name: String) {
        #expect(TLSNames.cipher(name) == .unknown)
    }

    @Test func `what cannot be spoken is told with the reason`() {
        for (name, word) in [
            ("NULL-SHA256", "does not encrypt"), ("ECDHE-RSA-NULL-SHA", "does not encrypt"),
            ("ADH-AES128-GCM-SHA256", "anonymous"), ("PSK-AES128-GCM-SHA256", "PSK"),
            ("RSA-PSK-AES128-GCM-SHA256", "PSK"), ("SRP-AES-128-CBC-SHA", "SRP"),
        ] {
            guard case .unusable(let reason) = TLSNames.cipher(name) else {
                Issue.record("\(name): \(TLSNames.cipher(name))")
                continue
            }
            #expect(reason.contains(word), "\(name)")
        }
    }

    @Test func `whether suites are for a key is as a handshake has it`() throws {
        let suites = [
            "ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM",
        ]
        for kind in [SelfSigned.KeyKind.ecdsa, .rsa, .rsaPSS, .curve("P-521")] {
            let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"], kind)
            let identity = try TLSIdentity(chain: made.certificate, key: made.key)
            for suite in suites {
                var options = TLSOptions()
                options.ciphers = [suite]
                let server = try TLSServerContext(
                    [TLSServerEntry(names: [], identities: [identity])], options, protocols: [])
                #expect(
                    options.concerns([[identity]]).isEmpty == shakesHands(server),
                    "\(suite), \(identity.keyKind)")
            }
        }
    }

    @Test func `a key that TLS 1 3 has no signature for is told where that alone is left`() throws {
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"], .curve("secp256k1"))
        let identity = try TLSIdentity(chain: made.certificate, key: made.key)
        var options = TLSOptions()
        #expect(options.concerns([[identity]]).isEmpty)
        let said =
            "ciphers and min_version leave nothing that can be spoken with the key (EC on "
            + "secp256k1) of CN=a, which is not for TLS 1.3"
        options.minimum = .tls13
        #expect(options.concerns([[identity]]) == [.init(text: said, isCertain: true)])
        options = TLSOptions()
        options.ciphers = ["ECDHE-RSA-AES128-GCM-SHA256"]
        #expect(options.concerns([[identity]]) == [.init(text: said, isCertain: true)])
    }
}

/// Whether a client gets a connection that takes all of TLS 1.2, and nothing newer.
private func shakesHands(_ server: TLSServerContext) -> Bool {
    let context = SSL_CTX_new(TLS_client_method())
    SSL_CTX_set_cipher_list(context, "ALL")
    _ = methodgate_set_maximum(context, TLS1_2_VERSION)
    let ends = [SSL_new(context), server.makeSession()]
    var (one, other): (OpaquePointer?, OpaquePointer?)
    BIO_new_bio_pair(&one, 0, &other, 0)
    SSL_set_bio(ends[0], one, one)
    SSL_set_bio(ends[1], other, other)
    SSL_set_connect_state(ends[0])
    defer {
        ends.forEach(SSL_free)
        SSL_CTX_free(context)
        ERR_clear_error()
    }
    var results: [Int32] = []
    for _ in 0..<5 { results = ends.map { SSL_do_handshake($0) } }
    return results == [1, 1]
}
