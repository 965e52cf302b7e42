// Every way in which a backend's answer over HTTP/2 is refused before it is read as one of any
// version is: what HTTP/1.1 could not even spell, or would read otherwise. docs/http2.md lists the
// same; a test compares them.

/// What is wrong with an answer (RFC 9113 §8). Its client gets 502, or is cut off where the answer
/// has begun; the stream is reset with PROTOCOL_ERROR.
package enum AnswerProblem: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    // Names and values
    case nameInvalid, valueInvalid, connectionSpecific
    // Pseudo-fields
    case pseudoUnknown, pseudoRepeated, pseudoLate, pseudoInTrailers
    case statusMissing, statusInvalid, switchesProtocols
    // Content and trailers
    case interimEnds, trailersMidway, contentUnexpected, contentTooLong, contentTooShort
    // Sizes
    case headTooLarge, tooManyFields

    /// What is wrong, for the operator.
    package var text: StaticString { entry.text }

    /// The section that forbids it or lets it be refused.
    package var section: StaticString { entry.section }

    /// Whether a limit of the gate is what it is beyond.
    package var isSize: Bool { self == .headTooLarge || self == .tooManyFields }

    private var entry: (text: StaticString, section: StaticString) {
        switch self {
        case .nameInvalid: ("a field name is no token in lower case", "RFC 9113 §8.2.1")
        case .valueInvalid:
            ("CR, LF or NUL in a field value, or white space around it", "RFC 9113 §8.2.1")
        case .connectionSpecific: ("a field that is about a connection", "RFC 9113 §8.2.2")
        case .pseudoUnknown: ("an unknown pseudo-field", "RFC 9113 §8.3")
        case .pseudoRepeated: ("a pseudo-field twice", "RFC 9113 §8.3")
        case .pseudoLate: ("a pseudo-field behind other fields", "RFC 9113 §8.3")
        case .pseudoInTrailers: ("a pseudo-field in trailers", "RFC 9113 §8.1")
        case .statusMissing: ("no :status", "RFC 9113 §8.3.2")
        case .statusInvalid: ("a :status that is not from 100 to 599", "RFC 9113 §8.3.2")
        case .switchesProtocols: ("101", "RFC 9113 §8.6")
        case .interimEnds: ("an interim answer that ends the stream", "RFC 9113 §8.1")
        case .trailersMidway: ("fields in the midst of content", "RFC 9113 §8.1")
        case .contentUnexpected:
            ("content of an answer that has none: to HEAD, 204 or 304", "RFC 9113 §8.1.1")
        case .contentTooLong: ("more content than Content-Length says", "RFC 9113 §8.1.1")
        case .contentTooShort: ("less content than Content-Length says", "RFC 9113 §8.1.1")
        case .headTooLarge: ("the head is longer than the limit", "RFC 9113 §10.5.1")
        case .tooManyFields: ("more field lines than the limit", "RFC 9113 §10.5.1")
        }
    }
}
