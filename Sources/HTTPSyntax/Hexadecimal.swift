// Numbers as hexadecimal text, a word at a time: digests and event ids are written per record.

extension MutableByteView {
    /// Writes the 16 lower-case digits of `value`, the most significant first.
    package func writeHex(bigEndian value: UInt64, at offset: Int) {
        writeHex(bigEndian: UInt32(truncatingIfNeeded: value >> 32), at: offset)
        writeHex(bigEndian: UInt32(truncatingIfNeeded: value), at: offset + 8)
    }

    /// Writes the 8 lower-case digits of `value`, the most significant first.
    package func writeHex(bigEndian value: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset <= count - 8, "write out of bounds")
        // One nibble a byte: halves move apart, then bytes, then nibbles.
        var nibbles = UInt64(value)
        nibbles = (nibbles | nibbles &<< 16) & 0x0000_ffff_0000_ffff
        nibbles = (nibbles | nibbles &<< 8) & 0x00ff_00ff_00ff_00ff
        nibbles = (nibbles | nibbles &<< 4) & 0x0f0f_0f0f_0f0f_0f0f
        // 1 in each byte that holds 10 to 15, which become letters.
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) &>> 4) & 0x0101_0101_0101_0101
        let digits = nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
        unsafe UnsafeMutableRawPointer(base + offset)
            .storeBytes(of: digits.bigEndian, as: UInt64.self)
    }
}

extension ByteBuffer {
    /// In lower-case hexadecimal digits, no more than needed.
    package mutating func append(hexadecimal value: UInt64) {
        var shift = max(0, 60 - value.leadingZeroBitCount & ~3)
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: value &>> UInt64(shift) & 15)
            append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
            shift -= 4
        }
    }
}
