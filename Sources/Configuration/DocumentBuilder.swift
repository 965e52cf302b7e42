// Events in, a document out, and whatever strict YAML forbids reported on the way. A value, so
// that half a million nodes are appended without a check each whether somebody else looks on;
// what there is to report is put into words at the end, when keys can be named.

/// Builds one document.
struct DocumentBuilder {
    /// A finding before the document it is about is finished.
    private struct Pending {
        var message: String
        var accepted: String?
        var line: Int
        var column: Int
        /// The node whose way from the top is the key; nil: none.
        var node: Int32?
        /// A second place and what stands there.
        var related: (line: Int, column: Int, message: String)?
    }

    private var entries: [Document.Entry] = []
    private var text: [UInt8] = []
    private var pending: [Pending] = []
    /// The document is incomplete, so that what is missing says nothing.
    private(set) var isHopeless = false
    /// Collections that are still open, outermost first.
    private var open: [Int32] = []
    private var hasDocument = false
    private var linesWithTabs: Set<Int> = []

    /// Room for what a file of so many bytes usually holds.
    init(capacity bytes: Int) {
        entries.reserveCapacity(bytes / 8)
        text.reserveCapacity(bytes)
    }

    var hasFaults: Bool { !pending.isEmpty }

    // MARK: Reporting

    mutating func report(_ fault: SourceFault) {
        if fault.message == "a tab" { linesWithTabs.insert(fault.line) }
        isHopeless = isHopeless || fault.isFatal
        pending.append(
            Pending(
                message: fault.message, accepted: fault.accepted, line: fault.line,
                column: fault.column))
    }

    private mutating func fail(_ message: String, _ mark: Mark, accepted: String? = nil) {
        pending.append(
            Pending(
                message: message, accepted: accepted, line: Int(mark.line),
                column: Int(mark.column), node: open.last))
    }

    /// libyaml's own error; on a line with a tab it only says what the tab did.
    mutating func syntaxError(_ message: String, _ mark: Mark, context: (String, Mark)?) {
        giveUp()
        guard !linesWithTabs.contains(Int(mark.line)) else { return }
        pending.append(
            Pending(
                message: "not YAML: " + message, line: Int(mark.line), column: Int(mark.column),
                related: context.map { (Int($0.1.line), Int($0.1.column), $0.0) }))
    }

    /// What was read is not all there is.
    mutating func giveUp() { isHopeless = true }

    // MARK: Events

    /// False for a second document: what it holds is of no interest.
    mutating func startDocument(at mark: Mark, hasDirective: Bool) -> Bool {
        if hasDocument {
            fail("a second document", mark, accepted: "one document a file")
            return false
        }
        hasDocument = true
        if hasDirective { fail("a directive", mark, accepted: "a document without directives") }
        return true
    }

    mutating func check(anchor: Bool, tag: Bool, _ mark: Mark) {
        if anchor { fail("an anchor", mark, accepted: "every value written out") }
        if tag { fail("a tag", mark, accepted: "values without tags") }
    }

    mutating func alias(at mark: Mark) {
        fail("an alias", mark, accepted: "every value written out")
        append(Document.Entry(kind: .broken, line: mark.line, column: mark.column))
    }

    mutating func scalar(_ value: UnsafeBufferPointer<UInt8>, isPlain: Bool, _ mark: Mark) {
        var entry = Document.Entry(kind: .scalar, line: mark.line, column: mark.column)
        entry.isPlain = isPlain
        entry.textStart = Int32(text.count)
        entry.textLength = Int32(value.count)
        unsafe text.append(contentsOf: value)
        if isPlain, value.count == 2, isAtKey, unsafe value.elementsEqual("<<".utf8) {
            fail("a merge key", mark, accepted: "every value written out")
            entry.kind = .broken
        }
        append(entry)
    }

