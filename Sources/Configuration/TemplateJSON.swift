// A template of JSON must be JSON whatever is filled in: it is tried with every combination of
// values that its sections ask for, and each result is read as RFC 8259 has it.

import HTTPSyntax

enum TemplateJSON {
    /// What is wrong, at the byte of the template that shows it; nil where every answer is an
    /// object.
    static func fault(_ bytes: [UInt8], _ template: BodyTemplate, from start: Int) -> TemplateFault?
    {
        var asked: [TemplateValue] = []
        for case .section(let value, _, _) in template.pieces where !asked.contains(value) {
            asked.append(value)
        }
        for combination in 0..<(1 << asked.count) {
            var missing: Set<TemplateValue> = []
            for (bit, value) in asked.enumerated() where combination >> bit & 1 != 0 {
                missing.insert(value)
            }
            // A value that no section asks for may be there or not.
            for isThere in [true, false] {
                var filled = Filled()
                fill(template, &filled) { value in
                    asked.contains(value)
                        ? !missing.contains(value) : isThere || value.isAlwaysThere
                }
                if let fault = fault(filled, end: bytes.count, missing) { return fault }
            }
        }
        return nil
    }

    /// A template with values in it, and where in the template each part was.
    private struct Filled {
        var bytes: [UInt8] = []
        var parts: [(filled: Int, template: Int)] = []

        func offset(_ position: Int, else end: Int) -> Int {
            guard position < bytes.count, let part = parts.last(where: { $0.filled <= position })
            else { return end }
            return part.template + position - part.filled
        }
    }

    private static func fill(
        _ template: BodyTemplate, _ filled: inout Filled, has: (TemplateValue) -> Bool
    ) {
        var index = 0
        while index < template.pieces.count {
            switch template.pieces[index] {
            case .text(let offset, let count):
                filled.parts.append((filled.bytes.count, offset))
                filled.bytes += template.bytes(offset, count).bytes
            case .value(let value): filled.bytes += Array(sample(value, has(value)).utf8)
            case .section(let value, let isThere, let end):
                if has(value) != isThere {
                    index = end
                    continue
                }
            }
            index += 1
        }
    }

    /// Text that is none of JSON's own words, so that it is right in strings only.
    private static func sample(_ value: TemplateValue, _ isThere: Bool) -> String {
        switch value {
        case .status: "405"
        case .allowedJSON: isThere ? "[\"GET\",\"HEAD\"]" : "null"
        default: isThere ? "text" : ""
        }
    }

    private static func fault(
        _ filled: Filled, end: Int, _ missing: Set<TemplateValue>
    ) -> TemplateFault? {
        var reader = JSONReader(bytes: filled.bytes)
        guard let position = reader.fault() else { return nil }
        let names = TemplateValue.allCases.filter(missing.contains).map { "'\($0.name)'" }
        let condition = names.isEmpty ? "" : " in answers without \(names.joined(separator: ", "))"
        return TemplateFault(
            offset: filled.offset(position, else: end), message: "is not JSON here\(condition)",
            accepted: "a JSON object once the values are filled in, text in quotes")
    }
}

/// Checks an object for its syntax (RFC 8259).
private struct JSONReader {
    let bytes: [UInt8]
    private var position = 0
    private static let deepest = 64

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Where the bytes cease to be an object; nil where they are one.
    mutating func fault() -> Int? {
        skipBlanks()
        guard peek == UInt8(ascii: "{"), readValue(0) else { return position }
        skipBlanks()
        return position == bytes.count ? nil : position
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func readValue(_ depth: Int) -> Bool {
        skipBlanks()
        switch peek {
        case UInt8(ascii: "{") where depth < Self.deepest:
            return readItems(UInt8(ascii: "}"), depth, named: true)
        case UInt8(ascii: "[") where depth < Self.deepest:
            return readItems(UInt8(ascii: "]"), depth, named: false)
        case UInt8(ascii: "\""): return readString()
        case UInt8(ascii: "t"): return readWord("true")
        case UInt8(ascii: "f"): return readWord("false")
        case UInt8(ascii: "n"): return readWord("null")
        default: return readNumber()
        }
    }

    private mutating func readItems(_ end: UInt8, _ depth: Int, named: Bool) -> Bool {
        position += 1
        skipBlanks()
        if take(end) { return true }
        while true {
            if named {
                skipBlanks()
                guard readString() else { return false }
                skipBlanks()
                guard take(UInt8(ascii: ":")) else { return false }
            }
            guard readValue(depth + 1) else { return false }
            skipBlanks()
            if take(end) { return true }
            guard take(UInt8(ascii: ",")) else { return false }
        }
    }

    private mutating func readString() -> Bool {
        guard take(UInt8(ascii: "\"")) else { return false }
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return true
            case UInt8(ascii: "\\"): guard readEscape() else { return false }
            case 0..<0x20: return false
            default: position += 1
            }
        }
        return false
    }

    private mutating func readEscape() -> Bool {
        guard position + 1 < bytes.count else { return false }
        let kind = bytes[position + 1]
        guard kind == UInt8(ascii: "u") else {
            guard Array("\"\\/bfnrt".utf8).contains(kind) else { return false }
            position += 2
            return true
        }
        let digits = bytes[(position + 2)...].prefix(4)
        let isHexadecimal = digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        guard digits.count == 4, isHexadecimal else { return false }
        position += 6
        return true
    }

    private mutating func readWord(_ word: String) -> Bool {
        guard bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func readNumber() -> Bool {
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { guard readDigits() else { return false } }
        if take(UInt8(ascii: ".")) { guard readDigits() else { return false } }
        guard peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") else { return true }
        position += 1
        if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
        return readDigits()
    }

    private mutating func readDigits() -> Bool {
        let start = position
        while let byte = peek, ASCII.isDigit(byte) { position += 1 }
        return position > start
    }
}
