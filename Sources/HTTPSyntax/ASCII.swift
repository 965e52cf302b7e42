// Octet classes of RFC 9110 and RFC 5234 that more than one grammar here asks for.

/// Single-octet tests, without locale and without tables.
@usableFromInline package enum ASCII {
    @inlinable package static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// SP / HTAB.
    @inlinable package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// VCHAR.
    @inlinable package static func isVisible(_ byte: UInt8) -> Bool { byte &- 0x21 < 94 }

    /// DIGIT.
    @inlinable package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// ALPHA.
    @inlinable package static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// The value of a hexadecimal digit, or nil.
    @inlinable package static func hexValue(_ byte: UInt8) -> UInt8? {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }
}
