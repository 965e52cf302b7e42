internal import CVector

// The inner loops: sixteen bytes at a time. Every load is checked against the end of the bytes:
// nothing is read beyond a view's count, or before it begins.

/// Searches over a stretch of bytes.
enum ByteScan {
    /// A bit for each of the sixteen bytes that are looked for.
    typealias Test = (UnsafePointer<UInt8>) -> UInt32

    /// Control bytes: below 0x20, and 0x7f.
    @inline(__always) static func controls(_ bytes: UnsafePointer<UInt8>) -> UInt32 {
        unsafe methodgate_find_controls(bytes)
    }

    /// What may not stand in a request target: controls, space and `#`.
    @inline(__always) static func endsOfTarget(_ bytes: UnsafePointer<UInt8>) -> UInt32 {
        unsafe methodgate_find_ends_of_target(bytes)
    }

    /// What ends a path: the same and `?`.
    @inline(__always) static func endsOfPath(_ bytes: UnsafePointer<UInt8>) -> UInt32 {
        unsafe methodgate_find_ends_of_path(bytes)
    }

    /// Everything but letters and `-`, of which most field names are made.
    @inline(__always) static func unusualInName(_ bytes: UnsafePointer<UInt8>) -> UInt32 {
        unsafe methodgate_find_unusual_in_name(bytes)
    }

    /// That byte.
    @inline(__always) static func equal(_ byte: UInt8, _ bytes: UnsafePointer<UInt8>) -> UInt32 {
        unsafe methodgate_find_equal(bytes, byte)
    }

    /// The first offset in `start..<end` whose byte `test` finds, else `end`.
    ///
    /// `end` must not exceed what `base` points at; no byte at or after it is read.
    @inline(__always) static func first(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, _ test: Test
    ) -> Int {
        var offset = start
        while offset &+ 16 <= end {
            // The load ends at offset + 16, which is not beyond the end.
            let found = unsafe test(base + offset)
            if found != 0 { return offset &+ found.trailingZeroBitCount }
            offset &+= 16
        }
        guard offset < end else { return end }
        let found = unsafe last(base, offset, end, test)
        return found != 0 ? offset &+ found.trailingZeroBitCount : end
    }

    /// The test on the one to fifteen bytes from `offset` to `end`.
    @inline(__always) private static func last(
        _ base: UnsafePointer<UInt8>, _ offset: Int, _ end: Int, _ test: Test
    ) -> UInt32 {
        if end >= 16 {
            // The last sixteen bytes; those before `offset` are shifted out.
            let found = unsafe test(base + (end &- 16))
            return found &>> UInt32(truncatingIfNeeded: 16 &- (end &- offset))
        }
        return unsafe short(base, offset, end, test)
    }

    /// The same where there are not as many: filled up with a letter, which none looks for.
    private static func short(
        _ base: UnsafePointer<UInt8>, _ offset: Int, _ end: Int, _ test: Test
    ) -> UInt32 {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { bytes in
            guard let copy = bytes.baseAddress else { return 0 }
            unsafe bytes.initialize(repeating: 0x78)
            unsafe copy.update(from: base + offset, count: end &- offset)
            return unsafe test(copy)
        }
    }
}
