// Why a path is refused with 400 before any rule is asked: what has no safe reading.

/// What is wrong with the path of a request target.
@usableFromInline package enum PathProblem: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case none
    case noLeadingSlash
    case controlByte
    case nonASCII
    case backslash
    case malformedEscape
    case nulEscape
    case unicodeEscape
    case tooManyReadings
    case tooManyDecodings

    /// For the operator.
    package var text: StaticString {
        switch self {
        case .none: "no problem"
        case .noLeadingSlash: "the path does not begin with a slash"
        case .controlByte: "control byte or space in the path"
        case .nonASCII: "byte over 0x7F in the path"
        case .backslash: "raw backslash in the path"
        case .malformedEscape: "malformed percent escape in the path"
        case .nulEscape: "%00 in the path"
        case .unicodeEscape: "%u escape in the path"
        case .tooManyReadings: "the path has more than 64 readings"
        case .tooManyDecodings: "the path is percent-encoded more than twice"
        }
    }
}
