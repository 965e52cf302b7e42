// How backends take another method out of a request, each as simply as it can be written down for
// content that is all there. Nothing here asks the gate.

import StrictHTTP

/// What some backend takes for the method.
struct ReadOverride: Equatable {
    /// Trimmed, in upper case.
    let method: String

    init(_ value: Bytes) {
        let isBlank = { (byte: UInt8) in byte <= 0x20 }
        let trimmed = Bytes(value.drop(while: isBlank).reversed().drop(while: isBlank)).reversed()
        method = String(latin1: trimmed.map { (0x61...0x7a).contains($0) ? $0 - 0x20 : $0 })
    }

    /// Whether it can be anybody's method (RFC 9110 §5.6.2).
    private var isToken: Bool {
        let marks = "!#$%&'*+-.^_`|~".unicodeScalars
        return !method.isEmpty
            && method.unicodeScalars.allSatisfy { scalar in
                ("A"..."Z").contains(scalar) || ("a"..."z").contains(scalar)
                    || ("0"..."9").contains(scalar) || marks.contains(scalar)
            }
    }

    /// The gate has found it too, or something that it lets pass nowhere.
    func require(in found: [FoundOverride], _ reader: String) throws(Finding) {
        guard isToken, !found.contains(where: { $0.method == nil || $0.method == method })
        else { return }
        throw Finding("\(reader) has \(method.debugDescription), the gate has \(found)")
    }
}

enum OverrideReaders {
    /// The pairs of a form, as PHP and Rack decode them.
    static func form(_ bytes: Bytes) -> [ReadOverride] {
        var found: [ReadOverride] = []
        for separators: [UInt8] in [[0x26], [0x26, 0x3b]] {
            for pair in bytes.split(whereSeparator: { separators.contains($0) }) {
                let parts = pair.split(
                    separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, isName(decode(parts[0])) else { continue }
                found.append(ReadOverride(decode(parts[1])))
            }
        }
        return found
    }

    /// By reader, the overrides in content of these types, its first or its last counting.
    static func content(
        _ bytes: Bytes, types: [Bytes]
    ) -> [(reader: String, overrides: [ReadOverride])] {
        guard let first = types.first, let last = types.last else { return [("Rack", form(bytes))] }
        return [first, last].flatMap { type -> [(String, [ReadOverride])] in
            let text = String(latin1: type).lowercased()
            let name = text.prefix { $0 != ";" && $0 != "," && $0 != " " && $0 != "\t" }
            switch name {
            case "application/x-www-form-urlencoded": return [("a form", form(bytes))]
            case "multipart/form-data":
                return boundaries(type).flatMap { boundary in
                    [
                        ("Python", parts(of: bytes, boundary, lines: [0x0d, 0x0a])),
                        ("lenient multipart", parts(of: bytes, boundary, lines: [0x0a])),
                    ]
                }
            case "application/json": return [("JSON", json(bytes))]
            default: return []
            }
        }
    }

    /// PHP's rules: blanks in front go, a NUL ends the name, what is in brackets is a key, `.` and
    /// a blank are `_`. Others compare the name itself.
    private static func isName(_ name: Bytes) -> Bool {
        let known = [
            "_method", "_METHOD", "__method", "x-http-method-override", "x-tunneled-method",
        ]
        if known.contains(where: { Bytes($0.utf8) == name }) { return true }
        var mangled = Bytes(name.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x5b })
        for (index, byte) in mangled.enumerated() where byte == 0x2e || byte == 0x20 {
            mangled[index] = 0x5f
        }
        return mangled == Bytes("_method".utf8)
    }

    /// Of a form: `+` and escapes.
    private static func decode(_ bytes: some Collection<UInt8>) -> Bytes {
        ServerPaths.decode(bytes.map { $0 == 0x2b ? 0x20 : $0 })
    }

    // MARK: Multipart

    /// The boundaries that a reader may take from a type: the first parameter's, the last one's.
    private static func boundaries(_ type: Bytes) -> [Bytes] {
        let values = type.split(separator: 0x3b).dropFirst().compactMap { part -> Bytes? in
            let text = String(latin1: part)
            let pair = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, trimmed(pair[0]).lowercased() == "boundary" else { return nil }
            let value = trimmed(pair[1])
            let isQuoted = value.count > 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
            let inner = isQuoted ? String(value.dropFirst().dropLast()) : value
            return inner.unicodeScalars.map { UInt8($0.value) }
        }.filter { !$0.isEmpty }
        return [values.first, values.last].compactMap(\.self)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let front = text.drop { $0 == " " || $0 == "\t" }
        return String(String(front.reversed().drop { $0 == " " || $0 == "\t" }).reversed())
    }

    /// The overrides among the parts behind lines that begin with the delimiter, to the next one.
    private static func parts(of bytes: Bytes, _ boundary: Bytes, lines end: Bytes)
        -> [ReadOverride]
    {
        let delimiter = end + Bytes("--".utf8) + boundary
        var found: [ReadOverride] = []
        var pieces = split(end + bytes, at: delimiter)
        pieces.removeFirst()
        for piece in pieces {
            if piece.starts(with: Bytes("--".utf8)) { break }
            // Whoever takes a bare LF for the end of a line takes CRLF for one, too.
            let blanks = end.count == 1 ? [end + end, end + [0x0d] + end] : [end + end]
            let empty = blanks.compactMap { blank in
                let head = split(piece, at: blank)[0]
                return head.count < piece.count ? (head: head, size: blank.count) : nil
            }
            guard let (head, size) = empty.min(by: { $0.head.count < $1.head.count }),
                split(head, at: end).contains(where: isOverride)
            else { continue }
            found.append(ReadOverride(Bytes(piece[(head.count + size)...])))
        }
        return found
    }

