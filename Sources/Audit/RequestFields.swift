// What a record says of the request: the same for what was blocked and for what passed.

package import HTTPSyntax

/// The request group of a record. All views are borrowed for the duration of the call that
/// encodes them and may hold any bytes a client can send; empty ones are left out of the record.
@safe package struct RequestFields {
    /// Only a registered number names a method in `http.request.method`; every other one is
    /// written `_OTHER`, with the token itself in `http.request.method_original`.
    package var methodID: MethodID
    /// The token as it was sent; empty where the request line could not be read.
    package var method: ByteView = .empty
    /// Nil where the request line could not be read.
    package var version: HTTPVersion?
    /// The value of Host or the target's authority, with or without a port.
    package var host: ByteView = .empty
    /// The raw path of the target, without the query.
    package var path: ByteView = .empty
    /// The raw target. Its query is redacted unless the stream was told to keep it.
    package var target: ByteView = .empty
    /// The peer's address as text, without a port; empty for a Unix socket.
    package var sourceAddress: ByteView = .empty
    /// 0 leaves it out.
    package var sourcePort: UInt16 = 0
    /// The client's address where trusted proxies stand between.
    package var clientAddress: ByteView = .empty
    package var userAgent: ByteView = .empty
    /// The value of X-Request-Id.
    package var requestID: ByteView = .empty
    /// The value of traceparent (W3C Trace Context); only a valid one gives a `trace.id`.
    package var traceparent: ByteView = .empty

    /// Nil where the client speaks plain HTTP.
    package var tls: TLSFields?

    /// Fields of a request of which nothing but its method is known.
    package init(methodID: MethodID = .unknown) { self.methodID = methodID }
}

/// What a record says of the TLS connection that the request came by.
@safe package struct TLSFields {
    /// `1.2` or `1.3`.
    package var version: ByteView
    /// The cipher suite by its name in the IANA registry.
    package var cipher: ByteView
    /// The name that the client asked for (SNI).
    package var serverName: ByteView = .empty
    /// Of the client's certificate, as RFC 2253 writes it, or `URI:…` and the like.
    package var subject: ByteView = .empty

    package init(version: ByteView, cipher: ByteView) {
        self.version = version
        self.cipher = cipher
    }
}
