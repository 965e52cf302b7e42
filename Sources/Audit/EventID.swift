// The id that a client sees in `Methodgate-Event` and an operator finds in the block log: a
// UUID of version 7 (RFC 9562 §5.7), so that ids sort by time.

package import HTTPSyntax

/// 128 bits of a UUID, in the order of its text.
package struct EventID: Hashable, Sendable, BitwiseCopyable {
    package let high: UInt64
    package let low: UInt64

    /// The 128 bits of a UUID, as they stand in its text.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads 36 bytes of text; nil where they are none.
    init?(_ text: ByteView) {
        guard text.count == Self.textLength else { return nil }
        var words: (high: UInt64, low: UInt64) = (0, 0)
        for index in 0..<Self.textLength {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard text[index] == 0x2d else { return nil }
            } else {
                guard let digit = ASCII.hexValue(text[index]) else { return nil }
                words.high = words.high << 4 | words.low >> 60
                words.low = words.low << 4 | UInt64(digit)
            }
        }
        (high, low) = words
    }

    /// Length of the text in bytes.
    package static let textLength = 36

    /// Appends the text, 36 bytes of lower-case hexadecimal digits and hyphens.
    package func append(to buffer: inout ByteBuffer) {
        let space = buffer.space(atLeast: Self.textLength)
        write(into: space)
        buffer.didFill(Self.textLength)
    }

    /// Writes the text over the first 36 bytes of `space`.
    package func write(into space: MutableByteView) {
        // The four hyphens fall between words: digits are written where they belong, the
        // hyphens and what they displaced afterwards.
        space.writeHex(bigEndian: UInt32(truncatingIfNeeded: high >> 32), at: 0)
        space.writeHex(bigEndian: UInt32(truncatingIfNeeded: high), at: 10)
        space.write(space.view.slice(10, 4), at: 9)
        space.writeHex(bigEndian: UInt32(truncatingIfNeeded: low >> 32), at: 20)
        space.write(space.view.slice(20, 4), at: 19)
        space.writeHex(bigEndian: UInt32(truncatingIfNeeded: low), at: 28)
        space[8] = 0x2d
        space[13] = 0x2d
        space[18] = 0x2d
        space[23] = 0x2d
    }
}
