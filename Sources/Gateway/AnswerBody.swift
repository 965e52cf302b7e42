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

    private func writeHTML(to body: inout ByteBuffer) {
        body.append("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>")
        body.append(decimal: UInt64(status))
        body.append(byte: 0x20)
        body.append(Self.title(status))
        body.append("</title>\n<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;")
        body.append("margin:4rem auto;padding:0 1rem;color:#222}small{color:#666}</style>\n<h1>")
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
            body.append("<p><small>Event ")
            eventID.append(to: &body)
            body.append("</small></p>\n")
        }
        body.append("</html>\n")
    }

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
