internal import COpenSSL

// Why certificates, keys or settings cannot be used, in words for whoever configured them.

/// What is wrong.
package struct TLSProblem: Error, Equatable, CustomStringConvertible {
    package let message: String
    /// What would be taken instead; nil: whoever asked knows.
    package let accepted: String?

    package init(_ message: String, accepted: String? = nil) {
        self.message = message
        self.accepted = accepted
    }

    package var description: String { message }

    /// `message`, with what OpenSSL says about it, whose error queue is emptied.
    static func openSSL(_ message: String) -> TLSProblem {
        let code = ERR_peek_error()
        ERR_clear_error()
        guard code != 0, let reason = unsafe ERR_reason_error_string(code) else {
            return TLSProblem(message)
        }
        let text = unsafe String(cString: reason)
        return TLSProblem("\(message): \(text)")
    }
}
