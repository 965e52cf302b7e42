// Reading a head from its first byte to its last. A verdict may depend on no byte behind the one
// that decides it, so that it never depends on how the bytes were split: every function here
// goes forward only, and asks for more where it would have to guess.

import HTTPSyntax

/// Why reading stops before the end of the head.
enum Halt: Error {
    /// All that is there is fine.
    case incomplete
    case refused(Reason)
}

/// A place in a head that is being read.
@safe struct HeadCursor {
    let base: UnsafePointer<UInt8>
    /// Where the bytes that may be looked at end: what is there, or the limit of a head.
    let end: Int
    var offset = 0

    init(_ bytes: ByteView, limit: Int) {
        unsafe base = bytes.base
        // Offsets are kept as UInt32.
        end = min(bytes.count, limit, Int(UInt32.max))
    }

    /// The byte at `index`, which every caller has compared with `end` before.
    @inline(__always) subscript(index: Int) -> UInt8 {
        assert(index >= 0 && index < end, "reading beyond the head")
        return unsafe base[index]
    }

    @inline(__always) func byte(at index: Int) throws(Halt) -> UInt8 {
        guard index < end else { throw .incomplete }
        return self[index]
    }

    @inline(__always) func view(_ offset: Int, _ length: Int) -> ByteView {
        assert(offset >= 0 && length >= 0 && offset + length <= end, "slicing beyond the head")
        return unsafe ByteView(base: base + offset, count: length)
    }

    /// Where the bytes from `start` on cease to be such as may stand in a token. `isPlain` becomes
    /// false where they may hold more than letters and `-`.
    @inline(__always) func tokenEnd(_ start: Int, isPlain: inout Bool) -> Int {
        var offset = start
        while true {
            while offset &+ 16 <= end {
                // The load ends at offset + 16, which is not beyond the end.
                let unusual = unsafe ByteScan.unusualInName(base + offset)
                guard unusual == 0 else {
                    offset &+= unusual.trailingZeroBitCount
                    break
                }
                offset &+= 16
            }
            guard offset < end, Token.contains(self[offset]) else { return offset }
            isPlain = false
            offset &+= 1
        }
    }

    /// Where a line that ends with the CR at `index` has its successor.
    @inline(__always) func lineEnd(_ index: Int) throws(Halt) -> Int {
        guard try byte(at: index &+ 1) == 0x0a else { throw .refused(.bareCR) }
        return index &+ 2
    }

    /// Goes past CRLF; the cursor stands on a CR.
    @inline(__always) mutating func skipLineEnd() throws(Halt) {
        offset = try lineEnd(offset)
    }

    /// Goes past CRLF; anything else is `stray`, line ends and white space aside.
    mutating func expectLineEnd(else stray: Reason) throws(Halt) {
        switch try byte(at: offset) {
        case 0x0d: try skipLineEnd()
        case 0x0a: throw .refused(.bareLF)
        case 0x20, 0x09: throw .refused(.whiteSpaceInRequestLine)
        default: throw .refused(stray)
        }
    }

    /// Goes past `HTTP/` and two digits; nil where they are no version of ours. A later minor
    /// version than 1.1 is read as 1.1, the highest that is known here (RFC 9110 §2.5).
    mutating func version(else malformed: Reason) throws(Halt) -> HTTPVersion? {
        if offset &+ 8 <= end {
            // The load ends at offset + 8, which is not beyond the end.
            let word = unsafe Word.load(base, offset)
            if word == 0x312e_312f_5054_5448 {
                offset &+= 8
                return .http11
            }
            if word == 0x302e_312f_5054_5448 {
                offset &+= 8
                return .http10
            }
        }
        return try otherVersion(else: malformed)
    }

