// Eight bytes at a time as an integer, whose lowest byte is the first in memory, where a test needs
// to know what stands next to what. Every load is checked against the end of the bytes: nothing is
// read beyond a view's count.

/// Tests on all eight bytes of a word at once. The answer has the high bit of each byte set that
/// matches.
enum Word {
    static var ones: UInt64 { 0x0101_0101_0101_0101 }
    static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// `byte` in every place.
    @inline(__always) static func repeating(_ byte: UInt8) -> UInt64 { ones &* UInt64(byte) }

    /// Everything but letters, digits, `-` and `.`; exact.
    @inline(__always) static func unusualInHost(_ word: UInt64) -> UInt64 {
        let low = word & ~highs
        let folded = low | repeating(0x20)
        let isLetter = (folded &+ repeating(0x80 - 0x61)) & ~(folded &+ repeating(0x80 - 0x7b))
        // From `-` to `9`, less the `/` among them.
        let isDigit = (low &+ repeating(0x80 - 0x2d)) & ~(low &+ repeating(0x80 - 0x3a))
        let isSlash = ~((low ^ repeating(0x2f)) &+ ~highs)
        return (~(isLetter | (isDigit & ~isSlash)) | word) & highs
    }

    /// The dots; exact.
    @inline(__always) static func dots(_ word: UInt64) -> UInt64 {
        let other = word ^ repeating(0x2e)
        return ~(((other & ~highs) &+ ~highs) | other) & highs
    }

    /// Which byte the lowest set bit belongs to.
    @inline(__always) static func index(_ mask: UInt64) -> Int {
        mask.trailingZeroBitCount &>> 3
    }

    /// Eight bytes from `offset` on. The caller has made sure that they are there.
    @inline(__always) static func load(_ base: UnsafePointer<UInt8>, _ offset: Int) -> UInt64 {
        UInt64(
            littleEndian: unsafe UnsafeRawPointer(base)
                .loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The one to seven bytes from `offset` to `end`, filled up with bytes that nothing marks.
    @inline(__always) static func last(
        _ base: UnsafePointer<UInt8>, _ offset: Int, _ end: Int
    ) -> UInt64 {
        let filler: UInt64 = 0x7878_7878_7878_7878
        let bits = UInt64(truncatingIfNeeded: end &- offset) &* 8
        if end >= 8 {
            // The last eight bytes; those before `offset` are shifted out.
            return unsafe load(base, end &- 8) &>> (64 &- bits) | filler &<< bits
        }
        var word = filler &<< bits
        var index = offset
        while index < end {
            word |=
                unsafe UInt64(base[index]) &<< UInt64(truncatingIfNeeded: (index &- offset) &* 8)
            index &+= 1
        }
        return word
    }
}
