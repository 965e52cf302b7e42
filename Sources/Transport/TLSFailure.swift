internal import COpenSSL
internal import Glibc
import HTTPSyntax

// Why a session has failed, in OpenSSL's own words, which live as long as the process.

/// What a session has failed by, as far as others tell it apart.
package enum TLSFault: UInt8, Sendable {
    /// The peer's certificate is not accepted.
    case certificate
    /// The peer has sent an alert (RFC 8446 §6.2).
    case alert
    case other
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
        return (unsafe view(text), alerts.contains(reason) ? .alert : .other)
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
