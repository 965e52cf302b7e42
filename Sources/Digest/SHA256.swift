// SHA-256 (FIPS 180-4) by OpenSSL: the chain of the block log and the digest of a policy.
// The state lives in the object and is used again, so that a record's digest allocates nothing.

import COpenSSL
package import HTTPSyntax

/// A running SHA-256; one thread at a time.
@safe package final class SHA256 {
    // Ours alone: allocated in init, freed in deinit, touched only through the three functions.
    private let state: UnsafeMutablePointer<SHA256_CTX>

    /// A digest of nothing yet. Allocates its state (SHA256_Init).
    package init() {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: SHA256_CTX())
        _ = unsafe methodgate_sha256_init(state)
    }

    deinit { unsafe state.deallocate() }

    /// Takes in more bytes (SHA256_Update).
    package func update(_ bytes: ByteView) {
        _ = unsafe methodgate_sha256_update(state, bytes.base, bytes.count)
    }

    /// The digest of all that came in (SHA256_Final); the next update begins a new one.
    package func finish() -> Digest256 {
        var digest = Digest256.zero
        // Four words are 32 bytes without padding, just what SHA256_Final fills.
        unsafe withUnsafeMutableBytes(of: &digest.words) { words in
            let base = unsafe words.bindMemory(to: UInt8.self).baseAddress
            _ = unsafe methodgate_sha256_final(base, state)
        }
        _ = unsafe methodgate_sha256_init(state)
        return digest
    }

    /// The digest of `bytes`. Allocates.
    package static func digest(of bytes: ByteView) -> Digest256 {
        let hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}
