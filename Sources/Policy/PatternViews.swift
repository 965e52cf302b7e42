// The states that patterns take on as a backend's steps change their literals. Where no literal
// of any pattern is changed by any step, as is usual, there is one state and nothing to do.
// Otherwise the closure over all steps is taken of all changeable patterns together: a reading
// is judged against patterns that have gone the same way.

internal import HTTPSyntax

/// The views of a policy's patterns; view 0 holds them as written.
struct PatternViews {
    static let maximumCount = 64

    /// Of `patterns` those, by index, that some step changes.
    private(set) var changeable: [Int] = []
    /// For each view the spellings of the changeable patterns; one empty view without any.
    private(set) var spellings: [[[UInt8]]] = []
    /// For each view, `PathStep.count` apart, the view to which each step leads.
    private(set) var transitions: [UInt8] = []
    /// For each level the views that a path may meet which no step changes, as bits.
    private(set) var reachable: [UInt64] = [1, 1, 1]
    /// The views that a path meets of which only upper case is remarkable: as it is, and folded.
    private(set) var unfolded: UInt64 = 1
    private(set) var folded: UInt64 = 1
    /// Whether there would be more views than allowed.
    private(set) var isExhausted = false

    var count: Int { max(spellings.count, 1) }

    init(of patterns: [[UInt8]]) {
        for (index, pattern) in patterns.enumerated() where Self.isChangeable(pattern) {
            changeable.append(index)
        }
        guard !changeable.isEmpty else { return }
        spellings = [changeable.map { patterns[$0] }]
        var view = 0
        while view < spellings.count {
            let marks = spellings[view].reduce(into: PathMarks()) { marks, spelling in
                marks.formUnion(spelling.withView { PathMarks(of: $0) })
            }
            for step in PathStep.allCases {
                if step.mayChange(marks) {
                    follow(step, from: view)
                } else {
                    transitions.append(UInt8(view))
                }
            }
            if isExhausted { return }
            view += 1
        }
        reachable[1] = closure(of: PathStep.steps(at: .standard), from: 1)
        reachable[2] = closure(of: PathStep.allCases, from: 1)
        unfolded = closure(of: PathStep.allCases.filter { $0 != .foldCase }, from: 1)
        var folds: UInt64 = 0
        for view in spellings.indices where unfolded & 1 << UInt64(view) != 0 {
            folds |= 1 << UInt64(self[.foldCase, from: view])
        }
        folded = closure(of: PathStep.allCases, from: folds)
    }

    private static func isChangeable(_ pattern: [UInt8]) -> Bool {
        let marks = pattern.withView { PathMarks(of: $0) }
        guard !marks.subtracting(.nul).isEmpty else { return false }
        return PathStep.allCases.contains { step in
            step.mayChange(marks) && apply(step, to: pattern) != pattern
        }
    }

    static func apply(_ step: PathStep, to pattern: [UInt8]) -> [UInt8] {
        var output = pattern
        let length = pattern.withView { input in
            output.withMutableView { step.apply(to: input, into: $0) }
        }
        return Array(output[0..<length])
    }

    private mutating func follow(_ step: PathStep, from view: Int) {
        let changed = spellings[view].map { spelling in
            let marks = spelling.withView { PathMarks(of: $0) }
            return step.mayChange(marks) ? Self.apply(step, to: spelling) : spelling
        }
        var target = spellings.firstIndex(of: changed)
        if target == nil {
            if spellings.count == Self.maximumCount {
                isExhausted = true
                return
            }
            spellings.append(changed)
            target = spellings.count - 1
        }
        transitions.append(UInt8(target ?? 0))
    }

    /// The view to which a step leads from another.
    private subscript(step: PathStep, from view: Int) -> Int {
        Int(transitions[view * PathStep.count + Int(step.rawValue)])
    }

    private func closure(of steps: [PathStep], from start: UInt64) -> UInt64 {
        var found = start
        var pending = spellings.indices.filter { start & 1 << UInt64($0) != 0 }
        while let view = pending.popLast() {
            for step in steps {
                let target = self[step, from: view]
                if found & 1 << UInt64(target) == 0 {
                    found |= 1 << UInt64(target)
                    pending.append(target)
                }
            }
        }
        return found
    }
}
