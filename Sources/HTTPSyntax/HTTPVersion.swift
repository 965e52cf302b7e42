/// The versions a message may have (RFC 9112 §2.3, RFC 9113).
@usableFromInline package enum HTTPVersion: UInt8, Sendable, BitwiseCopyable {
    case http10
    case http11
    /// On its way through the gate a request of HTTP/2 is written as one of HTTP/1.1.
    case http2

    // Written out so that other modules inline it: the derived one is a call.
    @inlinable package static func == (left: HTTPVersion, right: HTTPVersion) -> Bool {
        switch (left, right) {
        case (.http10, .http10), (.http11, .http11), (.http2, .http2): true
        default: false
        }
    }
}
