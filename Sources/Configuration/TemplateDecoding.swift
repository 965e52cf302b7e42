// The keys of templates: a path, or a path for each status. Each file is read once a load.

import Policy

extension Keys {
    static let templates = Section<TemplateChoice>(
        "templates", name: "templates",
        [
            Key(
                "html", .template(.html), \.html, standardText: "the gate's own page",
                "For browsers: `text/html`."),
            Key(
                "json", .template(.json), \.json, standardText: "problem details (RFC 9457)",
                "For programs: `application/problem+json`."),
            Key(
                "text", .template(.text), \.text, standardText: "the gate's own text",
                "For terminals: `text/plain`."),
        ])
}

extension Kind<Int32> {
    /// The number of a template, or of several by status, in the decoder's book.
    static func template(_ form: TemplateForm) -> Self {
        let path = Shape.text(example: "the path of a file")
        let shape = Shape.either([path, .map(key: "statuses", path, atLeast: 1)])
        return Kind(shape) { (node: Node, decoder: Decoder) -> Int32? in
            decoder.templates.number(of: node, form, shape, decoder)
        }
    }
}

/// Reads templates and remembers them for the length of one load.
final class TemplateLoader {
    /// In front of relative paths: the main file's folder.
    let folder: String
    private let surroundings: Surroundings
    /// The files that were read, in that order.
    private(set) var paths: [String] = []
    private var known: [FileKey: BodyTemplate?] = [:]
    private var entries: [TemplateBook.Entry] = []
    private var numbers: [[Choice]: Int32] = [:]

    /// Bytes of a template at most: an answer is copied for each request.
    static let largest = 64 << 10

    private struct FileKey: Hashable {
        var path: String
        var form: TemplateForm
    }

    private struct Choice: Hashable {
        var statuses: StatusRange
        var file: FileKey
    }

    init(folder: String, _ surroundings: Surroundings) {
        self.folder = folder
        self.surroundings = surroundings
    }

    /// All that was read.
    var book: TemplateBook { TemplateBook(entries) }

    /// Reads what a key says; nil where something is wrong with it.
    func number(
        of node: Node, _ form: TemplateForm, _ shape: Shape, _ decoder: Decoder
    ) -> Int32? {
        guard node.kind == .mapping else {
            guard let scalar = decoder.scalar(node, shape) else { return nil }
            return add([(.all, scalar.text, node)], form, decoder)
        }
        var parts: [(StatusRange, String, Node)] = []
        if node.count == 0 { decoder.report(node, Complaint("is empty"), shape) }
        for (key, value) in node.pairs {
            guard let statuses = StatusRange(key.text) else {
                let known = StatusRange.known.map(String.init) + ["4xx", "5xx"]
                decoder.report(
                    key,
                    Complaint(
                        "\(Printable.quoted(key.text)) is no status that the gate answers with",
                        accepted: known.joined(separator: ", "),
                        suggestion: Suggestion.nearest(to: key.text, among: ["4xx", "5xx"])))
                continue
            }
            guard let scalar = decoder.scalar(value, .text(example: "the path of a file")) else {
                continue
            }
            parts.append((statuses, scalar.text, value))
        }
        return add(parts.sorted { $0.0.width < $1.0.width }, form, decoder)
    }

    private func add(
        _ parts: [(StatusRange, String, Node)], _ form: TemplateForm, _ decoder: Decoder
    ) -> Int32? {
        var choices: [Choice] = []
        var templates: [(StatusRange, BodyTemplate)] = []
        for (statuses, path, node) in parts {
            guard !path.isEmpty else {
                decoder.report(node, Complaint("is empty", accepted: "the path of a file"))
                continue
            }
            let file = FileKey(path: path.hasPrefix("/") ? path : folder + path, form: form)
            choices.append(Choice(statuses: statuses, file: file))
            let template = known[file] ?? read(file, node, decoder)
            known[file] = .some(template)
            if let template { templates.append((statuses, template)) }
        }
        guard templates.count == parts.count, !parts.isEmpty else { return nil }
        if let number = numbers[choices] { return number }
        let number = Int32(entries.count)
        entries.append(TemplateBook.Entry(templates: templates))
        numbers[choices] = number
        return number
    }

    private func read(_ file: FileKey, _ node: Node, _ decoder: Decoder) -> BodyTemplate? {
        let bytes: [UInt8]
        do throws(FileError) {
            let demands = FileDemands(limit: Self.largest, isRegular: true)
            bytes = try surroundings.read(file.path, demands)
        } catch {
            decoder.report(node, Complaint("\(Printable.quoted(path: file.path)) \(error.message)"))
            return nil
        }
        paths.append(file.path)
        let source = SourceFile(path: file.path, bytes: bytes)
        let start = source.markLength
        var found = SourceScan.faults(in: bytes, from: start, allowingTabs: true).map { fault in
            Diagnostic(
                place: source.place(line: fault.line, column: fault.column), key: node.path,
                message: fault.message, accepted: fault.accepted)
        }
        guard found.isEmpty else {
            add(found, node, decoder)
            return nil
        }
        let parser = TemplateParser(bytes, form: file.form, from: start)
        var faults = parser.faults
        let template = parser.template(from: start)
        if faults.isEmpty, file.form == .html {
            faults = TemplateMarkup.faults(bytes, parser.tags, from: start)
        }
        if faults.isEmpty, file.form == .json {
            faults = TemplateJSON.fault(bytes, template, from: start).map { [$0] } ?? []
        }
        found = faults.map { fault in
            Diagnostic(
                place: source.place(offset: fault.offset), key: node.path, message: fault.message,
                accepted: fault.accepted, suggestion: fault.suggestion)
        }
        add(found, node, decoder)
        return found.isEmpty ? template : nil
    }

    private func add(_ found: [Diagnostic], _ node: Node, _ decoder: Decoder) {
        for diagnostic in found {
            decoder.add(diagnostic)
            decoder.related(decoder.location(node), "the template is named here")
        }
    }
}
