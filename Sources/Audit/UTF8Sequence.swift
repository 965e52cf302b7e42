// Which byte sequences are UTF-8 (RFC 3629 §4): no overlong forms, no surrogates, nothing
// beyond U+10FFFF.

import HTTPSyntax

enum UTF8Sequence {
    /// The character of two to four bytes that begins at `offset`, or nil.
    static func decode(_ bytes: ByteView, at offset: Int) -> (scalar: UInt32, length: Int)? {
        let first = bytes[offset]
        let length = length(first)
        guard length > 1, offset + length <= bytes.count else { return nil }
        // What the first byte has besides its length, then six bits of each that follows.
        var scalar = UInt32(first) & (0x7f >> UInt32(length))
        for index in 1..<length {
            let next = bytes[offset + index]
            guard next & 0xc0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(next & 0x3f)
        }
        let isWhole =
            switch length {
            // The first byte alone says that the form is not overlong.
            case 2: true
            case 3: scalar >= 0x800 && !(0xd800...0xdfff).contains(scalar)
            default: scalar >= 0x1_0000 && scalar <= 0x10_ffff
            }
        return isWhole ? (scalar, length) : nil
    }

    private static func length(_ first: UInt8) -> Int {
        switch first {
        case 0xc2...0xdf: 2
        case 0xe0...0xef: 3
        case 0xf0...0xf4: 4
        default: 0
        }
    }
}

extension ByteView {
    /// The length of at most `limit` bytes that do not end within a character. `limit` is less
    /// than `count`.
    func prefixOfWholeCharacters(_ limit: Int) -> Int {
        var end = limit
        while end > 0, limit - end < 3, self[end] & 0xc0 == 0x80 { end -= 1 }
        // Bytes that are no character anyway may be cut anywhere.
        return self[end] & 0xc0 == 0x80 ? limit : end
    }
}
