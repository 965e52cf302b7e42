// Every way in which bytes are refused, with the sentence for the operator and the section that
// forbids it. docs/supported-http.md lists the same; a test compares them.

/// What is wrong with the bytes.
package enum Reason: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    // Lines
    case emptyLineFirst, bareLF, bareCR
    // Request line
    case methodNotToken, methodTooLong, whiteSpaceInRequestLine, controlInTarget
    case fragmentInTarget, targetTooLong, targetForm, asteriskForm, targetScheme
    case authorityInvalid, userinfo, versionMissing, versionInvalid, versionUnsupported
    // Status line
    case statusLineInvalid, statusOutOfRange, controlInReasonPhrase
    // Field lines
    case obsFold, fieldNameMissing, fieldNameNotToken, whiteSpaceBeforeColon, colonMissing
    case nulInValue, controlInValue, headTooLarge, tooManyFields, connectionTooLong
    // Host
    case hostMissing, hostRepeated, hostInvalid, hostMismatch
    // Framing
    case contentLengthInvalid, contentLengthTooLarge, contentLengthRepeated
    case transferEncodingUnsupported, transferEncodingRepeated, transferEncodingInHTTP10
    case twoFramings
    // Chunked coding
    case chunkSizeInvalid, chunkSizeTooLarge, chunkExtensionInvalid, chunkExtensionTooLong
    case chunkEndMissing

    /// The status that answers it in a request.
    package var status: UInt16 {
        switch self {
        case .methodTooLong: 501
        case .targetTooLong: 414
        case .headTooLarge, .tooManyFields, .connectionTooLong: 431
        case .versionUnsupported: 505
        default: 400
        }
    }

    /// What is wrong, for the operator.
    package var text: StaticString { entry.text }

    /// The section that forbids it or lets it be refused.
    package var section: StaticString { entry.section }

    private var entry: (text: StaticString, section: StaticString) {
        switch self {
        case .emptyLineFirst: ("empty line before the first line", "RFC 9112 §2.2")
        case .bareLF: ("bare LF", "RFC 9112 §2.2")
        case .bareCR: ("bare CR", "RFC 9112 §2.2")
        case .methodNotToken: ("the method is no token", "RFC 9110 §9.1")
        case .methodTooLong: ("the method is longer than the limit of a target", "RFC 9112 §3")
        case .whiteSpaceInRequestLine: ("stray white space in the request line", "RFC 9112 §3")
        case .controlInTarget: ("control byte in the target", "RFC 9112 §3.2")
        case .fragmentInTarget: ("# in the target", "RFC 9112 §3.2")
        case .targetTooLong: ("the target is longer than the limit", "RFC 9112 §3")
        case .targetForm: ("the target has none of the four forms", "RFC 9112 §3.2")
        case .asteriskForm: ("target * with a method other than OPTIONS", "RFC 9112 §3.2.4")
        case .targetScheme: ("the target's scheme is neither http nor https", "RFC 9112 §3.2.2")
        case .authorityInvalid: ("bad authority in the target", "RFC 9112 §3.2.2")
        case .userinfo: ("userinfo in the target", "RFC 9110 §4.2.4")
        case .versionMissing: ("no version in the request line", "RFC 9112 §3")
        case .versionInvalid: ("malformed version", "RFC 9112 §2.3")
        case .versionUnsupported: ("a major version other than 1", "RFC 9110 §15.6.6")
        case .statusLineInvalid: ("malformed status line", "RFC 9112 §4")
        case .statusOutOfRange: ("status outside 100 to 599", "RFC 9110 §15")
        case .controlInReasonPhrase: ("control byte in the reason phrase", "RFC 9112 §4")
        case .obsFold: ("white space begins a field line", "RFC 9112 §5.2")
        case .fieldNameMissing: ("a field without a name", "RFC 9110 §5.1")
        case .fieldNameNotToken: ("a field name is no token", "RFC 9110 §5.1")
        case .whiteSpaceBeforeColon: ("white space in or after a field name", "RFC 9112 §5.1")
        case .colonMissing: ("a field line without a colon", "RFC 9112 §5")
        case .nulInValue: ("NUL in a field value", "RFC 9110 §5.5")
        case .controlInValue: ("control byte in a field value", "RFC 9110 §5.5")
        case .headTooLarge: ("the head is longer than the limit", "RFC 6585 §5")
        case .tooManyFields: ("more field lines than the limit", "RFC 6585 §5")
        case .connectionTooLong: ("Connection is longer than 1024 bytes", "RFC 6585 §5")
        case .hostMissing: ("no Host in HTTP/1.1", "RFC 9112 §3.2")
        case .hostRepeated: ("more than one Host", "RFC 9112 §3.2")
        case .hostInvalid: ("Host is no host with an optional port", "RFC 9112 §3.2")
        case .hostMismatch: ("Host differs from the target's authority", "RFC 9112 §3.2.2")
        case .contentLengthInvalid: ("Content-Length is no decimal number", "RFC 9112 §6.3")
        case .contentLengthTooLarge: ("Content-Length above 2^63-1", "RFC 9110 §8.6")
        case .contentLengthRepeated: ("more than one Content-Length", "RFC 9112 §6.3")
        case .transferEncodingUnsupported:
            ("a transfer coding other than one chunked", "RFC 9112 §6.1")
        case .transferEncodingRepeated: ("more than one Transfer-Encoding", "RFC 9112 §6.1")
        case .transferEncodingInHTTP10: ("Transfer-Encoding in HTTP/1.0", "RFC 9112 §6.1")
        case .twoFramings: ("Transfer-Encoding with Content-Length", "RFC 9112 §6.3")
        case .chunkSizeInvalid: ("malformed chunk size", "RFC 9112 §7.1")
        case .chunkSizeTooLarge: ("chunk size above 2^63-1 or 16 digits", "RFC 9112 §7.1")
        case .chunkExtensionInvalid: ("malformed chunk extension", "RFC 9112 §7.1.1")
        case .chunkExtensionTooLong: ("chunk extension above 256 bytes", "RFC 9112 §7.1.1")
        case .chunkEndMissing: ("chunk data not followed by CRLF", "RFC 9112 §7.1")
        }
    }
}
