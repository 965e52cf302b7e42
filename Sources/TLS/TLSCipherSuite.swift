// Cipher suites, as they are counted.

/// The suites that a connection may end up with by default or by the usual `ciphers`, in the order
/// of their counters.
package enum TLSCipherSuite {
    /// Numbers and names of the IANA registry.
    private static let suites: [(number: UInt16, name: String)] = [
        (0x1301, "TLS_AES_128_GCM_SHA256"),
        (0x1302, "TLS_AES_256_GCM_SHA384"),
        (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
        (0x1304, "TLS_AES_128_CCM_SHA256"),
        (0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        (0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        (0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ]

    /// What is counted for each, `other` last.
    package static let names = suites.map(\.name) + ["other"]

    /// Where the suite of that number is counted.
    package static func index(of number: UInt16) -> Int {
        suites.firstIndex { $0.number == number } ?? suites.count
    }
}
