// A diagnostic as an operator reads it: one line that editors can jump to, then the source line
// and a caret. Whatever comes from a file is made harmless to a terminal first.

extension Diagnostic {
    /// `file:line:column: key: what is wrong; accepted: … (did you mean …?)`, on one line.
    package var headline: String {
        var text = place.text + ": "
        if severity == .warning { text += "warning: " }
        return text + body
    }

    /// The headline without its place.
    private var body: String {
        var text = key.isEmpty ? "" : Printable.text(key, limit: 200) + ": "
        text += Printable.text(message, limit: 500)
        if let accepted { text += "; accepted: " + Printable.text(accepted, limit: 2000) }
        if let suggestion { text += " (did you mean \(Printable.text(suggestion))?)" }
        return text
    }

    /// The headline, the source line with a caret under it, then every related place alike; lines
    /// are separated, not ended, by a newline.
    package func rendered(color: Bool = false) -> String {
        let paint = Paint(isOn: color)
        var lines = [
            paint.bold(place.text + ":") + " "
                + (severity == .warning ? paint.yellow("warning:") + " " : "")
                + (severity == .error ? paint.red(body) : body)
        ]
        lines += Self.excerpt(place, paint)
        for other in related {
            lines.append(paint.bold(other.place.text + ":") + " note: " + other.message)
            lines += Self.excerpt(other.place, paint)
        }
        return lines.joined(separator: "\n")
    }

    /// The source line, cut to a window where it is long, and the caret.
    private static func excerpt(_ place: SourcePlace, _ paint: Paint) -> [String] {
        guard let line = place.sourceLine else { return [] }
        let characters = Array(line.unicodeScalars)
        let caret = max(0, min(place.column - 1, characters.count))
        let start = characters.count > 120 ? max(0, caret - 60) : 0
        let window = characters[start..<min(characters.count, start + 120)]
        let text = String(String.UnicodeScalarView(window.map(Printable.visible)))
        return [
            "  " + text, "  " + String(repeating: " ", count: caret - start) + paint.red("^"),
        ]
    }
}

/// Terminal colours, or nothing.
private struct Paint {
    let isOn: Bool

    func bold(_ text: String) -> String { wrap(text, "1") }
    func red(_ text: String) -> String { wrap(text, "31") }
    func yellow(_ text: String) -> String { wrap(text, "33") }

    private func wrap(_ text: String, _ code: String) -> String {
        isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

/// Text of a file on its way to a terminal or a log.
package enum Printable {
    /// Every scalar visible, cut to `limit` characters.
    package static func text(_ raw: String, limit: Int = 80) -> String {
        let scalars = raw.unicodeScalars
        let head = String(String.UnicodeScalarView(scalars.prefix(limit).map(visible)))
        return scalars.count > limit ? head + "…" : head
    }

    /// The first three of many, and how many more there are.
    package static func list(_ raw: [String]) -> String {
        let shown = raw.prefix(3).map { text($0) }.joined(separator: ", ")
        return raw.count > 3 ? "\(shown) and \(raw.count - 3) more" : shown
    }

    /// In quotes.
    static func quoted(_ raw: String) -> String { "'\(text(raw))'" }

    /// The path of a file, in quotes and as a whole: its end is what tells it from others.
    static func quoted(path: String) -> String { "'\(text(path, limit: longestPath))'" }

    /// PATH_MAX of limits.h.
    private static var longestPath: Int { 4096 }

    /// The scalar; a blank for a tab, U+FFFD for what a terminal obeys or does not show.
    static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar == "\t" { return " " }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return "\u{FFFD}"
        default: return scalar
        }
    }
}
