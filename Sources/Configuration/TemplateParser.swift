// Takes a template to pieces: text, `{{name}}`, and `{{#name}} … {{/name}}` or
// `{{^name}} … {{/name}}` for what stands there only with, or only without, a value.

import HTTPSyntax

/// What is wrong with a template, and at which byte.
struct TemplateFault: Equatable {
    var offset: Int
    var message: String
    var accepted: String?
    var suggestion: String?
}

/// A tag of a template.
struct TemplateTag {
    enum Kind {
        case value
        case open(isThere: Bool)
        case close
    }

    var kind: Kind
    var value: TemplateValue
    /// From its first brace to behind its last.
    var start: Int
    var end: Int
}

struct TemplateParser {
    private let bytes: [UInt8]
    private let form: TemplateForm
    private var position: Int
    private(set) var tags: [TemplateTag] = []
    private(set) var faults: [TemplateFault] = []

    /// Sections within sections.
    private static let deepest = 8
    /// Bytes of a tag at most.
    private static let longestTag = 64

    /// `start`: behind a byte-order mark.
    init(_ bytes: [UInt8], form: TemplateForm, from start: Int) {
        self.bytes = bytes
        self.form = form
        position = start
        while let tag = nextTag() { tags.append(tag) }
        checkNesting()
    }

    // MARK: Tags

    /// The next tag that is right; reports those that are not. Nothing is read behind one that is
    /// not closed.
    private mutating func nextTag() -> TemplateTag? {
        while let start = find(0x7B, from: position, to: bytes.count) {
            let limit = min(bytes.count, start + Self.longestTag)
            guard let end = find(0x7D, from: start + 2, to: limit) else {
                faults.append(
                    TemplateFault(
                        offset: start, message: "'{{' is not closed", accepted: "{{name}}"))
                position = bytes.count
                return nil
            }
            position = end + 2
            if let tag = tag(start, end) { return tag }
        }
        return nil
    }

    /// Where two such bytes follow each other.
    private func find(_ byte: UInt8, from start: Int, to end: Int) -> Int? {
        var index = start
        while index + 1 < end {
            if bytes[index] == byte && bytes[index + 1] == byte { return index }
            index += 1
        }
        return nil
    }

    private mutating func tag(_ start: Int, _ end: Int) -> TemplateTag? {
        var name = bytes[(start + 2)..<end]
        var kind = TemplateTag.Kind.value
        switch name.first {
        case UInt8(ascii: "#"): kind = .open(isThere: true)
        case UInt8(ascii: "^"): kind = .open(isThere: false)
        case UInt8(ascii: "/"): kind = .close
        default: break
        }
        if case .value = kind {} else { name = name.dropFirst() }
        let text = String(decoding: name.trimmed, as: UTF8.self)
        let known = TemplateValue.allCases.filter { form == .json || $0 != .allowedJSON }
        guard let value = known.first(where: { $0.name == text }) else {
            let isElsewhere = text == TemplateValue.allowedJSON.name
            faults.append(
                TemplateFault(
                    offset: start,
                    message: isElsewhere
                        ? "'\(text)' is for templates of JSON"
                        : "\(Printable.quoted(text)) is no placeholder",
                    accepted: known.map(\.name).joined(separator: ", "),
                    suggestion: isElsewhere
                        ? "allowed" : Suggestion.nearest(to: text, among: known.map(\.name))))
            return nil
        }
        if case .value = kind {
        } else if value.isAlwaysThere {
            faults.append(
                TemplateFault(offset: start, message: "'\(value.name)' is in every answer"))
            return nil
        }
        return TemplateTag(kind: kind, value: value, start: start, end: end + 2)
    }

    private mutating func checkNesting() {
        var open: [TemplateTag] = []
        for tag in tags {
            switch tag.kind {
            case .value: continue
            case .open:
                open.append(tag)
                guard open.count == Self.deepest + 1 else { continue }
                faults.append(
                    TemplateFault(
                        offset: tag.start, message: "sections are nested too deeply",
                        accepted: "\(Self.deepest) levels"))
            case .close:
                guard let last = open.popLast() else {
                    faults.append(
                        TemplateFault(
                            offset: tag.start, message: "'{{/\(tag.value.name)}}' closes nothing"))
                    continue
                }
                guard last.value != tag.value else { continue }
                faults.append(
                    TemplateFault(
                        offset: tag.start,
                        message: "'{{/\(tag.value.name)}}' closes another section",
                        suggestion: "{{/\(last.value.name)}}"))
            }
        }
        for tag in open {
            faults.append(
                TemplateFault(
                    offset: tag.start, message: "the section '\(tag.value.name)' is not closed",
                    accepted: "{{/\(tag.value.name)}} behind it"))
        }
    }

    // MARK: Pieces

    /// The template; only where there is no fault.
    func template(from start: Int) -> BodyTemplate {
        var pieces: [BodyTemplate.Piece] = []
        var open: [Int] = []
        var offset = start
        func text(to end: Int) {
            if end > offset { pieces.append(.text(offset: offset, count: end - offset)) }
        }
        for tag in tags {
            text(to: tag.start)
            offset = tag.end
            switch tag.kind {
            case .value: pieces.append(.value(tag.value))
            case .open(let isThere):
                open.append(pieces.count)
                pieces.append(.section(tag.value, isThere: isThere, end: 0))
            case .close:
                guard let index = open.popLast(),
                    case .section(let value, let isThere, _) = pieces[index]
                else { continue }
                pieces[index] = .section(value, isThere: isThere, end: pieces.count)
            }
        }
        text(to: bytes.count)
        return BodyTemplate(form: form, pieces: pieces, text: bytes)
    }
}

extension ArraySlice<UInt8> {
    /// Without blanks around it.
    fileprivate var trimmed: ArraySlice<UInt8> {
        var rest = self
        while rest.first == 0x20 { rest = rest.dropFirst() }
        while rest.last == 0x20 { rest = rest.dropLast() }
        return rest
    }
}
