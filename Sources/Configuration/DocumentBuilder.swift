// Events in, a document out, and whatever strict YAML forbids reported on the way.

/// Builds one document. Confined to the thread that loads.
final class DocumentBuilder {
    let document: Document
    private(set) var faults: [Diagnostic] = []
    /// The document is incomplete, so that what is missing says nothing.
    private(set) var isHopeless = false
    /// Collections that are still open, outermost first.
    private var open: [Int32] = []
    private var hasDocument = false
    private var linesWithTabs: Set<Int> = []

    init(_ document: Document) { self.document = document }

    // MARK: Reporting

    func report(_ fault: SourceFault) {
        if fault.message == "a tab" { linesWithTabs.insert(fault.line) }
        isHopeless = isHopeless || fault.isFatal
        fail(fault.message, line: fault.line, column: fault.column, accepted: fault.accepted)
    }

    private func fail(
        _ message: String, line: Int, column: Int, key: String = "", accepted: String? = nil
    ) {
        faults.append(
            Diagnostic(
                place: document.source.place(line: line, column: column), key: key,
                message: message, accepted: accepted))
    }

    private func fail(_ message: String, _ mark: Mark, accepted: String? = nil) {
        let key = open.last.map { Node(document: document, index: $0).path } ?? ""
        fail(
            message, line: Int(mark.line), column: Int(mark.column), key: key, accepted: accepted)
    }

    /// libyaml's own error; on a line with a tab it only says what the tab did.
    func syntaxError(_ message: String, _ mark: Mark, context: (String, Mark)?) {
        giveUp()
        guard !linesWithTabs.contains(Int(mark.line)) else { return }
        fail("not YAML: " + message, line: Int(mark.line), column: Int(mark.column))
        guard let (text, start) = context else { return }
        let place = document.source.place(line: Int(start.line), column: Int(start.column))
        faults[faults.count - 1].related = [.init(place: place, message: text)]
    }

    /// What was read is not all there is.
    func giveUp() { isHopeless = true }

    // MARK: Events

    /// False for a second document: what it holds is of no interest.
    func startDocument(at mark: Mark, hasDirective: Bool) -> Bool {
        if hasDocument {
            fail("a second document", mark, accepted: "one document a file")
            return false
        }
        hasDocument = true
        if hasDirective { fail("a directive", mark, accepted: "a document without directives") }
        return true
    }

    func check(anchor: Bool, tag: Bool, _ mark: Mark) {
        if anchor { fail("an anchor", mark, accepted: "every value written out") }
        if tag { fail("a tag", mark, accepted: "values without tags") }
    }

    func alias(at mark: Mark) {
        fail("an alias", mark, accepted: "every value written out")
        append(Document.Entry(kind: .broken, line: mark.line, column: mark.column, parent: -1))
    }

    func scalar(_ text: UnsafeBufferPointer<UInt8>, isPlain: Bool, _ mark: Mark) {
        var entry = Document.Entry(kind: .scalar, line: mark.line, column: mark.column, parent: -1)
        entry.isPlain = isPlain
        entry.textStart = Int32(document.text.count)
        entry.textLength = Int32(text.count)
        unsafe document.text.append(contentsOf: text)
        if isPlain, isAtKey, unsafe text.elementsEqual("<<".utf8) {
            fail("a merge key", mark, accepted: "every value written out")
            entry.kind = .broken
        }
        append(entry)
    }

    /// False where the document is nested too deeply to read on.
    func open(_ kind: Node.Kind, _ mark: Mark) -> Bool {
        if isAtKey {
            fail(
                "a key that is \(kind == .mapping ? "a mapping" : "a list")", mark, accepted: "text"
            )
        }
        guard open.count < YAMLReader.deepest else {
            isHopeless = true
            fail("nested deeper than \(YAMLReader.deepest) levels", mark)
            return false
        }
        append(Document.Entry(kind: kind, line: mark.line, column: mark.column, parent: -1))
        open.append(Int32(document.entries.count - 1))
        return true
    }

    func close() {
        guard let index = open.popLast() else { return }
        let node = Node(document: document, index: index)
        if node.kind == .mapping { reportDuplicates(in: node) }
    }

    // MARK: The tree

    /// Whether the next node is a key.
    private var isAtKey: Bool {
        guard let parent = open.last else { return false }
        let entry = document.entries[Int(parent)]
        return entry.kind == .mapping && entry.count % 2 == 0
    }

    private func append(_ entry: Document.Entry) {
        let index = Int32(document.entries.count)
        var entry = entry
        if let parent = open.last {
            entry.parent = parent
            entry.position = document.entries[Int(parent)].count
            let last = document.entries[Int(parent)].last
            if last < 0 {
                document.entries[Int(parent)].first = index
            } else {
                document.entries[Int(last)].next = index
            }
            document.entries[Int(parent)].last = index
            document.entries[Int(parent)].count += 1
        }
        document.entries.append(entry)
    }

    /// Reports every key written twice and takes the later pair out of the mapping's pairs.
    private func reportDuplicates(in mapping: Node) {
        guard mapping.count > 2 else { return }
        var first: [String: Int32] = [:]
        first.reserveCapacity(mapping.count / 2)
        for (key, _) in mapping.pairs {
            guard let earlier = first.updateValue(key.index, forKey: key.text) else { continue }
            first[key.text] = earlier
            reportDuplicate(key, of: Node(document: document, index: earlier))
            document.entries[Int(key.index)].kind = .broken
        }
    }

    private func reportDuplicate(_ key: Node, of earlier: Node) {
        var fault = Diagnostic(
            place: key.place, key: key.path, message: "is written twice", accepted: "every key once"
        )
        fault.related = [.init(place: earlier.place, message: "the first stands here")]
        faults.append(fault)
    }
}
