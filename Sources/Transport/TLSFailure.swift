internal import COpenSSL
internal import Glibc
import HTTPSyntax

// Why a session has failed, in OpenSSL's own words, which live as long as the process.

/// What a session has failed by, as far as others tell it apart.
package enum TLSFault: UInt8, CaseIterable, Sendable {
    /// The peer's certificate is not accepted, or it has none.
    case certificate
    /// The peer has sent an alert (RFC 8446 §6.2).
    case alert
    /// There is no version that both sides speak.
    case version
    /// No cipher suite, no group, or no way to sign.
    case cipher
    /// No protocol of those that the peer offers (ALPN).
    case applicationProtocol
    /// The peer is gone.
    case closed
    /// It has taken too long.
    case timeout
    case other

    /// As metrics and records name it.
    package var name: StaticString {
        switch self {
        case .certificate: "certificate"
        case .alert: "alert"
        case .version: "version"
        case .cipher: "cipher"
        case .applicationProtocol: "application_protocol"
        case .closed: "closed"
        case .timeout: "timeout"
        case .other: "other"
        }
    }
}

enum TLSFailure {
    /// To be called before each operation: what another session, or anything else on this thread, has
    /// left in the queue would be taken for its outcome (SSL_get_error).
    @inline(__always) static func forgetOthers() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// What the error queue says first, more closely where a certificate was the reason; the queue
    /// is empty afterwards.
    static func take(
        _ handle: OpaquePointer
    ) -> (text: ByteView, fault: TLSFault) {
        let code = ERR_peek_error()
        ERR_clear_error()
        guard code != 0 else { return (ByteView("the connection broke"), .other) }
        let reason = methodgate_error_reason(code)
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
            let result = unsafe SSL_get_verify_result(handle)
            return (unsafe view(X509_verify_cert_error_string(result)), .certificate)
        }
        guard let text = unsafe ERR_reason_error_string(code) else {
            return (ByteView("an error without a name"), .other)
        }
        return (unsafe view(text), fault(of: reason))
    }

    private static func fault(of reason: Int32) -> TLSFault {
        switch reason {
        case alerts: .alert
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: .certificate
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_NO_PROTOCOLS_AVAILABLE,
            SSL_R_UNKNOWN_PROTOCOL, SSL_R_WRONG_SSL_VERSION:
            .version
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_KEY_SHARE,
            SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
            SSL_R_NO_CIPHERS_SPECIFIED:
            .cipher
        case SSL_R_NO_APPLICATION_PROTOCOL: .applicationProtocol
        default: .other
        }
    }

    /// The reasons of alerts that were received: that of each, and an offset (SSL_AD_REASON_OFFSET).
    private static let alerts = SSL_AD_REASON_OFFSET..<SSL_AD_REASON_OFFSET + 256

    /// Of a string of OpenSSL's; empty for none. As long as the string.
    static func view(_ text: UnsafePointer<CChar>?) -> ByteView {
        guard let text = unsafe text else { return .empty }
        let bytes = unsafe UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self)
        return unsafe ByteView(base: bytes, count: strlen(text))
    }
}
