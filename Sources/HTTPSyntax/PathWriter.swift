// How the steps of `PathStep` write their results.

/// Writes one path into storage that is long enough for it.
struct PathWriter {
    private let output: MutableByteView
    private(set) var count = 0

    init(output: MutableByteView) { self.output = output }

    @inline(__always) private mutating func append(_ byte: UInt8) {
        output[count] = byte
        count &+= 1
    }

    private mutating func append(_ view: ByteView) {
        output.write(view, at: count)
        count &+= view.count
    }

    mutating func map(_ input: ByteView, _ change: (UInt8) -> UInt8) {
        for index in 0..<input.count { append(change(input[index])) }
    }

    /// Replaces the escapes for which `replacement` has a byte. The others stay, their digits in
    /// upper case unless `keepingCase`.
    mutating func decode(
        _ input: ByteView, keepingCase: Bool, _ replacement: (UInt8) -> UInt8?
    ) {
        var index = 0
        while index < input.count {
            let first = input[index]
            guard first == 0x25, let byte = PathEscape.byte(at: index, of: input) else {
                append(first)
                index &+= 1
                continue
            }
            if let plain = replacement(byte) {
                append(plain)
            } else {
                append(0x25)
                append(keepingCase ? input[index + 1] : Self.uppercased(input[index + 1]))
                append(keepingCase ? input[index + 2] : Self.uppercased(input[index + 2]))
            }
            index &+= 3
        }
    }

    private static func uppercased(_ byte: UInt8) -> UInt8 {
        ASCII.isLetter(byte) ? byte & 0xdf : byte
    }

    /// Two to six bytes that spell an ASCII character; those of five and six are of the first UTF-8
    /// (RFC 2279). The bits `mask` of those behind the first must be what UTF-8 has there (`10`).
    mutating func decodeOverlong(_ input: ByteView, mask: UInt8) {
        var index = 0
        while index < input.count {
            let first = input[index]
            guard first >= 0xc0,
                let (byte, length) = Self.overlong(first, input.dropFirst(index), mask)
            else {
                append(first)
                index &+= 1
                continue
            }
            append(byte)
            index &+= length
        }
    }

    private static func overlong(
        _ first: UInt8, _ view: ByteView, _ mask: UInt8
    ) -> (byte: UInt8, length: Int)? {
        guard let length = overlongLength(first), view.count >= length else { return nil }
        // Of the first bytes only C1 holds a bit of the character.
        var value = first == 0xc1 ? 1 : 0
        for index in 1..<length {
            guard view[index] & mask == 0x80 & mask else { return nil }
            value = value &<< 6 | Int(view[index] & 0x3f)
        }
        return value < 0x80 ? (UInt8(value), length) : nil
    }

    /// How many bytes a first one announces behind which only ASCII fits.
    private static func overlongLength(_ first: UInt8) -> Int? {
        switch first {
        case 0xc0, 0xc1: 2
        case 0xe0: 3
        case 0xf0: 4
        case 0xf8: 5
        case 0xfc: 6
        default: nil
        }
    }

    /// U+FF01 to U+FF5E, three bytes each, in the order of ASCII from `!` to `~`.
    mutating func foldWidth(_ input: ByteView) {
        var index = 0
        while index < input.count {
            let first = input[index]
            if first == 0xef, index + 2 < input.count,
                let byte = Self.narrowed(input[index + 1], input[index + 2])
            {
                append(byte)
                index &+= 3
            } else {
                append(first)
                index &+= 1
            }
        }
    }

    private static func narrowed(_ second: UInt8, _ third: UInt8) -> UInt8? {
        switch (second, third) {
        case (0xbc, 0x81...0xbf): third - 0x60
        case (0xbd, 0x80...0x9e): third - 0x20
        default: nil
        }
    }

    mutating func foldCase(_ input: ByteView) {
        var index = 0
        while index < input.count {
            let first = input[index]
            if first == 0x25, PathEscape.byte(at: index, of: input) != nil {
                append(first)
                append(input[index + 1])
                append(input[index + 2])
                index &+= 3
            } else if first >= 0x80,
                let (byte, length) = Self.foldedToASCII(input.dropFirst(index))
            {
                append(byte)
                index &+= length
            } else {
                append(ASCII.lowercased(first))
                index &+= 1
            }
        }
    }

