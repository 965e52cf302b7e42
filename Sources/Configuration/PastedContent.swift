import HTTPSyntax

// What belongs into a file and stands where its path belongs: it may be a private key, which no message
// repeats, since messages go to terminals, journals and tickets.

enum PastedContent {
    /// What a text is that is no path; nil: it may be one.
    static func words(_ text: String) -> String? {
        if text.contains(begin) {
            if text.contains("PRIVATE KEY") { return "a key itself" }
            return text.contains("CERTIFICATE") ? "a certificate itself" : "what stands in a file"
        }
        return isDER(text) ? "a key or certificate itself" : nil
    }

    /// Whether a line of a source may have a private key or part of one in it: a line that is not
    /// shown in vain costs less than one that should not have been.
    static func mayBeSecret(_ line: String) -> Bool {
        line.contains(begin)
            || line.utf8.split { !isDigit($0) }.contains { $0.count >= 60 && isMixed($0) }
    }

    private static let begin = "-----BEGIN"

    /// Whether it is base64 of DER, or of the beginning of it: a SEQUENCE of at least so many bytes as
    /// there are.
    private static func isDER(_ text: String) -> Bool {
        let digits = text.utf8.filter { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x3D }
        guard digits.count >= 60, digits.allSatisfy(isDigit) else { return false }
        let start = digits.prefix(8).reduce(UInt64(0)) { $0 << 6 | UInt64(value($1)) }
        let bytes = (0..<6).map { Int(start >> UInt64(40 - 8 * $0) & 0xFF) }
        guard bytes[0] == 0x30 else { return false }
        let count = digits.count * 3 / 4
        switch bytes[1] {
        case 0x81: return bytes[2] + 3 >= count
        case 0x82: return bytes[2] << 8 + bytes[3] + 4 >= count
        case let length: return length < 0x80 && length + 2 == count
        }
    }

    /// Capitals, small letters and decimal digits, as chance has them.
    private static func isMixed(_ word: Substring.UTF8View) -> Bool {
        word.contains { (0x41...0x5A).contains($0) } && word.contains { (0x61...0x7A).contains($0) }
            && word.contains(where: ASCII.isDigit)
    }

    /// One of base64 (RFC 4648 §4).
    private static func isDigit(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2B || byte == 0x2F
    }

    private static func value(_ digit: UInt8) -> UInt8 {
        switch digit {
        case 0x41...0x5A: digit - 0x41
        case 0x61...0x7A: digit - 0x61 + 26
        case 0x30...0x39: digit - 0x30 + 52
        default: digit == 0x2B ? 62 : 63
        }
    }
}
