/// The versions a message may have on an HTTP/1 connection (RFC 9112 §2.3).
@usableFromInline package enum HTTPVersion: UInt8, Sendable, BitwiseCopyable {
    case http10
    case http11

    // Written out so that other modules inline it: the derived one is a call.
    @inlinable package static func == (left: HTTPVersion, right: HTTPVersion) -> Bool {
        switch (left, right) {
        case (.http10, .http10), (.http11, .http11): true
        default: false
        }
    }
}
