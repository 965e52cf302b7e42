// How backends may read a request's content, by its Content-Type and Content-Encoding: which
// scanner looks for overrides in it, or that none can.

package import HTTPSyntax

/// What the fields of one request say of its content. Frameworks look for the media types in
/// different ways (at the beginning, anywhere), so a type counts wherever its name stands in the
/// value.
package struct ContentReading {
    /// Why overrides cannot be looked for in content that some backend takes for a form.
    package enum Obstacle: UInt8, Sendable, BitwiseCopyable {
        /// `Content-Encoding` of a form. JSON is read as if it had none: agents send it coded all
        /// the time, and most who take an override from JSON look at no coding, whatever is said.
        case coded
        /// A charset in which ASCII is not written as ASCII.
        case charset
        /// No boundary, or one that readers take in different ways.
        case boundary
        /// More than one of the types that a form may have.
        case types

        /// For the operator.
        package var reason: StaticString {
            switch self {
            case .coded: "form content is coded, so that overrides in it cannot be judged"
            case .charset: "the content has a charset in which overrides cannot be judged"
            case .boundary: "multipart content has no clear boundary: overrides cannot be judged"
            case .types: "the content has several types: overrides in it cannot be judged"
            }
        }
    }

    package private(set) var isForm = false
    package private(set) var isMultipart = false
    package private(set) var isJSON = false
    /// Within a field's value: 1 to 70 bytes where there is no obstacle and `isMultipart`.
    package private(set) var boundary = ByteView.empty
    package private(set) var obstacle: Obstacle?
    private var types = 0
    private var isCoded = false
    private var hasStrangeCharset = false

    /// Content without any field yet.
    package init() {}

    /// The content of the request that has this head.
    package init(of request: borrowing RequestHead, in head: ByteView) {
        for index in 0..<request.fields.count {
            let line = request.fields[index]
            let text = head.slice(Int(line.valueOffset), Int(line.valueLength))
            if line.name == .contentType && !line.isVariant {
                add(contentType: text)
            } else if line.name == .other, line.nameLength == 16,
                head.slice(Int(line.nameOffset), 16).namesContentEncoding
            {
                add(contentEncoding: text)
            }
        }
        settle()
    }

    /// Whether there is anything to look at.
    package var isInspected: Bool { isForm || isMultipart || isJSON }

    /// Bytes of a type, and lines, beyond which nobody's content is of that type.
    private static let limits = (length: 1024, types: 4)

    /// Takes in a `Content-Type`.
    package mutating func add(contentType value: ByteView) {
        guard !value.trimmed.isEmpty else { return }
        types += 1
        guard value.count <= Self.limits.length, types <= Self.limits.types else {
            // Whatever it is: two types are an obstacle.
            isForm = true
            isMultipart = true
            return
        }
        if value.has("urlencoded") || value.has("url-encoded") { isForm = true }
        if value.has("json") { isJSON = true }
        if value.has("multipart/") {
            isMultipart = true
            boundary = Self.clearBoundary(in: value) ?? .empty
        }
        if !Charset.areHarmless(in: value) { hasStrangeCharset = true }
    }

    /// Takes in a `Content-Encoding`.
    package mutating func add(contentEncoding value: ByteView) {
        if !value.isEmpty && !value.equalsIgnoringCase(ByteView("identity")) { isCoded = true }
    }

    /// All fields are in.
    package mutating func settle() {
        // Rack takes a POST without a type for a form.
        if types == 0 { isForm = true }
        guard isInspected else { return }
        if isCoded && (isForm || isMultipart) {
            obstacle = .coded
        } else if hasStrangeCharset {
            obstacle = .charset
        } else if isForm && isMultipart {
            obstacle = .types
        } else if isMultipart && (types > 1 || boundary.isEmpty) {
            obstacle = .boundary
        }
    }

    /// The value of the only `boundary`, if all readers find the same.
    private static func clearBoundary(in value: ByteView) -> ByteView? {
        let name = ByteView("boundary=")
        guard let start = value.index(of: "boundary"), start > 0,
            ASCII.isBlank(value[start - 1]) || value[start - 1] == UInt8(ascii: ";"),
            value.count > start + name.count,
            value.slice(start, name.count).equalsIgnoringCase(name)
        else { return nil }
        var first = start + name.count
        let isQuoted = value[first] == UInt8(ascii: "\"")
        if isQuoted { first += 1 }
        var end = first
        while end < value.count, isBoundary(value[end]) { end += 1 }
        var rest = value.dropFirst(end)
        if isQuoted {
            guard !rest.isEmpty, rest[0] == UInt8(ascii: "\"") else { return nil }
            rest = rest.dropFirst(1).trimmed
        }
        guard rest.isEmpty || rest[0] == UInt8(ascii: ";"), !rest.has("boundary"),
            (1...DelimiterSearch.longestBoundary).contains(end - first)
        else { return nil }
        return value.slice(first, end - first)
    }

    /// What no reader ends an unquoted boundary at, reads as an escape, or takes off: Python does
    /// with `<` and `>` around it.
    private static func isBoundary(_ byte: UInt8) -> Bool {
        guard byte > 0x20 && byte < 0x7f else { return false }
        return switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\\"),
            UInt8(ascii: "<"), UInt8(ascii: ">"):
            false
        default: true
        }
    }
}

