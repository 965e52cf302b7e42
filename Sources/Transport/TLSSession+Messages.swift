internal import COpenSSL
import HTTPSyntax

// Messages of TLS itself behind the handshake. A peer needs next to none; each key update costs a
// new key, each ticket a session, and nothing in OpenSSL bounds them.

extension TLSSession {
    /// Steps that OpenSSL may take for a peer's messages for nothing, and bytes of content for each
    /// one more. A key update is four, and seven where one is asked for back. Keys wear out with
    /// content (RFC 8446 §5.5), after a thousand times as much.
    static let freeSteps: UInt64 = 256
    static let contentPerStep: UInt64 = 16 * 1024

    /// More have come.
    var isFlooded: Bool {
        steps > TLSSession.freeSteps
            && steps - TLSSession.freeSteps > content / TLSSession.contentPerStep
    }
}

extension Ref<TLSSession> {
    /// Counts steps from here on: the handshake is complete.
    func watchMessages() {
        unsafe SSL_set_info_callback(value.handle, messageHandled)
    }

    /// There were too many.
    func refuseMessages() {
        value.state = .failed
        value.failure = ByteView("too many key updates, tickets or requests to renegotiate")
    }
}

/// OpenSSL has taken a step in reading or writing a handshake message, or an alert
/// (SSL_CTX_set_info_callback(3)).
private func messageHandled(_ handle: OpaquePointer?, _ what: Int32, _ code: Int32) {
    guard let context = unsafe SSL_get_ex_data(handle, 0) else { return }
    let session = unsafe Ref<TLSSession>(context: context)
    session.value.steps += 1
    // It would go on reading as long as there is something.
    if session.value.isFlooded { session.value.window = .empty }
}
