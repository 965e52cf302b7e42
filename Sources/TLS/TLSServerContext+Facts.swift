internal import COpenSSL

// What clients are shown and asked for by a listener, for those who tell people of it.

/// An entry of a listener.
package struct TLSEntryFacts: Sendable, Equatable {
    package struct Certificate: Sendable, Equatable {
        /// As RFC 2253 writes it; may be empty.
        package let subject: String
        /// `RSA`, `EC` and so on.
        package let keyKind: String
        /// The DNS names in it, in lower case.
        package let names: [String]
    }

    /// At least one: which of them a client gets depends on the keys that it can check.
    package let certificates: [Certificate]
    package let clients: ClientCertificates
}

extension TLSServerContext {
    /// Of the entry at that index, as `entry(for:)` finds it. Allocates.
    package func facts(_ index: Int) -> TLSEntryFacts {
        let entry = entries[index]
        // What the handshake goes by.
        let mode = unsafe SSL_CTX_get_verify_mode(entry.base.handle)
        let clients: ClientCertificates =
            mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT != 0
            ? .require : mode & SSL_VERIFY_PEER != 0 ? .request : .none
        return TLSEntryFacts(
            certificates: entry.identities.map {
                .init(subject: $0.subject, keyKind: $0.keyKind, names: $0.names)
            }, clients: clients)
    }
}
