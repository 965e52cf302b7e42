// Whether a parameter's name is one that frameworks take the method from, however it is spelled.
// What PHP, Rack and qs make of a name before they look it up is undone here, in the direction of
// finding too much: a name that no framework reads as an override costs a refusal at worst.

internal import HTTPSyntax

/// Reads one name byte by byte, in constant space.
///
/// `_method`, letter case aside (Slim reads `_METHOD`); `__method` (Flow); with `.` for `_`, blanks
/// and brackets in front, something in brackets, a NUL or a blank behind; a blank in front may
/// also stand for the `_`. Besides `X-HTTP-Method-Override`, which ASP.NET MVC reads as a parameter,
/// and `x-tunneled-method` (Plack, Catalyst).
struct ParameterName: BitwiseCopyable {
    private enum Phase: UInt8, BitwiseCopyable {
        case start
        /// Blanks or brackets have been skipped.
        case skipped
        case underscore, secondUnderscore
        /// `index` bytes of `method`, or of one of the names with `x-`, have been read.
        case method, field, tunneled
        /// Matches if it ends here.
        case whole
        /// Matches whatever follows.
        case cut
        case other
    }

    private var phase = Phase.start
    private var index: UInt8 = 0

    /// Whether what has been read is such a name.
    var isMatch: Bool { phase == .whole || phase == .cut }
    /// Whether it is one whatever follows.
    var isCut: Bool { phase == .cut }
    /// Whether nothing but blanks and brackets has been read.
    var isAtStart: Bool { phase == .start || phase == .skipped }
    /// Whether no further byte can make a match of it.
    var isOther: Bool { phase == .other }

    mutating func restart() { phase = .start }
    /// A character follows that is in no name which counts.
    mutating func giveUp() { if phase != .cut { phase = .other } }

    /// Takes the next byte, escapes decoded.
    mutating func take(_ byte: UInt8) {
        switch phase {
        case .start, .skipped: begin(byte)
        case .underscore:
            phase = Self.isUnderscore(byte) ? .secondUnderscore : firstLetter(byte)
        case .secondUnderscore: phase = firstLetter(byte)
        case .method: next(byte, of: "method")
        case .field where index == 2 && byte | 0x20 == UInt8(ascii: "t"):
            phase = .tunneled
            index = 3
        case .field: next(byte == 0x5f ? 0x2d : byte, of: "x-http-method-override")
        case .tunneled: next(byte == 0x5f ? 0x2d : byte, of: "x-tunneled-method")
        case .whole: phase = Self.isSkipped(byte) ? .cut : .other
        case .cut, .other: break
        }
    }

    private mutating func begin(_ byte: UInt8) {
        if Self.isSkipped(byte) {
            phase = .skipped
        } else if Self.isUnderscore(byte) {
            phase = .underscore
        } else if ASCII.lowercased(byte) == UInt8(ascii: "x") {
            phase = .field
            index = 1
        } else {
            phase = phase == .skipped ? firstLetter(byte) : .other
        }
    }

    private mutating func firstLetter(_ byte: UInt8) -> Phase {
        index = 1
        return ASCII.lowercased(byte) == UInt8(ascii: "m") ? .method : .other
    }

    private mutating func next(_ byte: UInt8, of name: StaticString) {
        let name = ByteView(name)
        guard ASCII.lowercased(byte) == name[Int(index)] else {
            phase = .other
            return
        }
        index += 1
        if Int(index) == name.count { phase = .whole }
    }

    /// PHP makes `_` of `.`.
    private static func isUnderscore(_ byte: UInt8) -> Bool { byte == 0x5f || byte == 0x2e }

    /// Control bytes, space and brackets.
    private static func isSkipped(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == 0x5b || byte == 0x5d
    }
}

/// A name in urlencoded form: `+` and percent escapes decoded, `%uXXXX` too, as IIS does.
struct EscapedName: BitwiseCopyable {
    private enum Escape: UInt8, BitwiseCopyable {
        case none, first, second, unicode
    }

    private var name = ParameterName()
    private var escape = Escape.none
    private var digits: UInt8 = 0
    private var code: UInt16 = 0

    /// Whether the name, if it ends here, overrides the method.
    var isMatch: Bool { name.isCut || escape == .none && name.isMatch }
    /// Whether it is one whatever follows.
    var isCut: Bool { name.isCut }
    /// Whether no further byte can make an override of it.
    var isOther: Bool { name.isOther }

    mutating func restart() {
        name.restart()
        escape = .none
    }

    /// Takes a byte that separates nothing.
    mutating func take(_ byte: UInt8) {
        switch escape {
        case .none:
            if byte == UInt8(ascii: "%") {
                escape = .first
                (code, digits) = (0, 0)
            } else {
                name.take(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        case .first where byte | 0x20 == UInt8(ascii: "u"): escape = .unicode
        case .first, .second, .unicode: takeDigit(byte)
        }
    }

    private mutating func takeDigit(_ byte: UInt8) {
        guard let digit = ASCII.hexValue(byte) else {
            // No escape: the `%` stands for itself, and no such name has one.
            escape = .none
            name.giveUp()
            return
        }
        code = code &<< 4 | UInt16(digit)
        digits += 1
        switch escape {
        case .first: escape = .second
        case .unicode where digits < 4: break
        default:
            escape = .none
            if code < 0x80 { name.take(UInt8(code)) } else { name.giveUp() }
        }
    }
}
