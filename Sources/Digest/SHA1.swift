// SHA-1 (FIPS 180-4) by OpenSSL, for the one thing that still asks for it: the proof in a
// WebSocket handshake (RFC 6455 §4.2.2), which guards against mistakes and not against forgery.

import COpenSSL
package import HTTPSyntax

/// Whole SHA-1 digests.
package enum SHA1 {
    /// Appends the 20 bytes of the digest of `bytes` (SHA1); nothing where OpenSSL refuses to.
    /// OpenSSL allocates meanwhile: not for every request.
    package static func append(digestOf bytes: ByteView, to buffer: inout ByteBuffer) {
        let space = buffer.space(atLeast: length)
        // The space holds at least the 20 bytes that SHA1 writes.
        if unsafe COpenSSL.SHA1(bytes.base, bytes.count, space.base) != nil {
            buffer.didFill(length)
        }
    }

    /// Bytes of a digest.
    package static let length = 20
}
