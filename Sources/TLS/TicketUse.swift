internal import COpenSSL
internal import Glibc

// Which sessions are taken up: a ticket that is ours proves that a handshake was good, and not that
// it would be good today.

/// Decides on a ticket that was decrypted (SSL_CTX_set_session_ticket_cb). One that is not taken up
/// means a whole handshake, in which all is looked at.
func judgeTicket(
    _: OpaquePointer?, _ session: OpaquePointer?, _: UnsafePointer<UInt8>?, _: Int,
    _ status: SSL_TICKET_STATUS, _: UnsafeMutableRawPointer?
) -> SSL_TICKET_RETURN {
    // Empty, or of a key that is gone: there is no session, and a new ticket follows.
    guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW,
        let session = unsafe session, unsafe isInForce(session)
    else { return SSL_TICKET_RETURN_IGNORE_RENEW }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
}

/// Whether the client's certificate, which the ticket holds, has not expired; true where it has none.
/// Otherwise access would have no end, since every connection brings a new ticket.
private func isInForce(_ session: OpaquePointer) -> Bool {
    guard let certificate = unsafe SSL_SESSION_get0_peer(session) else { return true }
    return unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0
}
