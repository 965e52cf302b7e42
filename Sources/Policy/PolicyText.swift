// The texts of a policy in one piece of memory, so that a rule carries offsets instead of
// strings and reading one counts no reference.

internal import HTTPSyntax

/// Where a text stands.
struct TextRange: BitwiseCopyable {
    var offset: UInt32 = 0
    var count: UInt32 = 0
}

/// Collects texts.
struct PolicyText {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ text: some Sequence<UInt8>) -> TextRange {
        let offset = bytes.count
        bytes.append(contentsOf: text)
        return TextRange(offset: UInt32(offset), count: UInt32(bytes.count - offset))
    }

    /// Adds a text as a JSON string (RFC 8259 §7); the text itself is shared with it unless
    /// something had to be escaped.
    mutating func addQuoted(_ text: String) -> (plain: TextRange, json: TextRange) {
        let offset = bytes.count
        var isEscaped = false
        bytes.append(0x22)
        for byte in text.utf8 {
            if byte >= 0x20, byte != 0x22, byte != 0x5c {
                bytes.append(byte)
                continue
            }
            switch byte {
            case 0x22, 0x5c:
                bytes.append(0x5c)
                isEscaped = true
                bytes.append(byte)
            case 0..<0x20:
                bytes += Array("\\u00".utf8)
                bytes += [0x30 + byte >> 4, Array("0123456789abcdef".utf8)[Int(byte & 15)]]
                isEscaped = true
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
        let json = TextRange(offset: UInt32(offset), count: UInt32(bytes.count - offset))
        if isEscaped { return (add(text.utf8), json) }
        return (TextRange(offset: json.offset + 1, count: json.count - 2), json)
    }
}
