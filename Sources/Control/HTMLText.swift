// Text as HTML. Patterns are the operator's, paths and user agents in records are any client's:
// whatever they hold stays text.

/// A page while it is written: markup is ours, all else goes through `text`.
struct HTMLText {
    private(set) var page = ""

    /// Markup, word for word.
    mutating func markup(_ markup: StaticString) { page += markup.description }

    /// Anything, as the text of an element or of an attribute in double quotes.
    mutating func text(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": page += "&amp;"
            case "<": page += "&lt;"
            case ">": page += "&gt;"
            case "\"": page += "&quot;"
            case "'": page += "&#39;"
            case "\n", "\t": page.unicodeScalars.append(scalar)
            // Control bytes, and what turns the reading direction of all that follows.
            case "\u{0}"..<" ", "\u{7f}"..<"\u{a0}", "\u{200e}", "\u{200f}",
                "\u{202a}"..."\u{202e}", "\u{2066}"..."\u{2069}":
                page += "\u{fffd}"
            default: page.unicodeScalars.append(scalar)
            }
        }
    }

    /// A cell of a table; a count with `isNumber`.
    mutating func cell(_ content: String, isNumber: Bool = false) {
        markup(isNumber ? "<td class=\"number\">" : "<td>")
        text(content)
        markup("</td>")
    }

    /// A row of a list of facts.
    mutating func fact(_ name: StaticString, _ content: String) {
        markup("<dt>")
        markup(name)
        markup("</dt><dd>")
        text(content)
        markup("</dd>\n")
    }
}
