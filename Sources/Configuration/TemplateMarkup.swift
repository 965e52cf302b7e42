// Where in a page a value may stand. Escaped text is text in an element and in a quoted
// attribute; in a script, a style, a tag or an attribute without quotes it would be more. So the
// markup around each placeholder is followed the way a browser does (WHATWG HTML §13.2.5), as far
// as it takes to know that.

import HTTPSyntax

struct TemplateMarkup {
    private enum State: Equatable {
        case text
        case tagOpen
        case tagName
        case tag
        case attributeName
        case afterAttributeName
        case beforeValue
        /// With its quote.
        case value(UInt8)
        case unquotedValue
        case declaration
        case comment
        /// Up to the end tag of this element: a script, a style. `isText`: escapes are read.
        case raw(String, isText: Bool)
    }

    private struct Place: Equatable {
        var state = State.text
        var element = ""
        var attribute = ""
    }

    private let bytes: [UInt8]
    private var place = Place()
    private var isEndTag = false
    private var valueLength = 0
    private var faults: [TemplateFault] = []

    /// All that is wrong with where the tags stand.
    static func faults(_ bytes: [UInt8], _ tags: [TemplateTag], from start: Int) -> [TemplateFault]
    {
        var markup = TemplateMarkup(bytes: bytes)
        var offset = start
        var open: [(place: Place, length: Int)] = []
        for tag in tags {
            markup.read(offset, tag.start)
            offset = tag.end
            switch tag.kind {
            case .value: markup.check(tag)
            case .open: open.append((markup.place, markup.valueLength))
            case .close:
                // Both ways through the section must come out at the same place.
                guard let before = open.popLast() else { continue }
                markup.valueLength = min(markup.valueLength, before.length)
                guard before.place != markup.place else { continue }
                markup.report(tag, "the section ends amid other markup than it begins in")
            }
        }
        return markup.faults
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    // MARK: Placeholders

    private mutating func check(_ tag: TemplateTag) {
        switch place.state {
        case .text, .raw(_, isText: true): break
        case .comment: report(tag, "a placeholder in a comment")
        case .raw(let element, _): report(tag, "a placeholder in <\(element)>")
        case .value: checkAttribute(tag)
        case .beforeValue, .unquotedValue:
            report(tag, "a placeholder in an attribute without quotes")
            place.state = .unquotedValue
        default: report(tag, "a placeholder in a tag")
        }
        valueLength += 1
    }

    private mutating func checkAttribute(_ tag: TemplateTag) {
        let name = place.attribute
        if name.hasPrefix("on") || name == "style" || name == "srcdoc" {
            report(tag, "a placeholder in the attribute \(Printable.quoted(name))")
        } else if tag.value.isFromClient, Self.urlAttributes.contains(name), valueLength == 0 {
            faults.append(
                TemplateFault(
                    offset: tag.start,
                    message:
                        "'\(tag.value.name)' may be a client's words, and begins the address in "
                        + Printable.quoted(name),
                    accepted: "an address that begins with words of yours"))
        } else if tag.value.isFromClient, name == "content" {
            report(tag, "'\(tag.value.name)' may be a client's words, in the attribute 'content'")
        }
    }

    private static let urlAttributes: Set<String> = [
        "href", "src", "action", "formaction", "data", "poster", "ping", "manifest", "srcset",
        "background", "cite", "xlink:href",
    ]

    private mutating func report(_ tag: TemplateTag, _ message: String) {
        faults.append(
            TemplateFault(
                offset: tag.start, message: message,
                accepted: "placeholders in text and in quoted attributes"))
    }

    // MARK: Markup

    private mutating func read(_ start: Int, _ end: Int) {
        var index = start
        while index < end {
            index = step(index, end)
        }
    }

    /// Takes in a byte, or a few that belong together; where to go on.
    private mutating func step(_ index: Int, _ end: Int) -> Int {
        let byte = bytes[index]
        switch place.state {
        case .text:
            if byte == UInt8(ascii: "<") { place.state = .tagOpen }
        case .tagOpen: return openTag(index, end)
        case .tagName: readTagName(byte)
        case .tag: readTag(byte)
        case .attributeName: readAttributeName(byte)
        case .afterAttributeName: readAfterName(byte)
        case .beforeValue: readBeforeValue(byte)
        case .value(let quote):
            valueLength += 1
            if byte == quote { place.state = .tag }
        case .unquotedValue:
            if byte == UInt8(ascii: ">") { closeTag() } else if byte.isBlank { place.state = .tag }
        case .declaration: if byte == UInt8(ascii: ">") { place.state = .text }
        case .comment: return skipComment(index, end)
        case .raw(let element, _): return skipRaw(index, end, element)
        }
        return index + 1
    }

    private mutating func openTag(_ index: Int, _ end: Int) -> Int {
        let byte = bytes[index]
        if byte == UInt8(ascii: "!") {
            let isComment = bytes[index..<end].starts(with: Array("!--".utf8))
            place.state = isComment ? .comment : .declaration
            return index + (isComment ? 3 : 1)
        }
        isEndTag = byte == UInt8(ascii: "/")
        place.element = ""
        if isEndTag || ASCII.isLetter(byte) {
            place.state = .tagName
            return isEndTag ? index + 1 : index
        }
        place.state = byte == UInt8(ascii: "?") ? .declaration : .text
        return byte == UInt8(ascii: "<") ? index : index + 1
    }

    private mutating func readTagName(_ byte: UInt8) {
        if byte == UInt8(ascii: ">") {
            closeTag()
        } else if byte.isBlank || byte == UInt8(ascii: "/") {
            place.state = .tag
        } else {
            place.element.append(lowercase: byte)
        }
    }

    private mutating func readTag(_ byte: UInt8) {
        place.attribute = ""
        if byte == UInt8(ascii: ">") {
            closeTag()
        } else if !byte.isBlank && byte != UInt8(ascii: "/") {
            place.state = .attributeName
            place.attribute.append(lowercase: byte)
        }
    }

    private mutating func readAttributeName(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "="): place.state = .beforeValue
        case UInt8(ascii: ">"): closeTag()
        case UInt8(ascii: "/"): place.state = .tag
        case _ where byte.isBlank: place.state = .afterAttributeName
        default: place.attribute.append(lowercase: byte)
        }
    }

    private mutating func readAfterName(_ byte: UInt8) {
        if byte == UInt8(ascii: "=") {
            place.state = .beforeValue
        } else if !byte.isBlank {
            readTag(byte)
        }
    }

    private mutating func readBeforeValue(_ byte: UInt8) {
        valueLength = 0
        switch byte {
        case _ where byte.isBlank: break
        case UInt8(ascii: "\""), UInt8(ascii: "'"): place.state = .value(byte)
        case UInt8(ascii: ">"): closeTag()
        default: place.state = .unquotedValue
        }
    }

    private mutating func closeTag() {
        place.attribute = ""
        let element = place.element
        place.element = ""
        guard !isEndTag else {
            place.state = .text
            return
        }
        switch element {
        case "script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext":
            place.state = .raw(element, isText: false)
        case "title", "textarea": place.state = .raw(element, isText: true)
        default: place.state = .text
        }
    }

    private mutating func skipComment(_ index: Int, _ end: Int) -> Int {
        let rest = bytes[index..<end]
        if rest.starts(with: Array("-->".utf8)) {
            place.state = .text
            return index + 3
        }
        return index + 1
    }

    private mutating func skipRaw(_ index: Int, _ end: Int, _ element: String) -> Int {
        let ending = Array("</\(element)".utf8)
        guard index + ending.count <= end, bytes[index] == ending[0] else { return index + 1 }
        let found = bytes[index..<(index + ending.count)].map { ASCII.lowercased($0) }
        guard found == ending else { return index + 1 }
        isEndTag = true
        place.element = element
        place.state = .tagName
        return index + ending.count
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}

extension String {
    fileprivate mutating func append(lowercase byte: UInt8) {
        append(Character(Unicode.Scalar(ASCII.lowercased(byte))))
    }
}
