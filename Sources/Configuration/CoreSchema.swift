// What a plain scalar is to YAML's core schema (YAML 1.2.2 §10.3.2). Here the key decides what a
// value is; but text that every other YAML tool reads as something else is a mistake, since it
// changes when somebody else writes the file.

import HTTPSyntax

enum CoreSchema {
    /// What the core schema makes of a plain scalar; nil for text, and for null.
    static func type(of text: String) -> String? {
        switch text {
        case "true", "True", "TRUE", "false", "False", "FALSE": "a boolean"
        default: isNumber(text) ? "a number" : nil
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, first < 0x3a else { return false }
        if text.hasPrefix("0o") {
            return text.utf8.count > 2 && text.utf8.dropFirst(2).allSatisfy { 0x30...0x37 ~= $0 }
        }
        if text.hasPrefix("0x") {
            return text.utf8.count > 2
                && text.utf8.dropFirst(2).allSatisfy {
                    ASCII.isDigit($0) || 0x61...0x66 ~= $0 | 0x20
                }
        }
        if [".nan", ".NaN", ".NAN"].contains(text) { return true }
        let unsigned = first == 0x2b || first == 0x2d ? text.dropFirst() : text[...]
        return [".inf", ".Inf", ".INF"].contains(unsigned) || isDecimal(unsigned.utf8)
    }

    /// `12`, `1.5`, `.5`, `1.`, `1e3`.
    private static func isDecimal(_ text: Substring.UTF8View) -> Bool {
        var rest = text[...]
        var digits = takeDigits(&rest)
        if rest.first == 0x2e {
            rest = rest.dropFirst()
            digits += takeDigits(&rest)
        }
        guard digits > 0 else { return false }
        if rest.first == 0x65 || rest.first == 0x45 {
            rest = rest.dropFirst()
            if rest.first == 0x2b || rest.first == 0x2d { rest = rest.dropFirst() }
            guard takeDigits(&rest) > 0 else { return false }
        }
        return rest.isEmpty
    }

    private static func takeDigits(_ text: inout Substring.UTF8View) -> Int {
        let digits = text.prefix { 0x30...0x39 ~= $0 }.count
        text = text.dropFirst(digits)
        return digits
    }
}

extension Scalar {
    /// Why it is no text; nil where it is.
    var complaintAsText: Complaint? {
        guard isPlain, let type = CoreSchema.type(of: text) else { return nil }
        return Complaint("\(quoted) is \(type), not text", suggestion: "\"\(text)\"")
    }
}
