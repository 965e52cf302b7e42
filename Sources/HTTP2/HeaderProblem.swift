// Every way in which the field lines of an HTTP/2 message are refused before they are read as those
// of any version are: what HTTP/1.1 could not even spell, or would read otherwise.
// docs/supported-http.md lists the same; a test compares them.

/// What is wrong with a field section (RFC 9113 §8).
package enum HeaderProblem: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    // Names and values
    case nameEmpty, nameUpperCase, nameNotToken, valueWithLineEnd, valueWithNUL, valuePadded
    case connectionSpecific, teUnknown
    // Pseudo-fields
    case pseudoUnknown, pseudoRepeated, pseudoLate, pseudoInTrailers
    case methodMissing, methodNotToken, schemeMissing, schemeUnknown, pathMissing, pathForm
    case pathWithSpace, authorityInvalid, authorityMismatch
    case connectForm, protocolWithoutConnect, protocolUnknown
    // Content and trailers
    case trailersMidway, contentTooLong, contentTooShort, tunnelTrailers
    // Sizes
    case headTooLarge, tooManyFields, targetTooLong

    /// The status that answers it.
    package var status: UInt16 {
        switch self {
        case .headTooLarge, .tooManyFields: 431
        case .targetTooLong: 414
        case .protocolUnknown: 501
        default: 400
        }
    }

    /// Whether the stream is at fault, as RFC 9113 §8.1.1 has it: it is reset behind the answer.
    package var isMalformed: Bool { status == 400 }

    /// What is wrong, for the operator.
    package var text: StaticString { entry.text }

    /// The section that forbids it or lets it be refused.
    package var section: StaticString { entry.section }

    private var entry: (text: StaticString, section: StaticString) {
        switch self {
        case .nameEmpty: ("a field without a name", "RFC 9113 §8.2.1")
        case .nameUpperCase: ("an upper-case letter in a field name", "RFC 9113 §8.2.1")
        case .nameNotToken: ("a field name is no token", "RFC 9113 §8.2.1")
        case .valueWithLineEnd: ("CR or LF in a field value", "RFC 9113 §8.2.1")
        case .valueWithNUL: ("NUL in a field value", "RFC 9113 §8.2.1")
        case .valuePadded: ("white space around a field value", "RFC 9113 §8.2.1")
        case .connectionSpecific: ("a field that is about a connection", "RFC 9113 §8.2.2")
        case .teUnknown: ("TE is not trailers", "RFC 9113 §8.2.2")
        case .pseudoUnknown: ("an unknown pseudo-field", "RFC 9113 §8.3")
        case .pseudoRepeated: ("a pseudo-field twice", "RFC 9113 §8.3")
        case .pseudoLate: ("a pseudo-field behind other fields", "RFC 9113 §8.3")
        case .pseudoInTrailers: ("a pseudo-field in trailers", "RFC 9113 §8.1")
        case .methodMissing: ("no :method", "RFC 9113 §8.3.1")
        case .methodNotToken: ("the method is no token", "RFC 9113 §8.3.1")
        case .schemeMissing: ("no :scheme", "RFC 9113 §8.3.1")
        case .schemeUnknown: ("a :scheme other than http and https", "RFC 9113 §8.3.1")
        case .pathMissing: ("no :path, or an empty one", "RFC 9113 §8.3.1")
        case .pathForm: (":path does not begin with a slash", "RFC 9113 §8.3.1")
        case .pathWithSpace: ("a space in :path", "RFC 9113 §8.3.1")
        case .authorityInvalid: ("bad :authority", "RFC 9113 §8.3.1")
        case .authorityMismatch: ("Host differs from :authority", "RFC 9113 §8.3.1")
        case .connectForm: ("CONNECT without :authority", "RFC 9113 §8.5")
        case .protocolWithoutConnect: (":protocol without CONNECT", "RFC 8441 §4")
        case .protocolUnknown: ("a :protocol other than websocket", "RFC 8441 §4")
        case .trailersMidway: ("fields in the midst of content", "RFC 9113 §8.1")
        case .contentTooLong: ("more content than Content-Length says", "RFC 9113 §8.1.1")
        case .contentTooShort: ("less content than Content-Length says", "RFC 9113 §8.1.1")
        case .tunnelTrailers: ("trailers in a tunnel", "RFC 9113 §8.5")
        case .headTooLarge: ("the head is longer than the limit", "RFC 6585 §5")
        case .tooManyFields: ("more field lines than the limit", "RFC 6585 §5")
        case .targetTooLong: ("the target is longer than the limit", "RFC 9110 §15.5.15")
        }
    }
}
