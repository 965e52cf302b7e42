// Finds patterns that share paths without one being the subset of the other, for which no order
// would be right. The tree is walked in pairs of nodes that one path can reach both, which
// starts only where a literal has `{name}` for a sibling: cost follows what really overlaps, not
// the number of pairs of rules.

internal import HTTPSyntax

/// Two patterns, by their rules, that overlap without being comparable.
struct PatternOverlap: Equatable {
    var rule: Int32
    var other: Int32
    /// Whether they share only the path before the trailing form, so that a rule for that path
    /// alone would decide.
    var isBareOnly = false
}

/// Walks one scope's tree.
struct PatternOverlapFinder {
    /// As many are reported of one scope.
    static let maximumReported = 20
    /// Pairs of nodes that are looked at; a limit for rules entangled beyond any sense.
    static let maximumSteps = 3_000_000

    private let tree: PatternTableBuilder
    private(set) var overlaps: [PatternOverlap] = []
    private(set) var isExhausted = false
    private var steps = 0

    init(_ tree: PatternTableBuilder, root: Int32) {
        self.tree = tree
        visit(root)
    }

    private var isDone: Bool { overlaps.count >= Self.maximumReported || isExhausted }

    private func node(_ index: Int32) -> PatternNode { tree.nodes[Int(index)] }

    private mutating func visit(_ index: Int32) {
        guard !isDone else { return }
        let parameter = node(index).parameter
        var child = tree.families[Int(index)].firstChild
        while child >= 0 {
            if parameter >= 0 { compare(child, parameter, otherIsNarrower: false) }
            visit(child)
            child = tree.families[Int(child)].nextSibling
        }
        if parameter >= 0 { visit(parameter) }
    }

    /// Looks at what ends at or below two nodes that some path reaches both. The first has been
    /// the more specific one at some segment; `otherIsNarrower` where the second has too.
    private mutating func compare(_ left: Int32, _ right: Int32, otherIsNarrower: Bool) {
        steps += 1
        if steps > Self.maximumSteps { isExhausted = true }
        guard !isDone else { return }
        let one = node(left)
        let two = node(right)
        compareEnds(one, two, otherIsNarrower: otherIsNarrower)
        if otherIsNarrower, two.rest >= 0, let below = anyBelow(left) { report(below, two.rest) }
        if one.rest >= 0, let below = anyBelow(right) { report(one.rest, below) }
        compareChildren(left, right, otherIsNarrower: otherIsNarrower)
    }

    private mutating func compareEnds(
        _ one: PatternNode, _ two: PatternNode, otherIsNarrower: Bool
    ) {
        let oneEnd = one.exact >= 0 ? one.exact : one.slash
        let twoEnd = two.exact >= 0 ? two.exact : two.slash
        if otherIsNarrower {
            let first = oneEnd >= 0 ? oneEnd : one.rest
            let second = twoEnd >= 0 ? twoEnd : two.rest
            if first >= 0, second >= 0 { report(first, second) }
        } else if oneEnd < 0, one.rest >= 0, twoEnd >= 0 {
            report(one.rest, twoEnd, isBareOnly: true)
        }
    }

    private mutating func compareChildren(_ left: Int32, _ right: Int32, otherIsNarrower: Bool) {
        let one = node(left)
        let two = node(right)
        if one.parameter >= 0, two.parameter >= 0 {
            compare(one.parameter, two.parameter, otherIsNarrower: otherIsNarrower)
        }
        if two.parameter >= 0 {
            forEachLiteral(of: left) { finder, child in
                finder.compare(child, two.parameter, otherIsNarrower: otherIsNarrower)
            }
        }
        if one.parameter >= 0 {
            forEachLiteral(of: right) { finder, child in
                finder.compare(one.parameter, child, otherIsNarrower: true)
            }
        }
        let leftIsSmaller =
            tree.families[Int(left)].childCount <= tree.families[Int(right)].childCount
        let (fewer, more) = leftIsSmaller ? (left, right) : (right, left)
        forEachLiteral(of: fewer) { finder, child in
            let twin = finder.tree.child(of: more, like: child)
            guard twin >= 0 else { return }
            finder.compare(
                leftIsSmaller ? child : twin, leftIsSmaller ? twin : child,
                otherIsNarrower: otherIsNarrower)
        }
    }

    private mutating func forEachLiteral(
        of node: Int32, _ body: (inout PatternOverlapFinder, Int32) -> Void
    ) {
        var child = tree.families[Int(node)].firstChild
        while child >= 0, !isDone {
            body(&self, child)
            child = tree.families[Int(child)].nextSibling
        }
    }

    /// Some entry strictly below a node.
    private func anyBelow(_ index: Int32) -> Int32? {
        let child = node(index).parameter
        if child >= 0 { return anyAt(child) }
        let literal = tree.families[Int(index)].firstChild
        return literal >= 0 ? anyAt(literal) : nil
    }

    /// Some entry at a node or below; every node leads to one.
    private func anyAt(_ index: Int32) -> Int32? {
        let found = node(index)
        for entry in [found.exact, found.slash, found.rest] where entry >= 0 { return entry }
        return anyBelow(index)
    }

    private mutating func report(_ entry: Int32, _ other: Int32, isBareOnly: Bool = false) {
        let overlap = PatternOverlap(
            rule: tree.entries[Int(entry)].rule, other: tree.entries[Int(other)].rule,
            isBareOnly: isBareOnly)
        let isKnown = overlaps.contains {
            ($0.rule, $0.other) == (overlap.rule, overlap.other)
                || ($0.rule, $0.other) == (overlap.other, overlap.rule)
        }
        if !isKnown && !isDone { overlaps.append(overlap) }
    }
}

extension PatternTableBuilder {
    /// The most calls that matching one path below `root` can take. Patterns that pile up
    /// literals and parameters at many depths make a path branch at each.
    func matchingCost(root: Int32) -> Int {
        let node = nodes[Int(root)]
        var deepest = 0
        var child = families[Int(root)].firstChild
        while child >= 0 {
            deepest = max(deepest, matchingCost(root: child))
            child = families[Int(child)].nextSibling
        }
        return 1 + deepest + (node.parameter >= 0 ? matchingCost(root: node.parameter) : 0)
    }
}
