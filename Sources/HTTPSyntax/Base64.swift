// Base64 (RFC 4648 §4), as far as HTTP's fields need it: encoding a few bytes.

extension ByteBuffer {
    /// Appends `bytes` in base64, padded.
    package mutating func append(base64 bytes: ByteView) {
        let digits = ByteView("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var index = 0
        while index < bytes.count {
            let count = Swift.min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0)
            }
            for digit in 0..<4 {
                let value = Int(group >> UInt32(18 - 6 * digit)) & 63
                append(byte: digit <= count ? digits[value] : UInt8(ascii: "="))
            }
            index += 3
        }
    }
}