    /// Whether a line of a part's head is a Content-Disposition with such a name.
    private static func isOverride(_ line: Bytes) -> Bool {
        let text = String(latin1: line)
        guard text.lowercased().hasPrefix("content-disposition:") else { return false }
        return text.split(separator: ";").dropFirst().contains { part in
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, trimmed(pair[0]).lowercased() == "name" else { return false }
            let value = trimmed(pair[1].filter { $0 != "\r" })
            let isQuoted = value.count > 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
            let name = isQuoted ? String(value.dropFirst().dropLast()) : value
            return isName(name.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
        }
    }

    /// The pieces between occurrences of `separator`, at least one.
    private static func split(_ bytes: Bytes, at separator: Bytes) -> [Bytes] {
        var pieces: [Bytes] = [[]]
        var rest = bytes[...]
        while !rest.isEmpty {
            if rest.starts(with: separator) {
                pieces.append([])
                rest = rest.dropFirst(separator.count)
            } else {
                pieces[pieces.count - 1].append(rest.removeFirst())
            }
        }
        return pieces
    }

    // MARK: JSON

    private static func json(_ bytes: Bytes) -> [ReadOverride] {
        var reader = JSONReader(rest: bytes[...])
        guard let members = reader.readWhole() else { return [] }
        return members.filter { isName($0.name) }.map { ReadOverride($0.value) }
    }
}

/// JSON as RFC 8259 has it, read by recursion; keeps the strings of the outermost object.
private struct JSONReader {
    var rest: ArraySlice<UInt8>
    private var depth = 0

    init(rest: ArraySlice<UInt8>) { self.rest = rest }

    /// The members whose values are strings, of an object that is all there is; nil otherwise.
    mutating func readWhole() -> [(name: Bytes, value: Bytes)]? {
        guard let members = readObject() else { return nil }
        skipBlanks()
        return rest.isEmpty ? members : nil
    }

    private var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return rest.isEmpty
        }
    }

    private mutating func skipBlanks() {
        rest = rest.drop { [0x20, 9, 10, 13].contains($0) }
    }

    private mutating func accept(_ text: String) -> Bool {
        skipBlanks()
        guard rest.starts(with: Bytes(text.utf8)) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    private mutating func readObject() -> [(name: Bytes, value: Bytes)]? {
        guard accept("{") else { return nil }
        var members: [(name: Bytes, value: Bytes)] = []
        if accept("}") { return members }
        repeat {
            guard let name = readString(), accept(":") else { return nil }
            if let value = readString() {
                members.append((name, value))
            } else if !readOther() {
                return nil
            }
        } while accept(",")
        return accept("}") ? members : nil
    }

    /// A value that is no string.
    private mutating func readOther() -> Bool {
        guard depth < 64 else { return false }
        depth += 1
        defer { depth -= 1 }
        skipBlanks()
        switch rest.first {
        case UInt8(ascii: "{"): return readObject() != nil
        case UInt8(ascii: "["):
            _ = accept("[")
            if accept("]") { return true }
            repeat {
                if readString() == nil && !readOther() { return false }
            } while accept(",")
            return accept("]")
        default:
            if accept("true") || accept("false") || accept("null") { return true }
            let number = rest.prefix { "+-.eE0123456789".utf8.contains($0) }
            rest = rest.dropFirst(number.count)
            return !number.isEmpty
        }
    }

    private mutating func readString() -> Bytes? {
        skipBlanks()
        guard rest.first == 0x22, let length = Self.stringLength(rest) else { return nil }
        let inner = Bytes(rest.dropFirst().prefix(length))
        rest = rest.dropFirst(length + 2)
        return Self.unescape(inner)
    }

    /// Bytes between the quotes.
    private static func stringLength(_ bytes: ArraySlice<UInt8>) -> Int? {
        var isEscaped = false
        for (index, byte) in bytes.dropFirst().enumerated() {
            if byte < 0x20 { return nil }
            if byte == 0x22 && !isEscaped { return index }
            isEscaped = byte == 0x5c && !isEscaped
        }
        return nil
    }

    private static func unescape(_ bytes: Bytes) -> Bytes? {
        var result = Bytes()
        var rest = bytes[...]
        let plain: [UInt8: UInt8] = [
            0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f, 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9,
        ]
        while let byte = rest.popFirst() {
            guard byte == 0x5c else {
                result.append(byte)
                continue
            }
            guard let kind = rest.popFirst() else { return nil }
            if kind == 0x75 {
                let digits = String(latin1: rest.prefix(4))
                guard digits.count == 4, let code = UInt32(digits, radix: 16) else { return nil }
                rest = rest.dropFirst(4)
                // A surrogate, and whatever else is beyond ASCII, is in no method.
                result += code < 0x80 ? [UInt8(code)] : [0xef, 0xbf, 0xbd]
            } else {
                guard let meaning = plain[kind] else { return nil }
                result.append(meaning)
            }
        }
        return result
    }
}