    /// False where the document is nested too deeply to read on.
    mutating func open(_ kind: Node.Kind, _ mark: Mark) -> Bool {
        if isAtKey {
            let what = kind == .mapping ? "a mapping" : "a list"
            fail("a key that is \(what)", mark, accepted: "text")
        }
        guard open.count < YAMLReader.deepest else {
            giveUp()
            fail("nested deeper than \(YAMLReader.deepest) levels", mark)
            pending[pending.count - 1].node = open.first
            return false
        }
        append(Document.Entry(kind: kind, line: mark.line, column: mark.column))
        open.append(Int32(entries.count - 1))
        return true
    }

    mutating func close() {
        guard let index = open.popLast() else { return }
        if entries[Int(index)].kind == .mapping { reportDuplicates(in: index) }
    }

    // MARK: The tree

    /// Whether the next node is a key.
    private var isAtKey: Bool {
        guard let parent = open.last else { return false }
        let entry = entries[Int(parent)]
        return entry.kind == .mapping && entry.count % 2 == 0
    }

    private mutating func append(_ entry: Document.Entry) {
        let index = Int32(entries.count)
        entries.append(entry)
        guard let parent = open.last else { return }
        entries[Int(index)].parent = parent
        entries[Int(index)].position = entries[Int(parent)].count
        let last = entries[Int(parent)].last
        if last < 0 {
            entries[Int(parent)].first = index
        } else {
            entries[Int(last)].next = index
        }
        entries[Int(parent)].last = index
        entries[Int(parent)].count += 1
    }

    // MARK: Duplicate keys

    /// Reports every key written twice and takes the later pair out of the mapping's pairs.
    private mutating func reportDuplicates(in mapping: Int32) {
        let pairs = Int(entries[Int(mapping)].count / 2)
        guard pairs > 1 else { return }
        let keys = scalarKeys(of: mapping, capacity: pairs)
        if pairs <= 8 {
            for (number, key) in keys.enumerated() {
                let earlier = keys[..<number].first { isSameText($0, key) }
                if let earlier { reportDuplicate(key, of: earlier) }
            }
            return
        }
        var first: [String: Int32] = [:]
        first.reserveCapacity(pairs)
        for key in keys {
            let name = String(decoding: text[textRange(key)], as: UTF8.self)
            if let earlier = first[name] {
                reportDuplicate(key, of: earlier)
            } else {
                first[name] = key
            }
        }
    }

    private func scalarKeys(of mapping: Int32, capacity: Int) -> [Int32] {
        var keys: [Int32] = []
        keys.reserveCapacity(capacity)
        var key = entries[Int(mapping)].first
        while key >= 0 {
            if entries[Int(key)].kind == .scalar { keys.append(key) }
            let value = entries[Int(key)].next
            key = value < 0 ? -1 : entries[Int(value)].next
        }
        return keys
    }

    private func textRange(_ index: Int32) -> Range<Int> {
        let entry = entries[Int(index)]
        return Int(entry.textStart)..<Int(entry.textStart + entry.textLength)
    }

    private func isSameText(_ a: Int32, _ b: Int32) -> Bool {
        entries[Int(a)].textLength == entries[Int(b)].textLength
            && text[textRange(a)].elementsEqual(text[textRange(b)])
    }

    private mutating func reportDuplicate(_ key: Int32, of earlier: Int32) {
        let here = entries[Int(key)]
        let there = entries[Int(earlier)]
        pending.append(
            Pending(
                message: "is written twice", accepted: "every key once", line: Int(here.line),
                column: Int(here.column), node: key,
                related: (Int(there.line), Int(there.column), "the first stands here")))
        entries[Int(key)].kind = .broken
    }

    // MARK: The end

    consuming func finish(_ source: SourceFile, file: Int) -> YAMLReader.Reading {
        let document = Document(source: source, file: file, entries: entries, text: text)
        let faults = pending.map { fault in
            Diagnostic(
                place: source.place(line: fault.line, column: fault.column),
                key: fault.node.map { Node(document: document, index: $0).path } ?? "",
                message: fault.message, accepted: fault.accepted,
                related: fault.related.map { other in
                    let place = source.place(line: other.line, column: other.column)
                    return [.init(place: place, message: other.message)]
                } ?? [])
        }
        return YAMLReader.Reading(document: document, faults: faults, isComplete: !isHopeless)
    }
}
