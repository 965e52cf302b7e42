// The compiled patterns: one hash table from (node, segment) to node, in flat storage that is
// never changed again. A look-up hashes each segment of the path once; how many rules there are
// does not matter to it.

internal import HTTPSyntax

/// What stands at one node of the tree of patterns. Indices are -1 where there is nothing.
struct PatternNode: BitwiseCopyable {
    /// The child for any one non-empty segment.
    var parameter: Int32 = -1
    /// The entry of a pattern that ends here without a slash, with one, with the trailing form.
    var exact: Int32 = -1
    var slash: Int32 = -1
    var rest: Int32 = -1
    var hasLiterals = false
}

/// A pattern at its node.
struct PatternEntry: BitwiseCopyable {
    var rule: Int32
    /// Another entry that coincides with this one; -1 for none. Only where readings made them so.
    var next: Int32 = -1
    /// Bit n: segment n is a parameter.
    var parameters: UInt64
    /// Where the trailing form stands; the number of segments and more where there is none.
    var rest: UInt8

    /// Whether it matches a subset of what `other` does, among patterns that match one path.
    @inline(__always) func isWithin(_ other: PatternEntry) -> Bool {
        let compared: UInt64 = (1 &<< UInt64(other.rest)) &- 1
        return parameters & ~other.parameters & compared == 0 && rest >= other.rest
    }
}

/// A slot of the hash table; two to a cache line, so that most look-ups touch one line.
struct PatternSlot: BitwiseCopyable {
    /// 0 marks an empty slot.
    var hash: UInt32 = 0
    var node: Int32 = -1
    var child: Int32 = -1
    /// Bytes of the segment.
    var length: UInt32 = 0
    /// The segment as `SegmentKey` packs it, or its beginning and where its text stands.
    var first: UInt64 = 0
    var last: UInt64 = 0
}

/// The tables as flat memory; owned by the policy and freed with it.
struct PatternTable: Sendable {
    private let slots: FlatArray<PatternSlot>
    private let mask: Int
    private let nodes: FlatArray<PatternNode>
    private let entries: FlatArray<PatternEntry>
    /// How many entries, at the front, are those of the rules as written.
    private let ruleCount: Int32
    private let text: FlatArray<UInt8>

    /// Copies what the builder made. Every index in it is within its array, so that following
    /// them needs no check; the number of slots is a power of two and one at least is empty.
    init(_ builder: PatternTableBuilder) {
        slots = FlatArray(builder.slots)
        mask = builder.slots.count - 1
        nodes = FlatArray(builder.nodes)
        entries = FlatArray(builder.entries)
        ruleCount = Int32(builder.ruleCount)
        text = FlatArray(builder.text)
    }

    func deallocate() {
        slots.deallocate()
        nodes.deallocate()
        entries.deallocate()
        text.deallocate()
    }

    @inline(__always) func entry(_ index: Int32) -> PatternEntry { entries[built: Int(index)] }

    /// The rule of an entry; for most without a look at it, which with many rules would be one more
    /// line that is not in the cache.
    @inline(__always) func rule(of entry: Int32) -> Int32 {
        entry < ruleCount ? entry : entries[built: Int(entry)].rule
    }

    /// The child of `node` for a segment, or -1.
    @inline(__always) func child(of node: Int32, _ segment: ByteView) -> Int32 {
        let key = SegmentKey(segment, node: node)
        var index = Int(key.hash) & mask
        while true {
            // index is masked to the number of slots.
            let slot = slots[built: index]
            if slot.hash == 0 { return -1 }
            if slot.hash == key.hash, slot.node == node, Int(slot.length) == segment.count,
                slot.first == key.first, matches(slot, key, segment)
            {
                return slot.child
            }
            index = (index &+ 1) & mask
        }
    }

    @inline(__always) private func matches(
        _ slot: PatternSlot, _ key: SegmentKey, _ segment: ByteView
    ) -> Bool {
        if segment.count <= SegmentKey.packed { return slot.last == key.last }
        // The offset comes from the builder and the length is the segment's.
        return unsafe Self.equal(text.all.base + Int(slot.last), segment.base, segment.count)
    }

