internal import COpenSSL
import HTTPSyntax

// Messages of TLS itself behind the handshake. A peer needs next to none; each key update costs a
// new key, each ticket a session, and nothing in OpenSSL bounds them.

extension TLSSession {
    /// Messages that a peer may send for nothing, and bytes of content for each one more: keys wear
    /// out with content (RFC 8446 §5.5), after a thousand times as much.
    static let freeMessages: UInt64 = 256
    static let contentPerMessage: UInt64 = 16 * 1024

    /// More have come.
    var isFlooded: Bool {
        messages > TLSSession.freeMessages
            && messages - TLSSession.freeMessages > content / TLSSession.contentPerMessage
    }
}

extension Ref<TLSSession> {
    /// Counts messages from here on: the handshake is complete.
    func watchMessages() {
        unsafe SSL_set_info_callback(value.handle, messageHandled)
    }

    /// There were too many.
    func refuseMessages() {
        value.state = .failed
        value.failure = ByteView("too many key updates, tickets or requests to renegotiate")
    }
}

/// OpenSSL has read or written a handshake message, or an alert (SSL_CTX_set_info_callback(3)).
private func messageHandled(_ handle: OpaquePointer?, _ what: Int32, _ code: Int32) {
    guard let context = unsafe SSL_get_ex_data(handle, 0) else { return }
    let session = unsafe Ref<TLSSession>(context: context)
    session.value.messages += 1
    // It would go on reading as long as there is something.
    if session.value.isFlooded { session.value.window = .empty }
}
