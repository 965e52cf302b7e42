// A compiled policy's flat storage: rules, scopes, lists of methods and the bytes of all texts.
// It is filled once, read by every worker without locks or reference counts, and freed with the
// policy.

internal import HTTPSyntax
internal import Memory

/// What judging and forwarding ask of a rule: half a cache line, since with very many rules each
/// request brings in another one.
struct RuleRecord: BitwiseCopyable {
    var allow: Int32
    var backend: Int32
    var mode: Mode
    var options: OptionsMode
    var overrides: OverrideMode
    var readings: ReadingLevel
    var blockedStatus: BlockedStatus
    var unknownMethod: UnknownMethodStatus
    var attribution: Attribution
    var passedFields: PassedFields
    var narrowAllow: Bool
    var isDefault: Bool
    /// Which of the policy's choices of templates; 0: none.
    var templates: Int32 = 0
    var grantsWebSocket = false
}

/// What answers and records say of a rule, as offsets into the policy's text.
struct RuleTexts: BitwiseCopyable {
    var id = TextRange()
    var idJSON = TextRange()
    var name = TextRange()
    var nameJSON = TextRange()
    var ref = TextRange()
    var refJSON = TextRange()
}

/// One host's rules, or the common ones.
struct ScopeRecord: BitwiseCopyable {
    /// The tree of the patterns that no step changes.
    var root: Int32
    /// Whether there are others, in a tree for each view.
    var hasViews: Bool
    var defaultRule: Int32
}

/// What the compiler hands over.
struct PolicyParts {
    var table: PatternTableBuilder
    var rules: [RuleRecord] = []
    /// By the same numbers.
    var ruleTexts: [RuleTexts] = []
    /// Each one once; the first is the empty one.
    var templates: [TemplateChoice] = []
    var scopes: [ScopeRecord] = []
    /// For each scope and view the root of the changeable patterns' tree.
    var viewRoots: [Int32] = []
    var views: PatternViews
    var allows: [AllowRecord] = []
    /// The names of the methods with numbers, by number.
    var methodNames: [TextRange] = []
    var customCount = 0
    var hasHosts = false
    var text: [UInt8] = []
}

/// A fixed array outside of reference counting, aligned to a cache line. Whoever holds it frees it.
@safe struct FlatArray<Element: BitwiseCopyable>: @unchecked Sendable {
    private let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        // The memory has room for as many elements as are written.
        unsafe base = FixedMemory.allocate(byteCount: Self.size(elements.count))
            .bindMemory(to: Element.self, capacity: max(elements.count, 1))
        for (index, element) in elements.enumerated() { unsafe base[index] = element }
    }

    private static func size(_ count: Int) -> Int {
        max(count, 1) * MemoryLayout<Element>.stride
    }

    @inline(__always) subscript(index: Int) -> Element {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index out of bounds")
        return unsafe base[index]
    }

    /// Without a look at the bounds: for indices that a builder has made for this very array.
    @inline(__always) subscript(built index: Int) -> Element { unsafe base[index] }

    func deallocate() { unsafe FixedMemory.deallocate(base, byteCount: Self.size(count)) }
}

extension FlatArray<UInt8> {
    /// A part as a view, alive as long as the array.
    @inline(__always) func view(_ range: TextRange) -> ByteView {
        all.slice(Int(range.offset), Int(range.count))
    }

    var all: ByteView { unsafe ByteView(base: base, count: count) }
}