/// Charsets by their effect on the names and values that matter here, which are ASCII.
private enum Charset {
    /// Whether every `charset` in the value is one in which ASCII is written as ASCII, and nothing
    /// else decodes to it: no UTF-16, no UTF-7, no ISO-2022, no EBCDIC.
    static func areHarmless(in value: ByteView) -> Bool {
        var rest = value
        while let index = rest.index(of: "charset") {
            rest = rest.dropFirst(index + 7)
            guard let equals = rest.firstIndex(where: { $0 > 0x20 }),
                rest[equals] == UInt8(ascii: "=")
            else { return false }
            rest = rest.dropFirst(equals + 1)
            rest = rest.dropFirst(rest.firstIndex { $0 > 0x20 && $0 != 0x22 } ?? rest.count)
            let end = rest.firstIndex { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3b || $0 == 0x2c }
            let name = rest.slice(0, end ?? rest.count)
            guard name.isEmpty || isHarmless(name) else { return false }
        }
        return true
    }

    private static func isHarmless(_ name: ByteView) -> Bool {
        var offset = 0
        let names = ByteView(
            """
            utf-8 utf8 us-ascii ascii iso-8859-1 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 \
            iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-9 iso-8859-10 iso-8859-13 iso-8859-14 \
            iso-8859-15 iso-8859-16 iso8859-1 iso8859-15 latin1 windows-874 windows-1250 \
            windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 \
            windows-1257 windows-1258 cp1250 cp1251 cp1252 koi8-r koi8-u macintosh tis-620 \
            gb2312 gbk gb18030 big5 big5-hkscs shift_jis sjis windows-31j euc-jp euc-kr
            """)
        while offset < names.count {
            let end = names.firstIndex(of: 0x20, from: offset) ?? names.count
            if names.slice(offset, end - offset).equalsIgnoringCase(name) { return true }
            offset = end + 1
        }
        return false
    }
}

extension ByteView {
    /// Whether the text, in lower case, stands somewhere, letter case aside.
    fileprivate func has(_ text: StaticString) -> Bool { index(of: text) != nil }

    /// Where it stands first.
    fileprivate func index(of text: StaticString) -> Int? {
        let text = ByteView(text)
        var start = 0
        while start + text.count <= count {
            if slice(start, text.count).equalsIgnoringCase(text) { return start }
            start += 1
        }
        return nil
    }

    fileprivate func firstIndex(where matches: (UInt8) -> Bool) -> Int? {
        (0..<count).first { matches(self[$0]) }
    }
}

extension ByteView {
    /// `Content-Encoding`, or as CGI spells it.
    fileprivate var namesContentEncoding: Bool {
        equalsIgnoringCase(ByteView("Content-Encoding"))
            || equalsIgnoringCase(ByteView("Content_Encoding"))
    }
}
