// What a segment is looked up by: a hash, and the segment itself where it fits into two words, so
// that comparing needs no second place in memory.

internal import HTTPSyntax

/// A segment under a node. The hash need not resist chosen keys: the table is filled from the
/// configuration, and a request only looks up.
struct SegmentKey: BitwiseCopyable {
    /// Segments up to this many bytes are told apart by their words alone.
    static let packed = 16

    /// Never 0.
    let hash: UInt32
    /// The first and the last eight bytes; all of a shorter segment is in `first`.
    let first: UInt64
    let last: UInt64

    @inline(__always) init(_ segment: ByteView, node: Int32) {
        (first, last) = Self.words(segment)
        let seed =
            UInt64(truncatingIfNeeded: node) &* 0x9e37_79b9_7f4a_7c15
            ^ UInt64(truncatingIfNeeded: segment.count)
        var hash = Self.mix(seed ^ first)
        if segment.count > 8 { hash = Self.mix(hash ^ last) }
        if segment.count > Self.packed { hash = Self.middle(of: segment, hash) }
        self.hash = UInt32(truncatingIfNeeded: hash) | 1 &<< 31
    }

    /// Every load lies within the view's count, by the branch that it stands in.
    @inline(__always) private static func words(_ segment: ByteView) -> (UInt64, UInt64) {
        let count = segment.count
        let base = unsafe UnsafeRawPointer(segment.base)
        if count >= 8 {
            return unsafe (
                base.loadUnaligned(as: UInt64.self),
                base.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            )
        }
        if count >= 4 {
            let low = unsafe base.loadUnaligned(as: UInt32.self)
            let high = unsafe base.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            return (UInt64(low) | UInt64(high) &<< 32, 0)
        }
        guard count > 0 else { return (0, 0) }
        let bytes = unsafe (
            segment.base[0], segment.base[count &>> 1], segment.base[count &- 1]
        )
        return (UInt64(bytes.0) | UInt64(bytes.1) &<< 8 | UInt64(bytes.2) &<< 16, 0)
    }

    /// What stands between the first and the last eight bytes.
    @inline(never) private static func middle(of segment: ByteView, _ hash: UInt64) -> UInt64 {
        var hash = hash
        var index = 8
        while index &+ 8 < segment.count {
            // The load ends before the count.
            let word = unsafe UnsafeRawPointer(segment.base)
                .loadUnaligned(fromByteOffset: index, as: UInt64.self)
            hash = mix(hash ^ word)
            index &+= 8
        }
        return hash
    }

    @inline(__always) private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        return product.low ^ product.high
    }
}

extension PatternSlot {
    /// A slot for a segment whose text stands at `offset`.
    init(_ segment: ByteView, node: Int32, child: Int32, offset: Int) {
        let key = SegmentKey(segment, node: node)
        hash = key.hash
        self.node = node
        self.child = child
        length = UInt32(segment.count)
        first = key.first
        last = segment.count <= SegmentKey.packed ? key.last : UInt64(offset)
    }
}
