import Audit
import HTTPSyntax

// The content of the gate's own answers, where no template replaces it: RFC 9457 problem details,
// a page, or plain text.

extension Answer {
    /// Appends the content.
    func writeBody(to body: inout ByteBuffer) {
        switch form.representation {
        case .problem: writeProblem(to: &body)
        case .html: writeHTML(to: &body)
        case .text: writeText(to: &body)
        case .trailersOnly: break
        }
    }

    /// RFC 9457, with `message` beside `detail` for clients that look for it.
    private func writeProblem(to body: inout ByteBuffer) {
        body.append("{\"type\":\"about:blank\",\"title\":\"")
        body.append(Self.title(status))
        body.append("\",\"status\":")
        body.append(decimal: UInt64(status))
        body.append(",\"detail\":\"")
        body.append(detail)
        if let eventID {
            body.append("\",\"instance\":\"urn:uuid:")
            eventID.append(to: &body)
        }
        if !method.isEmpty {
            // A token has no byte that JSON would want escaped.
            body.append("\",\"method\":\"")
            body.append(method)
        }
        body.append("\"")
        if allow != nil {
            body.append(",\"allowed\":")
            body.append(allowJSON)
        }
        if !hint.isEmpty {
            body.append(",\"hint\":\"")
            body.append(escapedForJSON: hint)
            body.append("\"")
        }
        body.append(",\"message\":\"")
        body.append(detail)
        body.append("\"}\n")
    }

    /// A page that stands alone: nothing is fetched for it, and it follows the reader's choice of
    /// a dark or light screen.
    private func writeHTML(to body: inout ByteBuffer) {
        body.append(Self.pageStart)
        body.append(decimal: UInt64(status))
        body.append(byte: 0x20)
        body.append(Self.title(status))
        body.append(Self.pageStyle)
        body.append(decimal: UInt64(status))
        body.append(byte: 0x20)
        body.append(Self.title(status))
        body.append("</h1>\n<p>")
        body.append(escapedForHTML: detail)
        body.append("</p>\n")
        if !hint.isEmpty {
            body.append("<p>")
            body.append(escapedForHTML: hint)
            body.append("</p>\n")
        }
        if let eventID {
            body.append("<footer>Event <code>")
            eventID.append(to: &body)
            body.append("</code></footer>\n")
        }
        body.append("</main>\n</body>\n</html>\n")
    }

    private static let pageStart: StaticString = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <title>
        """

    private static let pageStyle: StaticString = """
        </title>
        <style>
        :root{color-scheme:light dark}
        body{margin:0;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
        main{max-width:38rem;margin:12vh auto;padding:0 1.5rem}
        h1{font-size:1.75rem;line-height:1.25;margin:0 0 1rem}
        footer{margin-top:2rem;font-size:.875rem;opacity:.75}
        </style>
        </head>
        <body>
        <main>
        <h1>
        """

    private func writeText(to body: inout ByteBuffer) {
        body.append(decimal: UInt64(status))
        body.append(byte: 0x20)
        body.append(Self.title(status))
        body.append("\n")
        body.append(detail)
        body.append("\n")
        if !hint.isEmpty {
            body.append(hint)
            body.append("\n")
        }
        if let eventID {
            body.append("Event ")
            eventID.append(to: &body)
            body.append("\n")
        }
    }
}