    @inline(__always) private static func equal(
        _ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int
    ) -> Bool {
        var index = 0
        while index &+ 8 <= count {
            let word = unsafe UnsafeRawPointer(left + index).loadUnaligned(as: UInt64.self)
            let other = unsafe UnsafeRawPointer(right + index).loadUnaligned(as: UInt64.self)
            if word != other { return false }
            index &+= 8
        }
        while index < count {
            if unsafe left[index] != right[index] { return false }
            index &+= 1
        }
        return true
    }

    /// The entry of the most specific pattern that matches `path` below `root`, or -1. The path
    /// begins with a slash. Literals are tried first, then `{name}`, then `{name...}`; as
    /// overlapping patterns are subsets of one another, the first match is the most specific.
    func match(_ path: ByteView, root: Int32) -> Int32 {
        root < 0 ? -1 : match(path, from: 1, at: root)
    }

    /// `start` is where the segment begins that `node`'s children are to match. The depth of the
    /// recursion is that of the tree, the number of calls is limited when the tree is built.
    private func match(_ path: ByteView, from start: Int, at index: Int32) -> Int32 {
        // Node indices come from the builder.
        let node = nodes[built: Int(index)]
        let end = Self.segmentEnd(path, from: start)
        if start == path.count { return Self.first(node.slash, node.exact, node.rest) }
        if node.hasLiterals {
            let child = child(of: index, path.slice(start, end &- start))
            if child >= 0 {
                let found = descend(path, past: end, to: child)
                if found >= 0 { return found }
            }
        }
        if node.parameter >= 0, end > start {
            let found = descend(path, past: end, to: node.parameter)
            if found >= 0 { return found }
        }
        return node.rest
    }

    @inline(__always) private func descend(
        _ path: ByteView, past end: Int, to child: Int32
    ) -> Int32 {
        if end < path.count { return match(path, from: end &+ 1, at: child) }
        let node = nodes[built: Int(child)]
        return Self.first(node.exact, node.slash, node.rest)
    }

    @inline(__always) private static func segmentEnd(_ path: ByteView, from start: Int) -> Int {
        var end = start
        // Within the view: eight bytes fit before path.count.
        while end &+ 8 <= path.count {
            let word = unsafe UnsafeRawPointer(path.base + end).loadUnaligned(as: UInt64.self)
            let other = UInt64(littleEndian: word) ^ 0x2f2f_2f2f_2f2f_2f2f
            // Exact up to the first slash, which is all that counts.
            let slashes = (other &- 0x0101_0101_0101_0101) & ~other & 0x8080_8080_8080_8080
            if slashes != 0 { return end &+ slashes.trailingZeroBitCount &>> 3 }
            end &+= 8
        }
        // Within the view: end < path.count.
        while end < path.count, unsafe path.base[end] != 0x2f { end &+= 1 }
        return end
    }

    @inline(__always) private static func first(_ a: Int32, _ b: Int32, _ c: Int32) -> Int32 {
        a >= 0 ? a : b >= 0 ? b : c
    }

    /// Every entry that matches `path` below `root`, of each node the most specific.
    func matches(_ path: ByteView, root: Int32, into found: inout [Int32]) {
        if root >= 0 { collect(path, from: 1, at: root, into: &found) }
    }

    private func collect(
        _ path: ByteView, from start: Int, at index: Int32, into found: inout [Int32]
    ) {
        let node = nodes[built: Int(index)]
        if start == path.count {
            append(Self.first(node.slash, node.exact, node.rest), to: &found)
            return
        }
        let end = Self.segmentEnd(path, from: start)
        let literal = child(of: index, path.slice(start, end - start))
        if literal >= 0 { collect(path, past: end, to: literal, into: &found) }
        if node.parameter >= 0, end > start {
            collect(path, past: end, to: node.parameter, into: &found)
        }
        append(node.rest, to: &found)
    }

    private func collect(
        _ path: ByteView, past end: Int, to child: Int32, into found: inout [Int32]
    ) {
        guard end == path.count else {
            collect(path, from: end + 1, at: child, into: &found)
            return
        }
        let node = nodes[built: Int(child)]
        append(Self.first(node.exact, node.slash, node.rest), to: &found)
    }

    private func append(_ entry: Int32, to found: inout [Int32]) {
        var index = entry
        while index >= 0 {
            found.append(index)
            index = entries[built: Int(index)].next
        }
    }
}
