// What of a path the steps look for, found in one pass: a step whose marks are absent leaves the
// path as it is, and need not be tried.

/// What a path holds that some step changes, or that has it refused.
package struct PathMarks: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// An escape of an unreserved character.
    static let unreservedEscape = PathMarks(rawValue: 1 << 0)
    static let slashEscape = PathMarks(rawValue: 1 << 1)
    static let backslashEscape = PathMarks(rawValue: 1 << 2)
    /// An escape of anything else.
    static let otherEscape = PathMarks(rawValue: 1 << 3)
    /// An escape of whatever, with a digit in lower case.
    static let lowerCaseEscape = PathMarks(rawValue: 1 << 4)
    /// An upper-case letter that is no digit of an escape.
    static let upperCase = PathMarks(rawValue: 1 << 5)
    /// A byte with which overlong UTF-8 of an ASCII character begins.
    static let overlongLead = PathMarks(rawValue: 1 << 6)
    /// A byte with which a character begins whose other case is ASCII.
    static let foldableLead = PathMarks(rawValue: 1 << 7)
    static let backslash = PathMarks(rawValue: 1 << 8)
    static let semicolon = PathMarks(rawValue: 1 << 9)
    static let question = PathMarks(rawValue: 1 << 10)
    static let hash = PathMarks(rawValue: 1 << 11)
    static let emptySegment = PathMarks(rawValue: 1 << 12)
    /// `.` or `..`.
    static let dotSegment = PathMarks(rawValue: 1 << 13)
    /// A segment that ends with a dot and is no dot segment.
    static let dotAtEnd = PathMarks(rawValue: 1 << 14)
    static let spaceAtEnd = PathMarks(rawValue: 1 << 15)
    /// The same of the last segment.
    static let dotAtLastEnd = PathMarks(rawValue: 1 << 16)
    static let spaceAtLastEnd = PathMarks(rawValue: 1 << 17)
    package static let nul = PathMarks(rawValue: 1 << 18)
    /// `%u` and four digits.
    static let unicodeEscape = PathMarks(rawValue: 1 << 19)

    static let plus = PathMarks(rawValue: 1 << 20)
    /// A byte with which a full-width form begins.
    static let fullWidthLead = PathMarks(rawValue: 1 << 21)
    /// `:$`.
    static let stream = PathMarks(rawValue: 1 << 22)
    /// A tab, CR or LF.
    static let lineBreak = PathMarks(rawValue: 1 << 23)
    static let spaceAtStart = PathMarks(rawValue: 1 << 24)
    /// A segment that begins like `(S(x))`.
    static let session = PathMarks(rawValue: 1 << 25)

    /// The marks of `path`, which begins with a slash.
    package init(of path: ByteView) {
        var marks = PathMarks()
        var start = 0
        var index = 0
        while index < path.count {
            let byte = path[index]
            // Nearly every byte of a path.
            if byte &- 0x61 < 26 {
                index &+= 1
                continue
            }
            if index == start, !ASCII.isVisible(byte),
                WhiteSpace.lengthAtStart(path.dropFirst(index)) > 0
            {
                marks.formUnion(.spaceAtStart)
            }
            switch byte {
            case 0x2f:
                if index > 0 {
                    if start == index { marks.formUnion(.emptySegment) }
                    marks.formUnion(Self.end(of: path, from: start, to: index))
                }
                start = index &+ 1
            case 0x25:
                if let escaped = PathEscape.byte(at: index, of: path) {
                    marks.formUnion(Self.escape(of: escaped, path[index + 1], path[index + 2]))
                    index &+= 3
                    continue
                }
                if Self.isUnicodeEscape(path, index) { marks.formUnion(.unicodeEscape) }
            case 0x41...0x5a: marks.formUnion(.upperCase)
            case 0x5c: marks.formUnion(.backslash)
            case 0x3b: marks.formUnion(.semicolon)
            case 0x3f: marks.formUnion(.question)
            case 0x23: marks.formUnion(.hash)
            case 0x2b: marks.formUnion(.plus)
            case 0x28:
                if index == start, Self.sessionEnd(path, index) != nil { marks.formUnion(.session) }
            case 0x24: if path[index &- 1] == 0x3a { marks.formUnion(.stream) }
            case 0x09, 0x0a, 0x0d: marks.formUnion(.lineBreak)
            case 0: marks.formUnion(.nul)
            case 0xef: marks.formUnion(.fullWidthLead)
            case 0xc0, 0xc1, 0xe0, 0xf0, 0xf8, 0xfc: marks.formUnion(.overlongLead)
            case 0xc4, 0xc5, 0xe2: marks.formUnion(.foldableLead)
            default: break
            }
            index &+= 1
        }
        let last = Self.end(of: path, from: start, to: path.count)
        marks.formUnion(last)
        if last.contains(.dotAtEnd) { marks.formUnion(.dotAtLastEnd) }
        if last.contains(.spaceAtEnd) { marks.formUnion(.spaceAtLastEnd) }
        self = marks
    }

    /// What the end of a segment says: nothing where it is empty.
    @inline(__always) static func end(
        of path: ByteView, from start: Int, to end: Int
    ) -> PathMarks {
        guard end > start else { return [] }
        switch path[end &- 1] {
        case 0x2e:
            let isDots = end &- start == 1 || (end &- start == 2 && path[start] == 0x2e)
            return isDots ? .dotSegment : .dotAtEnd
        case 0x01...0x20: return .spaceAtEnd
        case 0x80...:
            return WhiteSpace.lengthAtEnd(path.slice(start, end &- start)) > 0 ? .spaceAtEnd : []
        default: return []
        }
    }

    private static func escape(of byte: UInt8, _ high: UInt8, _ low: UInt8) -> PathMarks {
        let isLower = high >= 0x61 || low >= 0x61
        let digits: PathMarks = isLower ? .lowerCaseEscape : []
        if byte == 0x2f { return digits.union(.slashEscape) }
        if byte == 0x5c { return digits.union(.backslashEscape) }
        return digits.union(PathEscape.isUnreserved(byte) ? .unreservedEscape : .otherEscape)
    }

    /// Where what looks like `(S(x))` or `(S(x)F(y))` ends that begins a segment there, as ASP.NET
    /// writes the session of clients without cookies into a path; nil where nothing does.
    static func sessionEnd(_ path: ByteView, _ start: Int) -> Int? {
        let end = path.firstIndex(of: 0x2f, from: start) ?? path.count
        guard end - start >= 5, path[start] == 0x28, ASCII.isLetter(path[start + 1]),
            path[start + 2] == 0x28
        else { return nil }
        if path[end - 1] == 0x29 && path[end - 2] == 0x29 { return end }
        for index in (start + 4)..<end where path[index] == 0x29 && path[index - 1] == 0x29 {
            return index + 1
        }
        return nil
    }

    private static func isUnicodeEscape(_ path: ByteView, _ index: Int) -> Bool {
        index + 5 < path.count && path[index + 1] | 0x20 == 0x75
            && (index + 2...index + 5).allSatisfy { ASCII.hexValue(path[$0]) != nil }
    }
}
