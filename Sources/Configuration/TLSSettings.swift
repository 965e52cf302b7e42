package import TLS

// What a listener and a backend are told about TLS, ready for connections: contexts are made when
// the configuration is loaded, since only then it is known that they can be.

/// `tls` of a listener.
package struct ListenTLS: Sendable, Hashable {
    package let context: TLSServerContext
    /// Backends are told who the client is, by its certificate.
    package let forwardsSubject: Bool

    package init(context: TLSServerContext, forwardsSubject: Bool = false) {
        self.context = context
        self.forwardsSubject = forwardsSubject
    }

    /// What is offered to clients (ALPN), most preferred first.
    package static func protocols(http2: Bool) -> [String] {
        http2 ? ["h2", "http/1.1"] : ["http/1.1"]
    }

    /// Whether connections that begin with `other` begin as with this one: a reload makes contexts
    /// anew, even if nothing about them has changed.
    package func isAlike(_ other: ListenTLS) -> Bool {
        forwardsSubject == other.forwardsSubject
            && (context === other.context || context.fingerprint == other.context.fingerprint)
    }

    package static func == (left: ListenTLS, right: ListenTLS) -> Bool {
        left.context === right.context && left.forwardsSubject == right.forwardsSubject
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(context)) }
}

/// `tls` of a backend, or what holds for `https://` without it.
package struct BackendTLS: Sendable, Hashable {
    package let context: TLSClientContext

    package static func == (left: BackendTLS, right: BackendTLS) -> Bool {
        left.context === right.context
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(context)) }
}
