// One look at a path before any rule is asked: may it be judged at all, and may any backend
// read it as another path? Nearly every request answers "yes" and "no", so the look goes eight
// bytes at a time and remembers nothing but what it saw.

/// What a path holds that matters to its readings; more than one may apply.
@usableFromInline package struct PathTraits: OptionSet, Sendable, BitwiseCopyable {
    @usableFromInline package let rawValue: UInt16

    @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A byte for which a path is refused: control, space, DEL, over 0x7F, backslash.
    @inlinable package static var refused: PathTraits { PathTraits(rawValue: 1 << 0) }
    /// A percent sign, or a dollar sign, which the same look finds.
    @inlinable package static var percent: PathTraits { PathTraits(rawValue: 1 << 1) }
    @inlinable package static var upperCase: PathTraits { PathTraits(rawValue: 1 << 2) }
    /// A semicolon, or a plus sign, which the same look finds.
    @inlinable package static var semicolon: PathTraits { PathTraits(rawValue: 1 << 3) }
    /// An empty segment, a dot segment or a segment that ends with a dot; or one that begins with
    /// a parenthesis, which the same look finds.
    @inlinable package static var dotsOrEmpty: PathTraits { PathTraits(rawValue: 1 << 4) }
}

/// Looks at paths.
package enum PathScan {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080
    private static let sevens: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
    /// A byte that no trait asks for, after the end of the path.
    private static let filler: UInt64 = 0x6161_6161_6161_6161

    /// What eight lanes have shown so far.
    private struct Seen {
        var refused: UInt64 = 0
        var percent: UInt64 = 0
        var upper: UInt64 = 0
        var semicolon: UInt64 = 0
        var pairs: UInt64 = 0
        /// The top bit of byte 0 where the byte before this word is a slash or a dot.
        var carry: UInt64 = 0

        /// Takes in eight bytes, the first in the lowest lane. Each test is exact as long as no
        /// byte is over 0x7F; where one is, the path is refused whatever the others say.
        @inline(__always) mutating func take(_ word: UInt64) {
            let below = (word &- ones &* 0x21) & ~word
            refused |= (word | below) & tops
            refused |= equal(word, 0x7f) | equal(word, 0x5c)
            // `$` is `%` but for the lowest bit, `+` is `;` but for one bit.
            percent |= equal(word | ones, 0x25)
            semicolon |= equal(word | ones &* 0x10, 0x3b)
            upper |= (word &+ ones &* (0x80 - 0x41)) & ~(word &+ ones &* (0x80 - 0x5b)) & tops
            let slashes = equal(word, 0x2f)
            let slashesOrDots = slashes | equal(word, 0x2e)
            pairs |= (slashesOrDots &<< 8 | carry) & (slashes | equal(word, 0x28))
            carry = slashesOrDots &>> 56
        }

        @inline(__always) private func equal(_ word: UInt64, _ byte: UInt64) -> UInt64 {
            ~((word ^ (ones &* byte)) &+ sevens) & tops
        }
    }

    /// What `path` holds. An empty path holds nothing.
    package static func traits(of path: ByteView) -> PathTraits {
        var seen = Seen()
        let count = path.count
        var index = 0
        while index &+ 8 <= count {
            // Within the view: index + 8 <= count.
            seen.take(unsafe load(path.base + index))
            index &+= 8
        }
        if index < count { seen.take(tail(path, from: index)) }
        var traits = PathTraits()
        if seen.refused != 0 { traits.insert(.refused) }
        if seen.percent != 0 { traits.insert(.percent) }
        if seen.upper != 0 { traits.insert(.upperCase) }
        if seen.semicolon != 0 { traits.insert(.semicolon) }
        if seen.pairs != 0 || (count > 0 && path[count &- 1] == 0x2e) {
            traits.insert(.dotsOrEmpty)
        }
        return traits
    }

    @inline(__always) private static func load(_ base: UnsafePointer<UInt8>) -> UInt64 {
        unsafe UInt64(littleEndian: UnsafeRawPointer(base).loadUnaligned(as: UInt64.self))
    }

    /// The last one to seven bytes, filled up.
    private static func tail(_ path: ByteView, from index: Int) -> UInt64 {
        let rest = UInt64(path.count &- index)
        if path.count >= 8 {
            // The last eight bytes of the view, those already seen shifted out.
            let word = unsafe load(path.base + (path.count &- 8))
            return word &>> (64 &- rest &* 8) | filler &<< (rest &* 8)
        }
        var word = filler &<< (rest &* 8)
        for offset in index..<path.count {
            word |= UInt64(path[offset]) &<< UInt64(8 &* (offset &- index))
        }
        return word
    }

    /// Why `path` is refused with 400, or `.none`. Called only where `traits` are suspicious.
    package static func problem(in path: ByteView) -> PathProblem {
        guard !path.isEmpty, path[0] == 0x2f else { return .noLeadingSlash }
        var index = 0
        while index < path.count {
            switch path[index] {
            case 0...0x20, 0x7f: return .controlByte
            case 0x80...: return .nonASCII
            case 0x5c: return .backslash
            case 0x25:
                let problem = problem(inEscapeAt: index, of: path)
                if problem != .none { return problem }
                index += 3
            default: index += 1
            }
        }
        return .none
    }

    private static func problem(inEscapeAt index: Int, of path: ByteView) -> PathProblem {
        if index + 1 < path.count, path[index + 1] | 0x20 == 0x75 { return .unicodeEscape }
        guard let byte = PathEscape.byte(at: index, of: path) else { return .malformedEscape }
        return byte == 0 ? .nulEscape : .none
    }
}

/// `%` and two hexadecimal digits (RFC 3986 §2.1).
package enum PathEscape {
    /// The byte that the escape at `index` stands for; nil where none stands there.
    package static func byte(at index: Int, of view: ByteView) -> UInt8? {
        guard index + 2 < view.count, view[index] == 0x25,
            let high = ASCII.hexValue(view[index + 1]), let low = ASCII.hexValue(view[index + 2])
        else { return nil }
        return high << 4 | low
    }

    /// ALPHA / DIGIT / "-" / "." / "_" / "~": an escape of these means the same as the plain byte
    /// (RFC 3986 §2.3, §6.2.2.2).
    package static func isUnreserved(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2d || byte == 0x2e || byte == 0x5f
            || byte == 0x7e
    }
}
