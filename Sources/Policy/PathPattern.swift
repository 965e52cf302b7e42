// Patterns as the configuration writes them, parsed into the form in which request paths are
// matched: escapes of unreserved characters decoded, everything else that a request would
// escape escaped in upper case.

internal import HTTPSyntax

/// A path pattern: literal segments, `{name}`, a trailing `{name...}`.
struct PathPattern {
    /// Stands for `{name}` in `spelling`, as a segment of its own. No path may hold it.
    static let parameter: UInt8 = 0
    /// Segments beyond the last are an error: their kinds are kept in the bits of a word.
    static let maximumSegments = 60

    /// The pattern as a path: `/a/` and a NUL for `/a/{x}`, two NULs for the trailing form. The
    /// steps that make readings of paths apply to it as they do to paths.
    var spelling: [UInt8]

    /// Whether some segment begins with a colon, as parameters do elsewhere.
    static func hasColonSegment(_ text: String) -> Bool {
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte == 0x3a && previous == 0x2f { return true }
            previous = byte
        }
        return false
    }

    /// One thing wrong, and what would be right.
    struct Failure: Error, Equatable {
        var message: String
        var accepted: String?
        var suggestion: String?
    }

    /// Parses; throws the first failure.
    init(parsing text: String) throws(Failure) {
        guard text.utf8.first == 0x2f else {
            throw Failure(
                message: "the pattern '\(text)' does not begin with a slash",
                accepted: "a path such as /items/{id}", suggestion: "/" + text)
        }
        var parser = PatternParser(text: text)
        spelling = try parser.parse()
    }
}

/// Splits a pattern at its slashes and takes in one segment after the other.
private struct PatternParser {
    let text: String
    var spelling: [UInt8] = []
    var names: Set<String> = []
    var segments = 0

    init(text: String) { self.text = text }

    mutating func parse() throws(PathPattern.Failure) -> [UInt8] {
        let bytes = Array(text.utf8)
        spelling.reserveCapacity(bytes.count + 8)
        var start = 1
        while start <= bytes.count {
            let end = bytes[start...].firstIndex(of: 0x2f) ?? bytes.count
            let isLast = end == bytes.count
            if start == end && !isLast {
                throw fail("holds an empty segment", accepted: "one slash between segments")
            }
            spelling.append(0x2f)
            try take(bytes[start..<end], isLast: isLast)
            start = end + 1
            segments += 1
        }
        if segments > PathPattern.maximumSegments {
            throw fail("has more than \(PathPattern.maximumSegments) segments")
        }
        return spelling
    }

    private func fail(
        _ what: String, accepted: String? = nil, suggestion: String? = nil
    ) -> PathPattern.Failure {
        PathPattern.Failure(
            message: "the pattern '\(text)' \(what)", accepted: accepted, suggestion: suggestion)
    }

    private mutating func take(
        _ segment: ArraySlice<UInt8>, isLast: Bool
    ) throws(PathPattern.Failure) {
        if segment.count == 1, segment.first == 0x2a {
            guard isLast else {
                throw fail(
                    "holds '*' before its end", accepted: "{name} for one segment, /* at the end")
            }
            spelling += [PathPattern.parameter, PathPattern.parameter]
        } else if segment.contains(0x7b) || segment.contains(0x7d) {
            try takeParameter(segment, isLast: isLast)
        } else {
            try takeLiteral(segment)
        }
    }

    private mutating func takeParameter(
        _ segment: ArraySlice<UInt8>, isLast: Bool
    ) throws(PathPattern.Failure) {
        let written = String(decoding: segment, as: UTF8.self)
        guard segment.first == 0x7b, segment.last == 0x7d,
            !segment.dropFirst().dropLast().contains(where: { $0 == 0x7b || $0 == 0x7d })
        else {
            throw fail(
                "holds the malformed segment '\(written)'",
                accepted: "{name} or {name...} as a whole segment; %7B and %7D for literal braces")
        }
        var name = written.dropFirst().dropLast()
        let isRest = name.hasSuffix("...")
        if isRest { name = name.dropLast(3) }
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isNameByte) else {
            throw fail(
                "names a parameter '\(name)'",
                accepted: "a name of ASCII letters, digits, '_' and '-'")
        }
        if isRest && !isLast {
            throw fail("holds '\(written)' before its end", suggestion: "{\(name)}")
        }
        guard names.insert(String(name)).inserted else {
            throw fail("names two parameters '\(name)'")
        }
        spelling +=
            isRest ? [PathPattern.parameter, PathPattern.parameter] : [PathPattern.parameter]
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x5f || byte == 0x2d
    }

    private mutating func takeLiteral(_ segment: ArraySlice<UInt8>) throws(PathPattern.Failure) {
        let start = spelling.count
        var index = segment.startIndex
        while index < segment.endIndex {
            if segment[index] == 0x25 {
                let byte = Array(segment[index...]).withView { PathEscape.byte(at: 0, of: $0) }
                try takeEscape(byte)
                index += 3
            } else {
                try takePlain(segment[index])
                index += 1
            }
        }
        let length = spelling.count - start
        if (1...2).contains(length), spelling[start...].allSatisfy({ $0 == 0x2e }) {
            throw fail("holds a dot segment", accepted: "the path without '.' and '..'")
        }
    }

    private mutating func takeEscape(_ byte: UInt8?) throws(PathPattern.Failure) {
        guard let byte else {
            throw fail(
                "holds a malformed escape",
                accepted: "'%' and two hexadecimal digits; %25 for a literal '%'")
        }
        if byte == 0 { throw fail("holds %00", accepted: "a path that a request may have") }
        if PathEscape.isUnreserved(byte) || byte == 0x2a {
            spelling.append(byte)
        } else {
            appendEscaped(byte)
        }
    }

    private mutating func takePlain(_ byte: UInt8) throws(PathPattern.Failure) {
        switch byte {
        case 0x3f, 0x23:
            let character = byte == 0x3f ? "?" : "#"
            throw fail(
                "holds '\(character)'",
                accepted: "a path without query or fragment; %\(byte == 0x3f ? "3F" : "23") where "
                    + "the path itself holds one")
        case 0x2a:
            throw fail(
                "holds '*' inside a segment",
                accepted: "{name} for one segment, /* at the end, %2A for a literal '*'")
        case 0x5c: throw fail("holds a backslash", accepted: "%5C")
        case 0...0x1f, 0x7f: throw fail("holds a control character")
        case 0x80..., 0x20, 0x22, 0x3c, 0x3e, 0x60: appendEscaped(byte)
        default: spelling.append(byte)
        }
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        let digits = Array("0123456789ABCDEF".utf8)
        spelling += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