    @inline(never) private mutating func otherVersion(
        else malformed: Reason
    ) throws(Halt) -> HTTPVersion? {
        let major = offset &+ 5
        let pattern = ByteView("HTTP/0.0")
        for index in 0..<pattern.count {
            let byte = try byte(at: offset)
            let isRight =
                pattern[index] == 0x30 ? ASCII.isDigit(byte) : byte == pattern[index]
            guard isRight else { throw .refused(byte == 0x0a ? .bareLF : malformed) }
            offset &+= 1
        }
        return self[major] == 0x31 ? .http11 : nil
    }
}

extension HeadCursor {
    /// Reads one field line (RFC 9112 §5) into `fields`, or goes past the empty line: nil.
    ///
    /// Works on copies of `offset`, which stay in registers.
    @inline(__always) mutating func fieldLine(
        into fields: inout FieldSection, limit: Int
    ) throws(Halt) -> FieldLine? {
        let start = offset
        var isPlain = true
        let nameEnd = tokenEnd(start, isPlain: &isPlain)
        let nameLength = nameEnd &- start
        guard nameLength <= Int(UInt16.max) else { throw .refused(.headTooLarge) }
        guard try byte(at: nameEnd) == 0x3a, nameLength > 0 else {
            offset = try emptyLineEnd(nameEnd, nameLength)
            return nil
        }
        var valueStart = nameEnd &+ 1
        while try ASCII.isBlank(byte(at: valueStart)) { valueStart &+= 1 }
        let end = try valueEnd(valueStart)
        offset = try lineEnd(end)
        let match = FieldName.lookup(view(start, nameLength), isPlain: isPlain)
        let line = FieldLine(
            nameOffset: UInt32(truncatingIfNeeded: start),
            nameLength: UInt16(truncatingIfNeeded: nameLength),
            valueOffset: UInt32(truncatingIfNeeded: valueStart),
            valueLength: UInt32(truncatingIfNeeded: trimmedEnd(valueStart, end) &- valueStart),
            name: match.name, isVariant: match.isVariant)
        guard fields.count < limit, fields.append(line) else { throw .refused(.tooManyFields) }
        return line
    }

    /// Whether the line that has just been read is `name: value` with one space and nothing else
    /// around the value.
    @inline(__always) func isPlain(_ line: FieldLine) -> Bool {
        let nameEnd = Int(line.nameOffset) &+ Int(line.nameLength)
        let valueStart = Int(line.valueOffset)
        return valueStart == nameEnd &+ 2 && self[nameEnd &+ 1] == 0x20
            && valueStart &+ Int(line.valueLength) &+ 2 == offset
    }

    /// Where the CR behind a value stands.
    @inline(__always) private func valueEnd(_ start: Int) throws(Halt) -> Int {
        var index = start
        while true {
            index = unsafe ByteScan.first(base, from: index, to: end, ByteScan.controls)
            let byte = try byte(at: index)
            if byte == 0x0d { return index }
            guard byte == 0x09 else { throw .refused(Self.problem(inValue: byte)) }
            index &+= 1
        }
    }

    /// `end` without the white space before it.
    @inline(__always) private func trimmedEnd(_ start: Int, _ end: Int) -> Int {
        var last = end
        while last > start, ASCII.isBlank(self[last &- 1]) { last &-= 1 }
        return last
    }

    @inline(never) private static func problem(inValue byte: UInt8) -> Reason {
        switch byte {
        case 0x0a: .bareLF
        case 0: .nulInValue
        default: .controlInValue
        }
    }

    /// Where the empty line ends, or what is wrong with the byte that ends a name.
    @inline(never) private func emptyLineEnd(
        _ nameEnd: Int, _ nameLength: Int
    ) throws(Halt) -> Int {
        switch self[nameEnd] {
        case 0x0d:
            let next = try lineEnd(nameEnd)
            if nameLength > 0 { throw .refused(.colonMissing) }
            return next
        case 0x0a: throw .refused(.bareLF)
        case 0x20, 0x09: throw .refused(nameLength == 0 ? .obsFold : .whiteSpaceBeforeColon)
        case 0x3a: throw .refused(.fieldNameMissing)
        default: throw .refused(.fieldNameNotToken)
        }
    }
}
