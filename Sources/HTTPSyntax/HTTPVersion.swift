/// The versions a message may have on an HTTP/1 connection (RFC 9112 §2.3).
package enum HTTPVersion: UInt8, Sendable, BitwiseCopyable {
    case http10
    case http11
}
