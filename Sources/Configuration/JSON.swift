// Just enough JSON to print: the schema and the findings of `check --json`. Members keep the
// order they are given in, so that output is stable and can be compared.

/// A JSON value on its way out (RFC 8259).
package indirect enum JSON: Sendable {
    case null
    case bool(Bool)
    case number(Int)
    /// A number with a point, as it is to be written.
    case decimal(String)
    case string(String)
    case array([JSON])
    case object([(String, JSON)])

    /// On one line.
    package var compact: String {
        var text = ""
        write(to: &text, indent: nil)
        return text
    }

    /// Over several lines, two blanks a level, short arrays on one line; no newline at the end.
    package var pretty: String {
        var text = ""
        write(to: &text, indent: 0)
        return text
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let value): text += String(value)
        case .decimal(let value): text += value
        case .string(let value): Self.write(value, to: &text)
        case .array(let items): writeArray(items, to: &text, indent: indent)
        case .object(let members): writeObject(members, to: &text, indent: indent)
        }
    }

    private func writeArray(_ items: [JSON], to text: inout String, indent: Int?) {
        let isShort = items.allSatisfy(\.isScalar)
        let inner = isShort ? nil : indent.map { $0 + 1 }
        text += "["
        for (index, item) in items.enumerated() {
            if index > 0 { text += isShort && indent != nil ? ", " : "," }
            Self.newline(inner, to: &text)
            item.write(to: &text, indent: inner)
        }
        if !isShort { Self.newline(indent, to: &text) }
        text += "]"
    }

    private func writeObject(_ members: [(String, JSON)], to text: inout String, indent: Int?) {
        text += "{"
        let inner = indent.map { $0 + 1 }
        for (index, member) in members.enumerated() {
            if index > 0 { text += "," }
            Self.newline(inner, to: &text)
            Self.write(member.0, to: &text)
            text += indent == nil ? ":" : ": "
            member.1.write(to: &text, indent: inner)
        }
        if !members.isEmpty { Self.newline(indent, to: &text) }
        text += "}"
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        case .null, .bool, .number, .decimal, .string: true
        }
    }

    private static func newline(_ indent: Int?, to text: inout String) {
        guard let indent else { return }
        text += "\n" + String(repeating: "  ", count: indent)
    }

    private static func write(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension Diagnostic {
    /// For `check --json`: every member always there, null where it does not apply.
    package var json: JSON {
        .object([
            ("severity", .string(severity.rawValue)), ("file", .string(file)),
            ("line", line == 0 ? .null : .number(line)),
            ("column", line == 0 ? .null : .number(column)),
            ("key", key.isEmpty ? .null : .string(key)), ("message", .string(message)),
            ("accepted", accepted.map(JSON.string) ?? .null),
            ("suggestion", suggestion.map(JSON.string) ?? .null),
            ("source", sourceLine.map(JSON.string) ?? .null),
            (
                "related",
                .array(
                    related.map { other in
                        .object([
                            ("file", .string(other.place.file)),
                            ("line", .number(other.place.line)),
                            ("column", .number(other.place.column)),
                            ("message", .string(other.message)),
                        ])
                    })
            ),
        ])
    }
}
