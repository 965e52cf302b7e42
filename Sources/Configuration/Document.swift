// A YAML document as a tree in one array: 100,000 rules make half a million nodes, and nodes of
// their own would cost an allocation each. A `Node` is a number with the document it counts in.

/// The nodes of one file and the texts of its scalars. Confined to the thread that loads.
final class Document {
    /// One node. Children of a mapping alternate: key, value, key, value.
    struct Entry: BitwiseCopyable {
        var kind: Node.Kind
        /// A scalar without quotes; only such a one can be a number or a boolean.
        var isPlain = false
        /// Both from 1; the column counts characters.
        var line: Int32
        var column: Int32
        /// Where a scalar's text stands in `text`.
        var textStart: Int32 = 0
        var textLength: Int32 = 0
        /// -1: none, here and for the three below.
        var parent: Int32 = -1
        /// Which child of its parent, from 0.
        var position: Int32 = 0
        var first: Int32 = -1
        var last: Int32 = -1
        var next: Int32 = -1
        var count: Int32 = 0
    }

    let source: SourceFile
    /// The file's index in load order.
    let file: Int
    let entries: [Entry]
    let text: [UInt8]

    init(source: SourceFile, file: Int, entries: [Entry], text: [UInt8]) {
        self.source = source
        self.file = file
        self.entries = entries
        self.text = text
    }

    /// The top node; nil for a file without one.
    var root: Node? { entries.isEmpty ? nil : Node(document: self, index: 0) }
}

/// One node of a document.
struct Node {
    enum Kind: UInt8, BitwiseCopyable {
        case scalar
        case sequence
        case mapping
        /// Already reported (an alias, say): nothing more is said about it.
        case broken
    }

    let document: Document
    let index: Int32

    private var entry: Document.Entry { document.entries[Int(index)] }

    var kind: Kind { entry.kind }
    var isPlain: Bool { entry.isPlain }
    var line: Int { Int(entry.line) }
    var column: Int { Int(entry.column) }
    /// Children of a sequence; keys and values of a mapping.
    var count: Int { Int(entry.count) }
    var place: SourcePlace { document.source.place(line: line, column: column) }

    private func node(_ index: Int32) -> Node? {
        index < 0 ? nil : Node(document: document, index: index)
    }

    var parent: Node? { node(entry.parent) }
    var firstChild: Node? { node(entry.first) }
    var next: Node? { node(entry.next) }

    private var textBytes: ArraySlice<UInt8> {
        document.text[Int(entry.textStart)..<Int(entry.textStart + entry.textLength)]
    }

    /// The text of a scalar, escapes resolved; empty for a collection.
    var text: String { String(decoding: textBytes, as: UTF8.self) }

    /// Whether this is a scalar of that text.
    func hasText(_ other: String) -> Bool {
        kind == .scalar && Int(entry.textLength) == other.utf8.count
            && textBytes.elementsEqual(other.utf8)
    }

    /// Whether the text holds what only an escape or a block scalar can bring in.
    var hasControls: Bool { textBytes.contains { $0 < 0x20 || $0 == 0x7F } }

    /// Whether nothing was written: `key:` alone, `~` or `null`.
    var isNull: Bool {
        guard kind == .scalar, isPlain else { return false }
        switch entry.textLength {
        case 0: return true
        case 1: return hasText("~")
        case 4: return hasText("null") || hasText("Null") || hasText("NULL")
        default: return false
        }
    }

    /// Children of a sequence, in order.
    var items: NodeItems { NodeItems(upcoming: firstChild) }

    /// Pairs of a mapping, in order, less those that were reported.
    var pairs: NodePairs { NodePairs(upcoming: firstChild) }

    /// "a list", for messages.
    var kindText: String {
        switch kind {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .scalar, .broken: isNull ? "empty" : "a single value"
        }
    }
}

/// The children of a sequence.
struct NodeItems: Sequence, IteratorProtocol {
    fileprivate var upcoming: Node?

    mutating func next() -> Node? {
        let node = upcoming
        upcoming = node?.next
        return node
    }
}

/// The pairs of a mapping.
struct NodePairs: Sequence, IteratorProtocol {
    fileprivate var upcoming: Node?

    mutating func next() -> (key: Node, value: Node)? {
        while let key = upcoming, let value = key.next {
            upcoming = value.next
            if key.kind == .scalar { return (key, value) }
        }
        return nil
    }
}

extension Node {
    /// The way from the top: `log.blocks.to`, `listen[0].address`, `rules./a/{id}.methods[1]`.
    var path: String {
        var steps: [String] = []
        var node = self
        while let parent = node.parent {
            steps.append(node.step(in: parent))
            node = parent
        }
        let path = steps.reversed().joined()
        return path.hasPrefix(".") ? String(path.dropFirst()) : path
    }

    private func step(in parent: Node) -> String {
        guard parent.kind == .mapping else { return "[\(entry.position)]" }
        return "." + (key?.text ?? text)
    }

    /// The key of a mapping's value; it is a scalar, so it stands right before its value.
    var key: Node? {
        guard entry.position % 2 == 1 else { return nil }
        let before = Node(document: document, index: index - 1)
        return before.kind == .scalar || before.kind == .broken ? before : nil
    }
}