    /// U+017F (long s), U+212A (Kelvin), U+0130 and U+0131 (i with another dot): the characters
    /// outside ASCII that some case mapping turns into ASCII letters.
    private static func foldedToASCII(_ view: ByteView) -> (byte: UInt8, length: Int)? {
        if view.count >= 2, view[0] == 0xc5, view[1] == 0xbf { return (0x73, 2) }
        if view.count >= 2, view[0] == 0xc4, view[1] & 0xfe == 0xb0 { return (0x69, 2) }
        if view.count >= 3, view[0] == 0xe2, view[1] == 0x84, view[2] == 0xaa { return (0x6b, 3) }
        return nil
    }

    mutating func dropParameters(_ input: ByteView) {
        var dropping = false
        for index in 0..<input.count {
            let byte = input[index]
            if byte == 0x3b { dropping = true }
            if byte == 0x2f { dropping = false }
            if !dropping { append(byte) }
        }
    }

    mutating func dropLineBreaks(_ input: ByteView) {
        for index in 0..<input.count {
            let byte = input[index]
            if byte != 0x09, byte != 0x0a, byte != 0x0d { append(byte) }
        }
    }

    /// In each segment what follows `::$`, or a stream's name and `:$`.
    mutating func dropStreams(_ input: ByteView) {
        var start = 1
        while start <= input.count {
            let end = input.firstIndex(of: 0x2f, from: start) ?? input.count
            let segment = input.slice(start, end - start)
            append(0x2f)
            append(segment.slice(0, Self.streamStart(segment) ?? segment.count))
            start = end + 1
        }
    }

    /// What looks like `/(S(x))` goes, its slash too, but for the one that begins the path.
    mutating func dropSessions(_ input: ByteView) {
        var start = 1
        while start <= input.count {
            let end = input.firstIndex(of: 0x2f, from: start) ?? input.count
            let kept = PathMarks.sessionEnd(input, start) ?? start - 1
            if kept >= start, kept < end, count == 0 { append(0x2f) }
            append(input.slice(kept, end - kept))
            start = end + 1
        }
        if count == 0 { append(0x2f) }
    }

    /// Where the first colon stands, if there is a `:$`.
    private static func streamStart(_ segment: ByteView) -> Int? {
        guard let colon = segment.firstIndex(of: 0x3a) else { return nil }
        for index in colon..<max(colon, segment.count - 1)
        where segment[index] == 0x3a && segment[index + 1] == 0x24 {
            return colon
        }
        return nil
    }

    /// Drops the last character of each segment, or only of the last one, that ends as `mark` says.
    mutating func trim(_ input: ByteView, lastOnly: Bool, _ mark: PathMarks) {
        var start = 0
        for index in 0..<input.count {
            let byte = input[index]
            if byte == 0x2f {
                if !lastOnly { trimSegment(from: start, mark) }
                start = count &+ 1
            }
            append(byte)
        }
        trimSegment(from: start, mark)
    }

    @inline(__always) private mutating func trimSegment(from start: Int, _ mark: PathMarks) {
        guard PathMarks.end(of: output.view, from: start, to: count) == mark else { return }
        let isDot = output[count &- 1] == 0x2e
        count &-= isDot ? 1 : WhiteSpace.lengthAtEnd(output.view.slice(start, count &- start))
    }

    mutating func trimFirstSpaces(_ input: ByteView) {
        var start = 0
        var index = 0
        while index < input.count {
            let byte = input[index]
            if index == start, !ASCII.isVisible(byte) {
                index &+= WhiteSpace.lengthAtStart(input.dropFirst(index))
                start = -1
                continue
            }
            append(byte)
            index &+= 1
            if byte == 0x2f { start = index }
        }
    }

    mutating func cut(_ input: ByteView, at byte: UInt8) {
        append(input.slice(0, input.firstIndex(of: byte) ?? input.count))
    }

    mutating func mergeSlashes(_ input: ByteView) {
        var previous: UInt8 = 0
        for index in 0..<input.count {
            let byte = input[index]
            if byte != 0x2f || previous != 0x2f { append(byte) }
            previous = byte
        }
    }

    mutating func resolveDots(_ input: ByteView) {
        var index = 1
        while true {
            let start = count
            append(0x2f)
            while index < input.count {
                let byte = input[index]
                if byte == 0x2f { break }
                append(byte)
                index &+= 1
            }
            let isAtEnd = index >= input.count
            if PathMarks.end(of: output.view, from: start + 1, to: count) == .dotSegment {
                let isParent = count - start == 3
                count = start
                if isParent { dropSegment() }
                if isAtEnd { append(0x2f) }
            }
            if isAtEnd { break }
            index &+= 1
        }
        if count == 0 { append(0x2f) }
    }

    private mutating func dropSegment() {
        while count > 0 {
            count &-= 1
            if output[count] == 0x2f { return }
        }
    }
}
