// The steps by which backends are known to turn a request's path into another one. Each is a
// plain function of bytes, so that readings are its compositions and patterns can undergo the
// very same. None makes a path longer, and all but `resolveDots`, `dropSessions` and what cuts the
// path look at one segment or one escape at a time.

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
    /// The same by decoders that never look at the top bits of the bytes behind the first.
    case decodeOverlongLoosely
    /// Full-width forms (U+FF01 to U+FF5E) become the ASCII characters they are compatible with.
    case foldWidth
    case backslashToSlash
    /// Drops `;` and what follows in each segment.
    case dropParameters
    /// Drops the first `;` and all that follows.
    case cutParameters
    /// Drops `::$DATA` and other names of an NTFS stream's type in each segment, and what follows.
    case dropStreams
    /// Drops what looks like `/(S(x))` at the beginning of segments, in which ASP.NET keeps
    /// sessions: what stands behind it joins the segment before.
    case dropSessions
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
    package var isDecoding: Bool { rawValue <= PathStep.unescapeSlashes.rawValue }

    /// Whether a path with these marks may change; a path without them does not.
    package func mayChange(_ marks: PathMarks) -> Bool { !marks.isDisjoint(with: trigger) }

    private var trigger: PathMarks {
        switch self {
        case .decodeUnreserved: [.unreservedEscape, .lowerCaseEscape]
        case .decodeKeepingSlash:
            [.unreservedEscape, .backslashEscape, .otherEscape, .lowerCaseEscape]
        case .decode: [.unreservedEscape, .slashEscape, .backslashEscape, .otherEscape]
        case .unescapeSlashes: [.slashEscape, .backslashEscape]
        case .decodePlus: .plus
        case .decodeOverlong, .decodeOverlongLoosely: .overlongLead
        case .foldWidth: .fullWidthLead
        case .backslashToSlash: .backslash
        case .dropParameters, .cutParameters: .semicolon
        case .dropStreams: .stream
        case .dropSessions: .session
        case .dropLineBreaks: .lineBreak
        case .foldCase: [.upperCase, .foldableLead]
        case .trimDots: .dotAtEnd
        case .trimLastDot: .dotAtLastEnd
        case .trimSpaces: .spaceAtEnd
        case .trimLastSpace: .spaceAtLastEnd
        case .trimFirstSpaces: .spaceAtStart
        case .cutQuery: .question
        case .cutFragment: .hash
        case .mergeSlashes: .emptySegment
        case .resolveDots: .dotSegment
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
        case .decodeOverlong: writer.decodeOverlong(input, mask: 0xc0)
        case .decodeOverlongLoosely: writer.decodeOverlong(input, mask: 0)
        case .foldWidth: writer.foldWidth(input)
        case .backslashToSlash: writer.map(input) { $0 == 0x5c ? 0x2f : $0 }
        case .dropParameters: writer.dropParameters(input)
        case .cutParameters: writer.cut(input, at: 0x3b)
        case .dropStreams: writer.dropStreams(input)
        case .dropSessions: writer.dropSessions(input)
        case .dropLineBreaks: writer.dropLineBreaks(input)
        case .foldCase: writer.foldCase(input)
        case .trimDots: writer.trim(input, lastOnly: false, .dotAtEnd)
        case .trimLastDot: writer.trim(input, lastOnly: true, .dotAtEnd)
        case .trimSpaces: writer.trim(input, lastOnly: false, .spaceAtEnd)
        case .trimLastSpace: writer.trim(input, lastOnly: true, .spaceAtEnd)
        case .trimFirstSpaces: writer.trimFirstSpaces(input)
        case .cutQuery: writer.cut(input, at: 0x3f)
        case .cutFragment: writer.cut(input, at: 0x23)
        case .mergeSlashes: writer.mergeSlashes(input)
        case .resolveDots: writer.resolveDots(input)
        }
        return writer.count
    }
}
