// Text in records. Whatever bytes a client sent, what is written is one JSON string in valid
// UTF-8 on one line that a terminal does not obey: quotes, backslashes, control characters
// (DEL, C1 and those that break lines or reverse text included) are escaped, and a byte that
// belongs to no valid UTF-8 sequence becomes the four characters `\xff`.

import HTTPSyntax

extension ByteBuffer {
    /// Appends `text` as a JSON string with its quotes. Of more than `limit` bytes the rest is
    /// cut off, between characters, and counted: `…[512 bytes more]`.
    mutating func appendJSON(_ text: ByteView, limit: Int) {
        append(byte: 0x22)
        appendEscaped(text, limit: limit)
        append(byte: 0x22)
    }

    /// The same without quotes.
    mutating func appendEscaped(_ text: ByteView, limit: Int) {
        guard text.count > limit else { return appendEscaped(text) }
        let kept = text.prefixOfWholeCharacters(limit)
        appendEscaped(text.slice(0, kept))
        append(cutMark: text.count - kept)
    }

    /// Says how many bytes of a text are not there.
    mutating func append(cutMark count: Int) {
        append("…[")
        append(number: UInt64(count))
        append(" bytes more]")
    }

    /// Appends `text` for people: no JSON, but as unable to end a line or to command a terminal.
    mutating func appendShown(_ text: ByteView) {
        var offset = 0
        while offset < text.count {
            let byte = text[offset]
            if byte == 0x22 || byte == 0x5c {
                append(byte: byte)
                offset += 1
            } else {
                offset += appendCharacter(text, at: offset, invalid: "\\x")
            }
        }
    }

    /// Copies eight bytes at a time for as long as they need no escape.
    private mutating func appendEscaped(_ text: ByteView) {
        // Eight bytes more than the text has, since the last word may hang over.
        let space = space(atLeast: text.count + 8)
        var offset = 0
        while offset &+ 8 <= text.count {
            // In bounds by the condition above, and `space` is longer than the text.
            let word = unsafe UnsafeRawPointer(text.base + offset)
                .loadUnaligned(as: UInt64.self)
            guard JSONText.isPlain(word) else { break }
            unsafe UnsafeMutableRawPointer(space.base + offset)
                .storeBytes(of: word, as: UInt64.self)
            offset &+= 8
        }
        offset = copyTail(of: text, from: offset, to: space)
        didFill(offset)
        if offset < text.count { appendSlowly(text.dropFirst(offset)) }
    }

    /// Copies what is left behind whole words as far as it needs no escape, and returns where that
    /// ends.
    @inline(__always) private func copyTail(
        of text: ByteView, from start: Int, to space: MutableByteView
    ) -> Int {
        var offset = start
        if text.count >= 8, text.count &- start < 8 {
            // The last eight bytes, some of which have been copied already.
            let last = text.count &- 8
            let word = unsafe UnsafeRawPointer(text.base + last).loadUnaligned(as: UInt64.self)
            if JSONText.isPlain(word) {
                unsafe UnsafeMutableRawPointer(space.base + last)
                    .storeBytes(of: word, as: UInt64.self)
                return text.count
            }
        }
        while offset < text.count, JSONText.isPlain(text[offset]) {
            space[offset] = text[offset]
            offset &+= 1
        }
        return offset
    }

    @inline(never) private mutating func appendSlowly(_ text: ByteView) {
        // No byte grows to more than six.
        reserve(text.count * 6)
        var offset = 0
        while offset < text.count {
            offset += appendCharacter(text, at: offset, invalid: "\\\\x")
        }
    }

    /// Appends the character at `offset` and returns its length; `invalid` stands before the two
    /// digits of a byte that belongs to none.
    private mutating func appendCharacter(
        _ text: ByteView, at offset: Int, invalid: StaticString
    ) -> Int {
        let byte = text[offset]
        if byte < 0x80 {
            appendEscaped(ascii: byte)
            return 1
        }
        if let (scalar, length) = UTF8Sequence.decode(text, at: offset) {
            if JSONText.isObeyed(scalar) {
                appendEscape(scalar)
            } else {
                append(text.slice(offset, length))
            }
            return length
        }
        append(invalid)
        append(hexDigit: byte >> 4)
        append(hexDigit: byte & 15)
        return 1
    }

    private mutating func appendEscaped(ascii byte: UInt8) {
        switch byte {
        case 0x22: append("\\\"")
        case 0x5c: append("\\\\")
        case 0x0a: append("\\n")
        case 0x0d: append("\\r")
        case 0x09: append("\\t")
        default:
            if JSONText.isPlain(byte) { append(byte: byte) } else { appendEscape(UInt32(byte)) }
        }
    }

    /// `\u2028`; for scalars of the basic plane.
    private mutating func appendEscape(_ scalar: UInt32) {
        append("\\u")
        append(hexDigit: UInt8(truncatingIfNeeded: scalar >> 12))
        append(hexDigit: UInt8(truncatingIfNeeded: scalar >> 8 & 15))
        append(hexDigit: UInt8(truncatingIfNeeded: scalar >> 4 & 15))
        append(hexDigit: UInt8(truncatingIfNeeded: scalar & 15))
    }

    private mutating func append(hexDigit value: UInt8) {
        append(byte: value < 10 ? 0x30 + value : 0x57 + value)
    }
}

/// Which bytes and characters may stand in a record as they are.
enum JSONText {
    /// Whether none of eight bytes needs a second look. It may be wrong only by saying no.
    @inline(__always) static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5c)
        let deletes = word ^ (ones &* 0x7f)
        // A subtraction borrows into the high bit of a byte that is zero (below 0x20 for the
        // first); bytes from 0x80 on have that bit themselves.
        let controls = word &- ones &* 0x20
        let found = controls | (quotes &- ones) | (backslashes &- ones) | (deletes &- ones) | word
        return found & (ones &* 0x80) == 0
    }

    /// Whether the byte is printable ASCII other than `"` and `\`.
    @inline(__always) static func isPlain(_ byte: UInt8) -> Bool {
        byte &- 0x20 < 0x5f && byte != 0x22 && byte != 0x5c
    }

    /// Whether a terminal, an editor or a line reader acts on the character instead of showing
    /// it: C1 controls, line and paragraph separators, controls of the direction of text, and
    /// the byte order mark.
    static func isObeyed(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x80...0x9f, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true
        default: false
        }
    }
}
