// The texts of a record outside of JSON: what they say, and what may be shown of it.

package import HTTPSyntax

extension ByteBuffer {
    /// Appends what the inside of a JSON string says, its escapes undone.
    package mutating func append(decoding raw: ByteView) {
        var index = 0
        while index < raw.count {
            guard let escape = raw.firstIndex(of: 0x5c, from: index), escape + 1 < raw.count else {
                append(raw.dropFirst(index))
                return
            }
            append(raw.slice(index, escape - index))
            index = append(escapeOf: raw, at: escape + 1)
        }
    }

    /// Appends what the inside of a JSON string says, for people: on one line, and with nothing in
    /// it that a terminal obeys. Of more than `limit` bytes the rest is cut off and counted.
    package mutating func append(showing raw: ByteView, limit: Int = .max) {
        if raw.firstIndex(of: 0x5c) == nil {
            appendShown(raw, limit: limit)
        } else {
            var text = ByteBuffer()
            text.append(decoding: raw)
            appendShown(text.view, limit: limit)
        }
    }

    private mutating func appendShown(_ text: ByteView, limit: Int) {
        guard text.count > limit else { return appendShown(text) }
        let kept = text.prefixOfWholeCharacters(limit)
        appendShown(text.slice(0, kept))
        append(cutMark: text.count - kept)
    }

    /// Returns where the next character stands.
    private mutating func append(escapeOf raw: ByteView, at index: Int) -> Int {
        switch raw[index] {
        case 0x62: append(byte: 0x08)
        case 0x66: append(byte: 0x0c)
        case 0x6e: append(byte: 0x0a)
        case 0x72: append(byte: 0x0d)
        case 0x74: append(byte: 0x09)
        case 0x75: return append(unicodeEscapeOf: raw, at: index + 1)
        default: append(byte: raw[index])
        }
        return index + 1
    }

    private mutating func append(unicodeEscapeOf raw: ByteView, at index: Int) -> Int {
        guard let first = raw.hexadecimal(at: index) else { return raw.count }
        let next = index + 4
        if first >> 10 == 0x36, next + 1 < raw.count, raw[next] == 0x5c, raw[next + 1] == 0x75,
            let second = raw.hexadecimal(at: next + 2), second >> 10 == 0x37
        {
            append(scalar: 0x1_0000 + (first & 0x3ff) << 10 + second & 0x3ff)
            return next + 6
        }
        // Half a pair stands for no character.
        append(scalar: first >> 11 == 0x1b ? 0xfffd : first)
        return next
    }

    private mutating func append(scalar: UInt32) {
        guard let scalar = Unicode.Scalar(scalar) else { return }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { append(byte: byte) }
    }
}

extension ByteView {
    /// The value of four hexadecimal digits.
    fileprivate func hexadecimal(at index: Int) -> UInt32? {
        guard index + 4 <= count else { return nil }
        var value: UInt32 = 0
        for offset in 0..<4 {
            guard let digit = ASCII.hexValue(self[index + offset]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

extension RecordValue {
    /// Calls `body` with each element of a list, or with the value itself.
    package func visit(_ body: (RecordValue) -> Void) {
        guard kind == .list else { return body(self) }
        var cursor = JSONCursor(raw.slice(1, raw.count - 2))
        repeat {
            // It was checked when the line was read; an empty list has no element.
            guard let element = try? cursor.scalar() else { return }
            body(element)
        } while cursor.skip(0x2c)
    }

    /// Whether a list holds this text.
    package func contains(_ text: StaticString) -> Bool {
        var isFound = false
        visit { if $0.kind == .text, $0.raw.equals(ByteView(text)) { isFound = true } }
        return isFound
    }
}
