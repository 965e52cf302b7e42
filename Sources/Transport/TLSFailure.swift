internal import COpenSSL
internal import Glibc
import HTTPSyntax

// Why a session has failed, in OpenSSL's own words, which live as long as the process.

enum TLSFailure {
    /// What the error queue says first, more closely where a certificate was the reason; the queue
    /// is empty afterwards.
    static func take(_ handle: OpaquePointer) -> ByteView {
        let code = ERR_peek_error()
        ERR_clear_error()
        guard code != 0 else { return ByteView("the connection broke") }
        if reason(code) == SSL_R_CERTIFICATE_VERIFY_FAILED {
            let result = unsafe SSL_get_verify_result(handle)
            if let text = unsafe X509_verify_cert_error_string(result) {
                return unsafe view(text)
            }
        }
        guard let text = unsafe ERR_reason_error_string(code) else {
            return ByteView("an error without a name")
        }
        return unsafe view(text)
    }

    private static func reason(_ code: UInt) -> Int32 {
        methodgate_error_reason(code)
    }

    /// Of a string in OpenSSL's static tables.
    private static func view(_ text: UnsafePointer<CChar>) -> ByteView {
        let bytes = unsafe UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self)
        return unsafe ByteView(base: bytes, count: strlen(text))
    }
}
