// The head of a part of multipart content: whether it names the part `_method`. The parsers of
// frameworks differ in nearly everything here, so this one looks for such a name anywhere in the
// head, and calls a head unreadable that names one and is not written in the plain way. The
// readers that made each step necessary stand in docs/method-overrides.md.

internal import HTTPSyntax

/// Reads one head byte by byte, in constant space.
struct PartHead: BitwiseCopyable {
    enum Step: UInt8, BitwiseCopyable {
        case more
        /// The head has ended: the value, or some other part's content, follows.
        case ended
        /// The part may be an override for some reader and not for another.
        case unreadable
    }

    /// A word of the head is such a name.
    private(set) var isNamed = false
    /// An empty line that only some readers take for one has been read: to others this is the
    /// head still.
    private var isDoubtful = false
    /// How many lines have ended, the delimiter's among them; two stand for more.
    private var lines: UInt8 = 0
    private var word = NameWord()
    /// The same for PHP, to which a line that is no field goes on with the one before.
    private var joined = NameWord()
    private var parameter = NameParameter()
    /// The bytes before this one.
    private var last: UInt8 = 0
    private var secondLast: UInt8 = 0
    private var thirdLast: UInt8 = 0

    /// Behind a delimiter.
    mutating func begin() { self = PartHead() }

    mutating func take(_ byte: UInt8) -> Step {
        if parameter.isUnreadable(byte) { return .unreadable }
        let endsJoined = byte == 0x0d || byte == 0x0a ? joined.isMatch : joined.isName(byte)
        if word.isName(byte) || endsJoined {
            isNamed = true
            if isDoubtful { return .unreadable }
        }
        defer { (thirdLast, secondLast, last) = (secondLast, last, byte) }
        guard byte == 0x0a else { return .more }
        let isEmpty = lines == 1
        lines = min(2, lines + 1)
        if last == 0x0d && secondLast == 0x0a {
            // A head without lines is one to Werkzeug; Rack takes what follows for its lines.
            if thirdLast == 0x0d && !isEmpty { return .ended }
        } else if last != 0x0a {
            return .more
        }
        // Werkzeug, Go and PHP end the head here, Rack does not, nor busboy after a bare LF.
        isDoubtful = true
        return isNamed ? .unreadable : .more
    }
}

/// Whether a word of a part's head, between separators or quotes, is the name of an override. The
/// field it stands in does not matter: Rack takes the name from `Content-ID` too.
private struct NameWord: BitwiseCopyable {
    private enum Escape: UInt8, BitwiseCopyable {
        case none, first, second
    }

    private var name = ParameterName()
    private var escape = Escape.none
    private var high: UInt8 = 0
    /// Blanks now belong to the word: it follows a quote or `=`.
    private var takesBlanks = false

    var isMatch: Bool { name.isCut || escape == .none && name.isMatch }

    /// Takes a byte; whether a word that is such a name ends with it.
    mutating func isName(_ byte: UInt8) -> Bool {
        switch byte {
        // Rack drops them wherever they stand.
        case UInt8(ascii: "\\"): return false
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "="): return end(quoted: true)
        case UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "<"),
            UInt8(ascii: ">"), UInt8(ascii: "("), UInt8(ascii: ")"), 0, 0x0a, 0x0d:
            return end(quoted: false)
        case 0x20, 0x09:
            if takesBlanks && name.isAtStart && escape == .none {
                name.take(byte)
                return false
            }
            return end(quoted: false)
        default:
            takeEscaped(byte)
            return false
        }
    }

    private mutating func end(quoted: Bool) -> Bool {
        let isName = isMatch
        name.restart()
        escape = .none
        takesBlanks = quoted
        return isName
    }

    /// A parameter like `name*` has percent escapes (RFC 8187).
    private mutating func takeEscaped(_ byte: UInt8) {
        if escape == .none {
            if byte == UInt8(ascii: "%") { escape = .first } else { name.take(byte) }
            return
        }
        guard let digit = ASCII.hexValue(byte) else {
            escape = .none
            name.giveUp()
            return
        }
        if escape == .first {
            high = digit &<< 4
            escape = .second
        } else {
            escape = .none
            name.take(high | digit)
        }
    }
}

/// Whether a parameter `name` is written so that its value cannot be read here: in pieces
/// (`name*0`, RFC 2231 §3), in a charset that hides ASCII, or as an encoded word (RFC 2047).
private struct NameParameter: BitwiseCopyable {
    private enum Phase: UInt8, BitwiseCopyable {
        /// Not in a word, or at its beginning.
        case between
        /// In a word that is not `name`.
        case other
        /// `index` letters of `name` have been read.
        case name
        case afterName, star, charset, value, equalsInValue
    }

    private var phase = Phase.between
    private var index: UInt8 = 0
    /// Which of the known charsets the bytes so far begin.
    private var charsets: UInt8 = 0

    private static var known: (StaticString, StaticString, StaticString) {
        ("utf-8", "iso-8859-1", "us-ascii")
    }

    mutating func isUnreadable(_ byte: UInt8) -> Bool {
        let isBlank = byte <= 0x20
        switch phase {
        case .between, .other, .name: takeWord(byte)
        case .afterName:
            if byte == UInt8(ascii: "=") {
                phase = .value
            } else if byte == UInt8(ascii: "*") {
                phase = .star
            } else if !isBlank {
                phase = .other
            }
        case .star:
            if ASCII.isDigit(byte) { return true }
            if byte == UInt8(ascii: "=") {
                (phase, index, charsets) = (.charset, 0, 7)
            } else if !isBlank {
                phase = .other
            }
        case .charset: return takeCharset(byte)
        case .value:
            if byte == UInt8(ascii: "=") {
                phase = .equalsInValue
            } else if !isBlank && byte != 0x22 && byte != 0x27 && byte != 0x5c {
                phase = .other
            }
        case .equalsInValue:
            if byte == UInt8(ascii: "?") { return true }
            phase = .other
        }
        return false
    }

    private mutating func takeWord(_ byte: UInt8) {
        guard ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2d || byte == 0x5f else {
            phase = .between
            return
        }
        if phase == .between { index = 0 }
        guard phase != .other, ASCII.lowercased(byte) == ByteView("name")[Int(index)] else {
            phase = .other
            return
        }
        index += 1
        phase = index == 4 ? .afterName : .name
    }

    /// `UTF-8''…`: up to the quote.
    private mutating func takeCharset(_ byte: UInt8) -> Bool {
        if index == 0 && (byte <= 0x20 || byte == 0x22 || byte == 0x5c) { return false }
        if byte == UInt8(ascii: "'") {
            phase = .other
            return index > 0 && !isKnown
        }
        keep(1, Self.known.0, byte)
        keep(2, Self.known.1, byte)
        keep(4, Self.known.2, byte)
        index += 1
        return charsets == 0
    }

    private var isKnown: Bool {
        func ends(_ bit: UInt8, _ name: StaticString) -> Bool {
            charsets & bit != 0 && Int(index) == name.utf8CodeUnitCount
        }
        return ends(1, Self.known.0) || ends(2, Self.known.1) || ends(4, Self.known.2)
    }

    private mutating func keep(_ bit: UInt8, _ name: StaticString, _ byte: UInt8) {
        let name = ByteView(name)
        if Int(index) >= name.count || ASCII.lowercased(byte) != name[Int(index)] {
            charsets &= ~bit
        }
    }
}
