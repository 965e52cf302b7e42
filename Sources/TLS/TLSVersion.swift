internal import COpenSSL

/// The versions of TLS that are spoken at all (RFC 8996 buried the older ones).
package enum TLSVersion: UInt8, Sendable, Hashable {
    case tls12
    case tls13

    var number: Int { self == .tls12 ? Int(TLS1_2_VERSION) : Int(TLS1_3_VERSION) }
}
