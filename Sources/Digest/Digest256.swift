// The value a SHA-256 ends in, small enough to be passed around without an allocation.

package import HTTPSyntax

/// 32 bytes of digest.
package struct Digest256: Hashable, Sendable, BitwiseCopyable {
    /// The bytes in memory order.
    var words: Words

    struct Words: Hashable, Sendable, BitwiseCopyable {
        var first: UInt64 = 0
        var second: UInt64 = 0
        var third: UInt64 = 0
        var fourth: UInt64 = 0
    }

    /// All zeros: what a chain begins with.
    package static let zero = Digest256(words: Words())

    /// Writes 64 lower-case hexadecimal digits.
    package func append(hexTo buffer: inout ByteBuffer) {
        let space = buffer.space(atLeast: 64)
        space.writeHex(bigEndian: UInt64(bigEndian: words.first), at: 0)
        space.writeHex(bigEndian: UInt64(bigEndian: words.second), at: 16)
        space.writeHex(bigEndian: UInt64(bigEndian: words.third), at: 32)
        space.writeHex(bigEndian: UInt64(bigEndian: words.fourth), at: 48)
        buffer.didFill(64)
    }

    /// The 32 bytes. Allocates.
    package var bytes: [UInt8] {
        [words.first, words.second, words.third, words.fourth].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: UInt64(bigEndian: word) >> (56 - 8 * $0)) }
        }
    }
}
