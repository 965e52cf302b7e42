// What some backend drops from the ends of a path or of its segments. Languages differ: Java's
// `trim` takes every control byte for white space, others what Unicode says.

/// White space at the ends of bytes: a control byte or space of ASCII, a white-space character in
/// UTF-8, or a byte that is one in Latin-1. NUL is none: it is refused.
enum WhiteSpace {
    /// The length of a white-space character at the end; 0 where none stands there.
    static func lengthAtEnd(_ bytes: ByteView) -> Int {
        let count = bytes.count
        if count >= 3, isSpace(bytes[count - 3], bytes[count - 2], bytes[count - 1]) { return 3 }
        if count >= 2, isSpace(bytes[count - 2], bytes[count - 1]) { return 2 }
        return count >= 1 && isSpace(bytes[count - 1]) ? 1 : 0
    }

    /// The length of a white-space character at the start; 0 where none stands there.
    static func lengthAtStart(_ bytes: ByteView) -> Int {
        let count = bytes.count
        if count >= 3, isSpace(bytes[0], bytes[1], bytes[2]) { return 3 }
        if count >= 2, isSpace(bytes[0], bytes[1]) { return 2 }
        return count >= 1 && isSpace(bytes[0]) ? 1 : 0
    }

    /// Also U+0085 and U+00A0 in Latin-1.
    private static func isSpace(_ byte: UInt8) -> Bool {
        (0x01...0x20).contains(byte) || byte == 0x85 || byte == 0xa0
    }

    /// U+0085 and U+00A0.
    private static func isSpace(_ first: UInt8, _ second: UInt8) -> Bool {
        first == 0xc2 && (second == 0x85 || second == 0xa0)
    }

    /// U+1680, U+180E, U+2000 to U+200B, U+2028, U+2029, U+202F, U+205F, U+3000 and U+FEFF.
    private static func isSpace(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Bool {
        switch (first, second, third) {
        case (0xe1, 0x9a, 0x80), (0xe1, 0xa0, 0x8e), (0xe2, 0x80, 0x80...0x8b),
            (0xe2, 0x80, 0xa8...0xa9), (0xe2, 0x80, 0xaf), (0xe2, 0x81, 0x9f), (0xe3, 0x80, 0x80),
            (0xef, 0xbb, 0xbf):
            true
        default: false
        }
    }
}
