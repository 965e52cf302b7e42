// Builds the table of patterns, and keeps beside it what only the building needs: who the
// children of a node are, so that overlaps can be found.

internal import HTTPSyntax

/// The tree of patterns as it grows.
struct PatternTableBuilder {
    private(set) var slots = [PatternSlot](repeating: PatternSlot(), count: 64)
    private(set) var nodes: [PatternNode] = []
    private(set) var entries: [PatternEntry] = []
    private(set) var text: [UInt8] = []
    private var used = 0

    /// A literal child of a node, linked to its siblings.
    struct Family: BitwiseCopyable {
        var firstChild: Int32 = -1
        var nextSibling: Int32 = -1
        var childCount: Int32 = 0
        /// The segment under which this node hangs.
        var offset: UInt32 = 0
        var length: UInt32 = 0
    }
    private(set) var families: [Family] = []

    let ruleCount: Int

    /// The first `ruleCount` entries are those of the rules as written, in the rules' order.
    init(ruleCount: Int) {
        self.ruleCount = ruleCount
        entries = (0..<ruleCount).map {
            PatternEntry(rule: Int32($0), parameters: 0, rest: UInt8(PatternEntry.noRest))
        }
    }

    /// A new tree in the same table.
    mutating func addRoot() -> Int32 { addNode() }

    private mutating func addNode() -> Int32 {
        nodes.append(PatternNode())
        families.append(Family())
        return Int32(nodes.count - 1)
    }

    /// Adds a pattern in the spelling of `PathPattern`. Returns the entry that it coincides with,
    /// if there is one; the new entry is then linked behind that.
    ///
    /// - Parameter isView: it is the spelling of a view: the rule may have others.
    mutating func add(
        _ spelling: ByteView, rule: Int32, root: Int32, isView: Bool = false
    ) -> Int32? {
        var node = root
        var entry = PatternEntry(rule: rule, parameters: 0, rest: UInt8(PatternEntry.noRest))
        var start = 1
        var depth = 0
        while start < spelling.count {
            let end = spelling.firstIndex(of: 0x2f, from: start) ?? spelling.count
            let segment = spelling.slice(start, end - start)
            if end == spelling.count, segment.count == 2, segment[0] == PathPattern.parameter {
                entry.rest = UInt8(depth)
                return place(entry, \.rest, at: node, isView)
            }
            if segment.count == 1, segment[0] == PathPattern.parameter {
                entry.parameters |= 1 << UInt64(depth)
                node = parameterChild(of: node)
            } else {
                node = literalChild(of: node, segment)
            }
            if end == spelling.count { return place(entry, \.exact, at: node, isView) }
            start = end + 1
            depth += 1
        }
        return place(entry, \.slash, at: node, isView)
    }

    private mutating func place(
        _ entry: PatternEntry, _ place: WritableKeyPath<PatternNode, Int32>, at node: Int32,
        _ isView: Bool
    ) -> Int32? {
        let known = nodes[Int(node)][keyPath: place]
        let index = isView ? Int32(entries.count) : entry.rule
        if isView { entries.append(entry) } else { entries[Int(index)] = entry }
        if known >= 0 {
            entries[Int(index)].next = entries[Int(known)].next
            entries[Int(known)].next = index
            return known
        }
        nodes[Int(node)][keyPath: place] = index
        return nil
    }

    private mutating func parameterChild(of node: Int32) -> Int32 {
        if nodes[Int(node)].parameter < 0 {
            let child = addNode()
            nodes[Int(node)].parameter = child
        }
        return nodes[Int(node)].parameter
    }

    private mutating func literalChild(of node: Int32, _ segment: ByteView) -> Int32 {
        let child = child(of: node, segment)
        return child >= 0 ? child : addLiteral(segment, to: node)
    }

    /// The same look-up as the finished table's.
    func child(of node: Int32, _ segment: ByteView) -> Int32 {
        let key = SegmentKey(segment, node: node)
        var index = Int(key.hash) & (slots.count - 1)
        while slots[index].hash != 0 {
            let slot = slots[index]
            if slot.hash == key.hash, slot.node == node, Int(slot.length) == segment.count,
                slot.first == key.first, matches(slot, key, segment)
            {
                return slot.child
            }
            index = (index + 1) & (slots.count - 1)
        }
        return -1
    }

    private func matches(_ slot: PatternSlot, _ key: SegmentKey, _ segment: ByteView) -> Bool {
        if segment.count <= SegmentKey.packed { return slot.last == key.last }
        return text.withView {
            $0.slice(Int(slot.last), Int(slot.length)).equals(segment)
        }
    }

    /// The child of `node` for the segment under which `other` hangs.
    func child(of node: Int32, like other: Int32) -> Int32 {
        let family = families[Int(other)]
        return text.withView {
            child(of: node, $0.slice(Int(family.offset), Int(family.length)))
        }
    }

    private mutating func addLiteral(_ segment: ByteView, to node: Int32) -> Int32 {
        let child = addNode()
        families[Int(child)].offset = UInt32(text.count)
        families[Int(child)].length = UInt32(segment.count)
        text.append(contentsOf: segment.bytes)
        families[Int(child)].nextSibling = families[Int(node)].firstChild
        families[Int(node)].firstChild = child
        families[Int(node)].childCount += 1
        nodes[Int(node)].hasLiterals = true
        let offset = Int(families[Int(child)].offset)
        insert(PatternSlot(segment, node: node, child: child, offset: offset))
        return child
    }

    /// Puts any text under a number of the caller's; for host names, with negative numbers.
    mutating func insert(key: ByteView, under node: Int32, value: Int32) {
        let offset = text.count
        text.append(contentsOf: key.bytes)
        insert(PatternSlot(key, node: node, child: value, offset: offset))
    }

    private mutating func insert(_ slot: PatternSlot) {
        used += 1
        if used * 2 > slots.count { grow() }
        put(slot)
    }

    private mutating func put(_ slot: PatternSlot) {
        var index = Int(slot.hash) & (slots.count - 1)
        while slots[index].hash != 0 { index = (index + 1) & (slots.count - 1) }
        slots[index] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = [PatternSlot](repeating: PatternSlot(), count: old.count * 2)
        for slot in old where slot.hash != 0 { put(slot) }
    }
}

extension PatternEntry {
    /// The place of the trailing form where there is none: after every segment.
    static let noRest = 63
}
