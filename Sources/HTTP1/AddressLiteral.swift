// The inside of the brackets of an IP literal (RFC 3986 §3.2.2): an IPv6 address without zone.
// IPvFuture is refused, since there is none.

import HTTPSyntax

enum AddressLiteral {
    /// Whether it is eight groups of one to four hexadecimal digits, where the last two may be an
    /// IPv4 address and one run of zero groups may be `::`.
    static func isValid(_ text: ByteView) -> Bool {
        var offset = 0
        var groups = 0
        var isCompressed = false
        if starts(text, "::") {
            isCompressed = true
            offset = 2
        }
        while offset < text.count {
            let digits = hexDigits(text, offset)
            if digits < text.count - offset, digits > 0, text[offset + digits] == 0x2e {
                guard isIPv4(text.dropFirst(offset)) else { return false }
                groups += 2
                break
            }
            guard digits > 0, digits <= 4 else { return false }
            groups += 1
            offset += digits
            guard offset < text.count else { break }
            guard text[offset] == 0x3a, offset + 1 < text.count else { return false }
            offset += 1
            if text[offset] == 0x3a {
                guard !isCompressed else { return false }
                isCompressed = true
                offset += 1
            }
        }
        return isCompressed ? groups <= 7 : groups == 8
    }

    private static func starts(_ text: ByteView, _ prefix: StaticString) -> Bool {
        let prefix = ByteView(prefix)
        return text.count >= prefix.count && text.slice(0, prefix.count).equals(prefix)
    }

    private static func hexDigits(_ text: ByteView, _ start: Int) -> Int {
        var end = start
        while end < text.count, ASCII.hexValue(text[end]) != nil { end += 1 }
        return end - start
    }

    /// Four decimal numbers up to 255 without leading zeros.
    private static func isIPv4(_ text: ByteView) -> Bool {
        var offset = 0
        for part in 0..<4 {
            let start = offset
            var number = 0
            while offset < text.count, ASCII.isDigit(text[offset]), offset - start < 4 {
                number = number * 10 + Int(text[offset] &- 0x30)
                offset += 1
            }
            let length = offset - start
            guard length > 0, number <= 255, length == 1 || text[start] != 0x30 else {
                return false
            }
            if part < 3 {
                guard offset < text.count, text[offset] == 0x2e else { return false }
                offset += 1
            }
        }
        return offset == text.count
    }
}
