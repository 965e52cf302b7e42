// Finding a byte among many, eight at a time: of content nearly everything is passed over.

internal import HTTPSyntax

enum ByteSearch {
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// The high bit of the lowest byte that equals `byte`; higher ones may be wrong.
    @inline(__always) private static func equal(_ byte: UInt8, _ word: UInt64) -> UInt64 {
        let difference = word ^ (ones &* UInt64(byte))
        return (difference &- ones) & ~difference & highs
    }

    /// Where one of two bytes first stands at or after `start`, else the count.
    @inline(__always) static func first(
        of one: UInt8, or other: UInt8, in bytes: ByteView, from start: Int
    ) -> Int {
        precondition(start >= 0 && start <= bytes.count, "search begins outside")
        var offset = start
        let base = unsafe UnsafeRawPointer(bytes.base)
        while offset &+ 8 <= bytes.count {
            // The load ends at offset + 8, which is not beyond the end.
            let word = UInt64(
                littleEndian: unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let found = equal(one, word) | equal(other, word)
            if found != 0 { return offset &+ found.trailingZeroBitCount &>> 3 }
            offset &+= 8
        }
        while offset < bytes.count, bytes[offset] != one, bytes[offset] != other { offset &+= 1 }
        return offset
    }
}
