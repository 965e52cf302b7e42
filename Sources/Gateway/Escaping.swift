import HTTPSyntax

// Text in the content of answers. Whatever bytes a client sent, they stay text: in JSON within
// their string, in HTML within their element or quoted attribute. What is not printable ASCII is
// a question mark everywhere.

extension ByteBuffer {
    /// For the inside of a JSON string.
    mutating func append(escapedForJSON text: ByteView) {
        for index in 0..<text.count {
            let byte = text[index]
            if byte == 0x22 || byte == 0x5c { append(byte: 0x5c) }
            append(byte: byte.printable)
        }
    }

    /// For the text of an HTML element, or an attribute's value in quotes.
    mutating func append(escapedForHTML text: ByteView) {
        for index in 0..<text.count {
            switch text[index] {
            case UInt8(ascii: "&"): append("&amp;")
            case UInt8(ascii: "<"): append("&lt;")
            case UInt8(ascii: ">"): append("&gt;")
            case UInt8(ascii: "\""): append("&quot;")
            case UInt8(ascii: "'"): append("&#39;")
            case let byte: append(byte: byte.printable)
            }
        }
    }

    /// For plain text.
    mutating func append(printable text: ByteView) {
        for index in 0..<text.count { append(byte: text[index].printable) }
    }
}

extension UInt8 {
    fileprivate var printable: UInt8 { self >= 0x20 && self < 0x7f ? self : 0x3f }
}
