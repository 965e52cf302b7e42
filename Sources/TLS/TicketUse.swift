internal import COpenSSL
internal import Glibc

// Which sessions are taken up: a ticket that is ours proves that a handshake was good, and not that
// it would be good today.

/// Decides on a ticket that was decrypted (SSL_CTX_set_session_ticket_cb). One that is not taken up
/// means a whole handshake, in which all is looked at.
func judgeTicket(
    _ connection: OpaquePointer?, _ session: OpaquePointer?, _: UnsafePointer<UInt8>?, _: Int,
    _ status: SSL_TICKET_STATUS, _: UnsafeMutableRawPointer?
) -> SSL_TICKET_RETURN {
    // Empty, or of a key that is gone: there is no session, and a new ticket follows.
    guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW,
        let session = unsafe session, let connection = unsafe connection,
        unsafe isInForce(session) && hasName(of: connection, session)
    else { return SSL_TICKET_RETURN_IGNORE_RENEW }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
}

/// Whether the peer's certificate, which the session holds, has not expired; true where it has none.
/// Otherwise access would have no end, since every connection brings a new ticket.
func isInForce(_ session: OpaquePointer) -> Bool {
    guard let certificate = unsafe SSL_SESSION_get0_peer(session) else { return true }
    return unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0
}

/// Whether the session was made for the name that is asked for now, to the byte. Of TLS 1.2 it must
/// be (RFC 6066 §3), and OpenSSL tells the session's name for the connection's; of TLS 1.3 a name is
/// the connection's own (RFC 8446 §4.6.1).
private func hasName(of connection: OpaquePointer, _ session: OpaquePointer) -> Bool {
    guard unsafe SSL_version(connection) < TLS1_3_VERSION else { return true }
    let kept = unsafe SSL_SESSION_get0_hostname(session)
    guard let asked = unsafe ServerName.value(of: connection) else { return unsafe kept == nil }
    guard let kept = unsafe kept, asked.count > ServerName.offset else { return false }
    let name = unsafe UnsafeRawBufferPointer(start: kept, count: strlen(kept))
    return unsafe asked.dropFirst(ServerName.offset).elementsEqual(name)
}

/// Takes the name that is asked for as it is (SSL_CTX_set_tlsext_servername_callback): only so does
/// the session keep it. Which certificate is for it has been chosen by then.
func acceptName(
    _ connection: OpaquePointer?, _: UnsafeMutablePointer<Int32>?, _: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name) == nil
        ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK
}
