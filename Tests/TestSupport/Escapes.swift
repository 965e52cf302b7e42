// Bytes as text one can read and write in a file, every byte of a line explicit.

public enum Escapes {
    public struct BadEscape: Error, CustomStringConvertible {
        public let description: String
    }

    /// Reads `\r \n \t \0 \\ \xHH` and `\{COUNT*TEXT}`, the text COUNT times.
    public static func unescape(_ text: some StringProtocol) throws(BadEscape) -> Bytes {
        var bytes: Bytes = []
        var rest = Substring(text)
        while let character = rest.popFirst() {
            guard character == "\\" else {
                bytes += Bytes(String(character).utf8)
                continue
            }
            switch rest.popFirst() {
            case "r": bytes.append(0x0D)
            case "n": bytes.append(0x0A)
            case "t": bytes.append(0x09)
            case "0": bytes.append(0)
            case "\\": bytes.append(0x5C)
            case "x":
                guard let byte = UInt8(rest.prefix(2), radix: 16) else {
                    throw BadEscape(description: "\\x\(rest.prefix(2))")
                }
                bytes.append(byte)
                rest = rest.dropFirst(2)
            case "{":
                guard let star = rest.firstIndex(of: "*"), let count = Int(rest[..<star]),
                    let end = rest.firstIndex(of: "}"), star < end
                else { throw BadEscape(description: "\\{\(rest.prefix(20))") }
                let part = try unescape(rest[rest.index(after: star)..<end])
                for _ in 0..<count { bytes += part }
                rest = rest[rest.index(after: end)...]
            case let other:
                throw BadEscape(description: "\\\(other.map(String.init) ?? "at the end")")
            }
        }
        return bytes
    }

    /// The bytes as text with escapes, a line break after each `\n`.
    public static func escape(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            switch byte {
            case 0x0D: text += "\\r"
            case 0x0A: text += "\\n\n"
            case 0x09: text += "\\t"
            case 0x5C: text += "\\\\"
            case 0x20..<0x7F: text.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
            }
        }
        return text
    }
}
