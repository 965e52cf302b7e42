// Overrides in JSON content as it streams: a member `_method` of the outermost object. Laravel and
// Phoenix take it for the parameter of that name.

internal import HTTPSyntax

/// Finds the outermost object's members, in constant space. It does not validate: what is no JSON
/// is an override for nobody. UTF-16 and UTF-32, which Python and Jackson take for JSON whatever
/// the type says, show by their first bytes, and are an override that cannot be read.
struct JSONScanner: ~Copyable {
    private enum Phase: UInt8 {
        /// Before the first byte that is no white space.
        case start
        /// Between strings.
        case between
        /// In the name of a member of the outermost object, in the value of an override, in any
        /// other string.
        case name, value, string
        /// The outermost object has ended, or there is none.
        case done
    }

    private enum Escape: UInt8 {
        case none, begun, unicode
    }

    private var phase = Phase.start
    private var escape = Escape.none
    private var digits: UInt8 = 0
    private var code: UInt16 = 0
    /// Objects and arrays that are open.
    private var depth: UInt32 = 0
    /// The next string of the outermost object is a member's value.
    private var isValueNext = false
    private var name = ParameterName()
    private var value = CollectedValue()

    /// The next override that ends in `bytes`, from `offset` on, which moves behind it; nil at
    /// their end. Neither an empty value nor one that is no string is one.
    mutating func next(in bytes: ByteView, from offset: inout Int) -> OverrideValue? {
        while offset < bytes.count {
            if phase == .done {
                offset = bytes.count
                return nil
            }
            if phase == .string && escape == .none {
                offset = ByteSearch.first(of: 0x22, or: 0x5c, in: bytes, from: offset)
                guard offset < bytes.count else { return nil }
            }
            if phase == .between && depth > 1 {
                skipNested(bytes, &offset)
                continue
            }
            let byte = bytes[offset]
            offset += 1
            if let found = take(byte) { return found }
        }
        return nil
    }

    /// Passes over what is nested, up to the outermost object or a string that is not plain.
    private mutating func skipNested(_ bytes: ByteView, _ offset: inout Int) {
        var index = offset
        var open = depth
        while index < bytes.count {
            let byte = bytes[index]
            index &+= 1
            // Brackets differ from braces by one bit.
            switch byte {
            case 0x22:
                let end = ByteSearch.first(of: 0x22, or: 0x5c, in: bytes, from: index)
                guard end < bytes.count, bytes[end] == 0x22 else {
                    phase = .string
                    (depth, offset) = (open, index)
                    return
                }
                index = end &+ 1
            case 0x5b, 0x7b: open = open == .max ? .max : open &+ 1
            case 0x5d, 0x7d:
                open &-= 1
                if open == 1 {
                    (depth, offset) = (open, index)
                    return
                }
            default: break
            }
        }
        (depth, offset) = (open, index)
    }

    private mutating func take(_ byte: UInt8) -> OverrideValue? {
        switch phase {
        case .start: return begin(byte)
        case .between:
            // No byte of UTF-8, but the other half of a brace in UTF-16.
            guard byte != 0 || depth > 1 else { return giveUp() }
            takeBetween(byte)
        case .name, .value, .string: return takeInString(byte)
        case .done: break
        }
        return nil
    }

    private mutating func begin(_ byte: UInt8) -> OverrideValue? {
        // White space and a byte-order mark; a NUL is half of either in UTF-16.
        if byte <= 0x20 || byte == 0xef || byte == 0xbb || byte == 0xbf { return nil }
        // The byte-order mark of UTF-16 or UTF-32.
        if byte >= 0xfe { return giveUp() }
        phase = byte == UInt8(ascii: "{") ? .between : .done
        depth = 1
        return nil
    }

    private mutating func giveUp() -> OverrideValue {
        phase = .done
        return .unreadable
    }

    private mutating func takeBetween(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): beginString()
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth = depth == .max ? .max : depth + 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            if depth == 0 { phase = .done }
        case UInt8(ascii: ":"): if depth == 1 { isValueNext = true }
        case UInt8(ascii: ","): if depth == 1 { isValueNext = false }
        default: break
        }
    }

    private mutating func beginString() {
        phase = .string
        guard depth == 1 else { return }
        if !isValueNext {
            phase = .name
            name.restart()
        } else if name.isMatch {
            phase = .value
            value.removeAll()
            // A second string without a comma is no JSON.
            name.giveUp()
        }
    }

    private mutating func takeInString(_ byte: UInt8) -> OverrideValue? {
        switch escape {
        case .none:
            if byte == UInt8(ascii: "\\") {
                escape = .begun
            } else if byte == UInt8(ascii: "\"") {
                let ended = phase
                phase = .between
                return ended == .value ? value.settle(isEscaped: false) : nil
            } else {
                return takeCharacter(byte)
            }
        case .begun:
            escape = .none
            guard byte == UInt8(ascii: "u") else {
                return takeCharacter(Self.unescaped(byte))
            }
            (escape, digits, code) = (.unicode, 0, 0)
        case .unicode:
            code = code &<< 4 | UInt16(ASCII.hexValue(byte) ?? 0)
            digits += 1
            guard digits == 4 else { return nil }
            escape = .none
            // What is beyond ASCII is in no method and no name of ours.
            return takeCharacter(code < 0x80 ? UInt8(code) : 0x80)
        }
        return nil
    }

    private mutating func takeCharacter(_ byte: UInt8) -> OverrideValue? {
        if phase == .name { name.take(byte) }
        guard phase == .value else { return nil }
        value.append(byte)
        guard value.isTooLong else { return nil }
        phase = .string
        return value.settle(isEscaped: false)
    }

    private static func unescaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"),
            UInt8(ascii: "t"):
            0x20
        default: byte
        }
    }
}
