internal import COpenSSL
internal import Glibc
package import HTTPSyntax
import TLS

// What is known of a session once it is set up: for records, for backends, and for the question
// whether a request belongs there.

extension Ref<TLSSession> {
    /// Notes who the client is by its certificate, and which entry of the listener it was set up
    /// by. Once, when the handshake is complete. Allocates where there is a certificate.
    package func describePeer() {
        guard let context = value.server else { return }
        value.entry = unsafe context.entry(of: value.handle)
        if context.asksForCertificates, let subject = unsafe context.subject(of: value.handle) {
            subject.withView { value.subject.append($0) }
        }
    }

    /// `1.2` or `1.3`.
    package var version: ByteView { isVersion13 ? ByteView("1.3") : ByteView("1.2") }

    package var isVersion13: Bool { unsafe SSL_version(value.handle) == TLS1_3_VERSION }

    /// Whether an earlier session was taken up.
    package var isResumed: Bool { unsafe SSL_session_reused(value.handle) == 1 }

    /// The cipher suite by its name in the IANA registry; lives as long as the process.
    package var cipher: ByteView {
        unsafe TLSFailure.view(SSL_CIPHER_standard_name(SSL_get_current_cipher(value.handle)))
    }

    /// Its number in that registry.
    package var cipherNumber: UInt16 {
        unsafe SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(value.handle))
    }

    /// The entry that it was set up by is another than the first, which is for all other names.
    package var isListed: Bool { value.entry > 0 }

    /// The name that the client asked for, as it came; empty where it named none. Valid as long as
    /// the session.
    package var serverName: ByteView {
        unsafe TLSFailure.view(SSL_get_servername(value.handle, TLSEXT_NAMETYPE_host_name))
    }

    /// Of the client's certificate; empty where it has none.
    package var subject: ByteView { value.subject.view }

    /// What `failure` is about.
    package var fault: TLSFault { value.fault }

    /// Whether a request for that host, which may have a port, belongs to another entry of the
    /// listener, in which something else is asked of clients.
    package func isMisdirected(host: ByteView) -> Bool {
        guard let context = value.server, context.isDivided else { return false }
        return context.isDivided(value.entry, host.bytes)
    }
}
