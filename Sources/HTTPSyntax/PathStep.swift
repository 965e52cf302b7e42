// The steps by which backends are known to turn a request's path into another one. Each is a
// plain function of bytes, so that readings are its compositions and patterns can undergo the
// very same. None makes a path longer, none joins what two slashes kept apart, and all but
// `resolveDots` look at one segment or one escape at a time.

/// One thing a backend may do to a path.
package enum PathStep: UInt8, CaseIterable, Sendable {
    /// Decodes escapes of unreserved characters; writes other escapes in upper case.
    case decodeUnreserved
    /// Decodes every escape but `%2F`.
    case decodeKeepingSlash
    /// Decodes every escape.
    case decode
    /// `%2F` and `%5C` become a slash, other escapes stay.
    case unescapeSlashes
    /// `+` becomes a space, as in forms.
    case decodePlus
    /// Bytes of overlong UTF-8 become the ASCII character that they stand for.
    case decodeOverlong
    /// Full-width forms (U+FF01 to U+FF5E) become the ASCII characters they are compatible with.
    case foldWidth
    case backslashToSlash
    /// Drops `;` and what follows in each segment.
    case dropParameters
    /// Drops `::$DATA` and other names of an NTFS stream's type in each segment, and what follows.
    case dropStreams
    /// Drops tabs and line ends everywhere, as parsers of URLs do.
    case dropLineBreaks
    /// ASCII letters in lower case, and the two others whose other case is ASCII (U+212A, U+017F).
    case foldCase
    /// Drops one dot at the end of each segment; dot segments stay.
    case trimDots
    /// The same at the end of the path only.
    case trimLastDot
    /// Drops one control byte or white-space character at the end of each segment.
    case trimSpaces
    /// The same at the end of the path only.
    case trimLastSpace
    /// The same at the beginning of each segment.
    case trimFirstSpaces
    /// Drops `?` and what follows.
    case cutQuery
    /// Drops `#` and what follows.
    case cutFragment
    /// Drops empty segments; a trailing slash stays.
    case mergeSlashes
    /// Resolves `.` and `..` (RFC 3986 §5.2.4).
    case resolveDots

    /// The steps whose compositions are judged at `level`.
    package static func steps(at level: ReadingLevel) -> [PathStep] {
        switch level {
        case .exact: []
        case .standard: [.decodeKeepingSlash, .mergeSlashes, .resolveDots]
        case .all: allCases
        }
    }

    /// How many steps there are: the distance between the rows of a table of steps.
    package static let count = allCases.count

    /// Whether it counts against the limit of two decodings.
    package var isDecoding: Bool { trigger == .percent }

    /// Whether a path with these marks may change; a path without them does not.
    package func mayChange(_ marks: PathMarks) -> Bool { !marks.isDisjoint(with: trigger) }

    private var trigger: PathMarks {
        switch self {
        case .decodeUnreserved, .decodeKeepingSlash, .decode, .unescapeSlashes: .percent
        case .decodePlus: .plus
        case .decodeOverlong, .foldWidth: .high
        case .backslashToSlash: .backslash
        case .dropParameters: .semicolon
        case .dropStreams: .stream
        case .dropLineBreaks: .lineBreak
        case .foldCase: [.upperCase, .high]
        case .trimDots, .trimLastDot: .dotAtEnd
        case .trimSpaces, .trimLastSpace: .spaceAtEnd
        case .trimFirstSpaces: .spaceAtStart
        case .cutQuery: .question
        case .cutFragment: .hash
        case .mergeSlashes: .emptySegment
        case .resolveDots: .dotAtEnd
        }
    }

    /// Applies the step. `output` holds at least as many bytes as `input`, which begins with a
    /// slash; so does the result. Returns the length of the result.
    package func apply(to input: ByteView, into output: MutableByteView) -> Int {
        var writer = PathWriter(output: output)
        switch self {
        case .decodeUnreserved:
            writer.decode(input, keepingCase: false) { PathEscape.isUnreserved($0) ? $0 : nil }
        case .decodeKeepingSlash: writer.decode(input, keepingCase: false) { $0 == 0x2f ? nil : $0 }
        case .decode: writer.decode(input, keepingCase: true) { $0 }
        case .unescapeSlashes:
            writer.decode(input, keepingCase: true) { $0 == 0x2f || $0 == 0x5c ? 0x2f : nil }
        case .decodePlus: writer.map(input) { $0 == 0x2b ? 0x20 : $0 }
        case .decodeOverlong: writer.decodeOverlong(input)
        case .foldWidth: writer.foldWidth(input)
        case .backslashToSlash: writer.map(input) { $0 == 0x5c ? 0x2f : $0 }
        case .dropParameters: writer.dropParameters(input)
        case .dropStreams: writer.dropStreams(input)
        case .dropLineBreaks: writer.dropLineBreaks(input)
        case .foldCase: writer.foldCase(input)
        case .trimDots: writer.trim(input, lastOnly: false, Self.trailingDot)
        case .trimLastDot: writer.trim(input, lastOnly: true, Self.trailingDot)
        case .trimSpaces: writer.trim(input, lastOnly: false, WhiteSpace.lengthAtEnd)
        case .trimLastSpace: writer.trim(input, lastOnly: true, WhiteSpace.lengthAtEnd)
        case .trimFirstSpaces: writer.trimFirstSpaces(input)
        case .cutQuery: writer.cut(input, at: 0x3f)
        case .cutFragment: writer.cut(input, at: 0x23)
        case .mergeSlashes: writer.mergeSlashes(input)
        case .resolveDots: writer.resolveDots(input)
        }
        return writer.count
    }

    /// 1 where a segment that is no dot segment ends with a dot.
    private static func trailingDot(_ segment: ByteView) -> Int {
        guard segment.count > 1, segment[segment.count - 1] == 0x2e else { return 0 }
        return segment.count > 2 || segment[0] != 0x2e ? 1 : 0
    }
}

