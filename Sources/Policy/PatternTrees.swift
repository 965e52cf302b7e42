// The trees of all scopes in one table: first with every pattern as written, which shows what is
// wrong; then, where readings change some literals, with those patterns in trees of their own.

internal import HTTPSyntax

/// Rules are numbered through all scopes, in the order in which they are handed in.
struct PatternTrees {
    /// What matching one path may cost, in nodes.
    static let maximumMatchingCost = 4096
    /// Segments a pattern may have in any view: their kinds are bits of a word.
    private static let maximumDepth = 62

    private let scopes: [[[UInt8]]]
    private(set) var table: PatternTableBuilder
    private let ruleCount: Int
    private(set) var views = PatternViews(of: [])
    private(set) var viewRoots: [Int32] = []
    /// For each scope pairs of rules, numbered within it, with the same pattern.
    private(set) var duplicates: [[(later: Int, earlier: Int)]] = []
    private(set) var isTooDeep = false
    private var roots: [Int32] = []
    private var firstRules: [Int32] = []
    private var scopesWithViews: Set<Int> = []

    init(_ scopes: [[[UInt8]]]) {
        self.scopes = scopes
        ruleCount = scopes.reduce(0) { $0 + $1.count }
        table = PatternTableBuilder(ruleCount: ruleCount)
        var first: Int32 = 0
        for patterns in scopes {
            roots.append(table.addRoot())
            firstRules.append(first)
            duplicates.append([])
            for (index, pattern) in patterns.enumerated() {
                let known = pattern.withView {
                    table.add($0, rule: first + Int32(index), root: roots[roots.count - 1])
                }
                if let known {
                    let earlier = Int(table.entries[Int(known)].rule - first)
                    duplicates[duplicates.count - 1].append((index, earlier))
                }
            }
            first += Int32(patterns.count)
        }
    }

    /// Overlaps within a scope, with rules numbered within it.
    func overlaps(of scope: Int) -> (overlaps: [PatternOverlap], isExhausted: Bool) {
        let finder = PatternOverlapFinder(table, root: roots[scope])
        let first = firstRules[scope]
        let overlaps = finder.overlaps.map {
            PatternOverlap(
                rule: $0.rule - first, other: $0.other - first, isBareOnly: $0.isBareOnly)
        }
        return (overlaps, finder.isExhausted)
    }

    func matchingCost(of scope: Int) -> Int { table.matchingCost(root: roots[scope]) }

    func record(of scope: Int, defaultRule: Int32) -> ScopeRecord {
        ScopeRecord(
            root: roots[scope], hasViews: scopesWithViews.contains(scope), defaultRule: defaultRule)
    }

    /// Finds the views, and builds the table anew where there are several.
    mutating func buildViews() {
        views = PatternViews(of: Array(scopes.joined()))
        guard !views.changeable.isEmpty, !views.isExhausted else { return }
        let changeable = Set(views.changeable)
        table = PatternTableBuilder(ruleCount: ruleCount)
        for (scope, patterns) in scopes.enumerated() {
            roots[scope] = table.addRoot()
            for (index, pattern) in patterns.enumerated() {
                let rule = Int(firstRules[scope]) + index
                if changeable.contains(rule) {
                    scopesWithViews.insert(scope)
                } else {
                    add(pattern, rule: rule, root: roots[scope])
                }
            }
        }
        for scope in scopes.indices {
            for view in 0..<views.count { addView(view, of: scope) }
        }
    }

    private mutating func addView(_ view: Int, of scope: Int) {
        guard scopesWithViews.contains(scope) else {
            viewRoots.append(-1)
            return
        }
        let root = table.addRoot()
        viewRoots.append(root)
        let first = Int(firstRules[scope])
        for (index, rule) in views.changeable.enumerated()
        where (first..<first + scopes[scope].count).contains(rule) {
            add(views.spellings[view][index], rule: rule, root: root, isView: true)
        }
    }

    private mutating func add(
        _ spelling: [UInt8], rule: Int, root: Int32, isView: Bool = false
    ) {
        if spelling.count(where: { $0 == 0x2f }) > Self.maximumDepth {
            isTooDeep = true
        } else {
            _ = spelling.withView {
                table.add($0, rule: Int32(rule), root: root, isView: isView)
            }
        }
    }
}
