// The inner loops: eight or sixteen bytes at a time as integers, because the optimiser turns
// vector comparisons with a mask into scalar code. A word's lowest byte is the first in memory.
// Every load is checked against the end of the bytes: nothing is read beyond a view's count.

/// Tests on all eight bytes of a word at once. The answer has the high bit of each byte set that
/// matches; where noted only the lowest such bit is exact, which is the one that is asked for.
enum Word {
    static var ones: UInt64 { 0x0101_0101_0101_0101 }
    static var highs: UInt64 { 0x8080_8080_8080_8080 }

    /// `byte` in every place.
    @inline(__always) static func repeating(_ byte: UInt8) -> UInt64 { ones &* UInt64(byte) }

    /// Bytes below `bound`, which is at most 0x80; the lowest is exact.
    @inline(__always) static func below(_ bound: UInt8, _ word: UInt64) -> UInt64 {
        (word &- repeating(bound)) & ~word & highs
    }

    /// Bytes equal to `byte`; the lowest is exact.
    @inline(__always) static func equal(_ byte: UInt8, _ word: UInt64) -> UInt64 {
        below(1, word ^ repeating(byte))
    }

    /// Control bytes: below 0x20, and 0x7f; the lowest is exact.
    @inline(__always) static func controls(_ word: UInt64) -> UInt64 {
        below(0x20, word) | equal(0x7f, word)
    }

    /// What may not stand in a request target: controls, space and `#`; the lowest is exact.
    @inline(__always) static func endsOfTarget(_ word: UInt64) -> UInt64 {
        below(0x21, word) | equal(0x7f, word) | equal(0x23, word)
    }

    /// What ends a path: the same and `?`; the lowest is exact.
    @inline(__always) static func endsOfPath(_ word: UInt64) -> UInt64 {
        endsOfTarget(word) | equal(0x3f, word)
    }

    /// Everything but letters and `-`, of which most field names are made; exact.
    @inline(__always) static func unusualInName(_ word: UInt64) -> UInt64 {
        // With the case bit set and the high bit cleared no addition carries into the next byte.
        let letter = (word | repeating(0x20)) & ~highs
        let isLetter = (letter &+ repeating(0x80 - 0x61)) & ~(letter &+ repeating(0x80 - 0x7b))
        let difference = word ^ repeating(0x2d)
        let isDash = ~(((difference & ~highs) &+ ~highs) | difference)
        return (~(isLetter | isDash) | word) & highs
    }

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

/// Searches over a stretch of bytes.
enum ByteScan {
    /// The first offset in `start..<end` whose byte `word` marks, else `end`.
    ///
    /// `end` must not exceed what `base` points at; no byte at or after it is read.
    @inline(__always) static func first(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, _ word: (UInt64) -> UInt64
    ) -> Int {
        var offset = start
        while offset &+ 16 <= end {
            // Both loads end at offset + 16, which is not beyond the end.
            let low = word(unsafe Word.load(base, offset))
            let high = word(unsafe Word.load(base, offset &+ 8))
            if low != 0 { return offset &+ Word.index(low) }
            if high != 0 { return offset &+ 8 &+ Word.index(high) }
            offset &+= 16
        }
        if offset &+ 8 <= end {
            // The load ends at offset + 8, which is not beyond the end.
            let found = word(unsafe Word.load(base, offset))
            if found != 0 { return offset &+ Word.index(found) }
            offset &+= 8
        }
        guard offset < end else { return end }
        let found = word(unsafe Word.last(base, offset, end))
        return found != 0 ? offset &+ Word.index(found) : end
    }
}