/// What a path holds that some step looks for.
package struct PathMarks: OptionSet, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let percent = PathMarks(rawValue: 1 << 0)
    package static let upperCase = PathMarks(rawValue: 1 << 1)
    package static let high = PathMarks(rawValue: 1 << 2)
    package static let backslash = PathMarks(rawValue: 1 << 3)
    package static let semicolon = PathMarks(rawValue: 1 << 4)
    package static let question = PathMarks(rawValue: 1 << 5)
    package static let hash = PathMarks(rawValue: 1 << 6)
    package static let emptySegment = PathMarks(rawValue: 1 << 7)
    /// A dot before a slash or the end: a dot segment too.
    package static let dotAtEnd = PathMarks(rawValue: 1 << 8)
    package static let spaceAtEnd = PathMarks(rawValue: 1 << 9)
    package static let nul = PathMarks(rawValue: 1 << 10)
    package static let plus = PathMarks(rawValue: 1 << 11)
    /// `:$`.
    package static let stream = PathMarks(rawValue: 1 << 12)
    package static let lineBreak = PathMarks(rawValue: 1 << 13)
    package static let spaceAtStart = PathMarks(rawValue: 1 << 14)

    /// The marks of `path`.
    package init(of path: ByteView) {
        var marks = PathMarks()
        var previous: UInt8 = 0x61
        for index in 0..<path.count {
            let byte = path[index]
            marks.formUnion(Self.mark(of: byte))
            if byte == 0x2f { marks.formUnion(Self.mark(atEndOf: previous)) }
            if byte == 0x24, previous == 0x3a { marks.formUnion(.stream) }
            if previous == 0x2f, Self.mayBeSpace(byte) { marks.formUnion(.spaceAtStart) }
            previous = byte
        }
        if previous != 0x2f { marks.formUnion(Self.mark(atEndOf: previous)) }
        self = marks
    }

    private static func mark(of byte: UInt8) -> PathMarks {
        switch byte {
        case 0: .nul
        case 0x25: .percent
        case 0x41...0x5a: .upperCase
        case 0x5c: .backslash
        case 0x3b: .semicolon
        case 0x3f: .question
        case 0x23: .hash
        case 0x2b: .plus
        case 0x09, 0x0a, 0x0d: .lineBreak
        case 0x80...: .high
        default: []
        }
    }

    /// The mark that a byte gives which a slash or the end follows.
    private static func mark(atEndOf byte: UInt8) -> PathMarks {
        switch byte {
        case 0x2f: .emptySegment
        case 0x2e: .dotAtEnd
        default: mayBeSpace(byte) ? .spaceAtEnd : []
        }
    }

    private static func mayBeSpace(_ byte: UInt8) -> Bool { byte <= 0x20 || byte >= 0x80 }
}
