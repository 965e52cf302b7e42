// The grammar of RFC 8259 as far as a record has it, byte by byte but for the insides of texts.

import HTTPSyntax

/// A place in a line that is being read.
struct JSONCursor {
    let line: ByteView
    private(set) var index = 0

    init(_ line: ByteView) { self.line = line }

    private var fault: RecordFault {
        index >= line.count ? .unfinished : .malformed(at: index)
    }

    private mutating func skipBlanks() {
        while index < line.count, ASCII.isBlank(line[index]) { index += 1 }
    }

    mutating func take(_ byte: UInt8) throws(RecordFault) {
        guard skip(byte) else { throw fault }
    }

    /// Whether the byte stood there and was taken.
    mutating func skip(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard index < line.count, line[index] == byte else { return false }
        index += 1
        return true
    }

    /// Nothing may follow.
    mutating func end() throws(RecordFault) {
        skipBlanks()
        guard index == line.count else { throw .malformed(at: index) }
    }

    mutating func value() throws(RecordFault) -> RecordValue {
        skipBlanks()
        guard index < line.count else { throw .unfinished }
        guard line[index] == 0x5b else { return try scalar() }
        let start = index
        index += 1
        if !skip(0x5d) {
            repeat { _ = try scalar() } while skip(0x2c)
            try take(0x5d)
        }
        return RecordValue(kind: .list, raw: line.slice(start, index - start))
    }

    /// A value that is no list.
    mutating func scalar() throws(RecordFault) -> RecordValue {
        skipBlanks()
        guard index < line.count else { throw .unfinished }
        let start = index
        let kind: RecordValue.Kind
        switch line[index] {
        case 0x22: return RecordValue(kind: .text, raw: try text())
        case 0x74:
            try word("true")
            kind = .boolean
        case 0x66:
            try word("false")
            kind = .boolean
        case 0x6e:
            try word("null")
            kind = .null
        default:
            try number()
            kind = .number
        }
        return RecordValue(kind: kind, raw: line.slice(start, index - start))
    }

    private mutating func word(_ word: StaticString) throws(RecordFault) {
        let word = ByteView(word)
        for offset in 0..<word.count {
            guard index < line.count, line[index] == word[offset] else { throw fault }
            index += 1
        }
    }

    private mutating func number() throws(RecordFault) {
        if line[index] == 0x2d { index += 1 }
        let start = index
        try digits()
        if line[start] == 0x30, index > start + 1 { throw .malformed(at: start) }
        if index < line.count, line[index] == 0x2e {
            index += 1
            try digits()
        }
        if index < line.count, line[index] | 0x20 == 0x65 {
            index += 1
            if index < line.count, line[index] == 0x2b || line[index] == 0x2d { index += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(RecordFault) {
        let start = index
        while index < line.count, ASCII.isDigit(line[index]) { index += 1 }
        guard index > start else { throw fault }
    }

    /// What stands between two quotes: escapes are checked and left as they are.
    mutating func text() throws(RecordFault) -> ByteView {
        try take(0x22)
        let start = index
        while true {
            skipPlain()
            guard index < line.count else { throw .unfinished }
            switch line[index] {
            case 0x22:
                index += 1
                return line.slice(start, index - 1 - start)
            case 0x5c: try escape()
            case 0..<0x20: throw .malformed(at: index)
            case 0x20..<0x80: index += 1
            default: try character()
            }
        }
    }

    /// Eight bytes at a time for as long as nothing in them ends or escapes.
    private mutating func skipPlain() {
        while index &+ 8 <= line.count {
            // In bounds by the condition above.
            let word = unsafe UnsafeRawPointer(line.base + index).loadUnaligned(as: UInt64.self)
            guard JSONText.isPlain(word) else { break }
            index &+= 8
        }
        while index < line.count, JSONText.isPlain(line[index]) { index &+= 1 }
    }

    private mutating func escape() throws(RecordFault) {
        index += 1
        guard index < line.count else { throw .unfinished }
        guard line[index] == 0x75 else {
            guard ByteView("\"\\/bfnrt").firstIndex(of: line[index]) != nil else {
                throw .malformed(at: index)
            }
            index += 1
            return
        }
        index += 1
        for _ in 0..<4 {
            guard index < line.count, ASCII.hexValue(line[index]) != nil else { throw fault }
            index += 1
        }
    }

    /// A character of several bytes.
    private mutating func character() throws(RecordFault) {
        guard let (_, length) = UTF8Sequence.decode(line, at: index) else {
            throw line.count - index < 4 ? .unfinished : .malformed(at: index)
        }
        index += length
    }
}
