import Audit
import HTTPSyntax
import Policy

// The text of the gate's own answers: one form for all of them (RFC 9457 problem details, or
// HTML, or plain text), put together from pieces that the policy has ready.

/// What an answer of the gate says. The views are borrowed for the duration of the writing.
struct Answer {
    var status: UInt16
    /// For people: a sentence without markup.
    var detail: ByteView
    /// The value of Allow; nil leaves the field out.
    var allow: ByteView?
    /// The same as a JSON array.
    var allowJSON = ByteView.empty
    /// The method the client used, a token; empty where there is none to name.
    var method = ByteView.empty
    /// The id of the record; nil where there is no record.
    var eventID: EventID?
    /// Proxy-Status error type (RFC 9209); empty leaves the field out.
    var error: StaticString = "http_request_denied"
    /// The rule's id; empty where it is not to be named.
    var rule = ByteView.empty
    var hint = ByteView.empty
    var representation = Representation.problem
    /// HEAD, 204: no content, though a HEAD names its length.
    var isHead = false
    /// This is the connection's last answer.
    var closes = false
    var version = HTTPVersion.http11

    /// What this answer depends on, if it names no path.
    func key(_ rule: Int32, _ method: MethodID) -> AnswerKey {
        var form = UInt8(representation.rawValue)
        if closes { form |= 4 }
        if isHead { form |= 8 }
        if version == .http10 { form |= 16 }
        return AnswerKey(rule: rule, method: method.rawValue, form: form)
    }

    /// Appends the answer to `output`; `body` is scratch.
    func write(to output: inout ByteBuffer, body: inout ByteBuffer, date: ByteView) {
        body.removeAll()
        writeBody(to: &body)
        output.append("HTTP/1.1 ")
        output.append(decimal: UInt64(status))
        output.append(byte: 0x20)
        output.append(Self.title(status))
        output.append("\r\nDate: ")
        output.append(date)
        if let allow {
            output.append("\r\nAllow: ")
            output.append(allow)
        }
        output.append("\r\nCache-Control: no-store\r\nContent-Type: ")
        output.append(representation.contentType)
        output.append("\r\nContent-Length: ")
        output.append(decimal: UInt64(body.count))
        writeAttribution(to: &output)
        writeConnection(to: &output)
        output.append("\r\n\r\n")
        if !isHead { output.append(body.view) }
    }

    /// Who answered, why, and the id of the record (RFC 9209).
    private func writeAttribution(to output: inout ByteBuffer) {
        if let eventID {
            output.append("\r\nMethodgate-Event: ")
            eventID.append(to: &output)
        }
        guard error.utf8CodeUnitCount > 0 else { return }
        output.append("\r\nProxy-Status: methodgate; error=")
        output.append(error)
        guard !rule.isEmpty else { return }
        output.append("; details=\"rule ")
        for index in 0..<rule.count {
            let byte = rule[index]
            // sf-string is printable ASCII with two of it escaped (RFC 8941 §3.3.3).
            if byte == 0x22 || byte == 0x5c { output.append(byte: 0x5c) }
            output.append(byte: byte >= 0x20 && byte < 0x7f ? byte : 0x3f)
        }
        output.append("\"")
    }

    private func writeConnection(to output: inout ByteBuffer) {
        if closes {
            output.append("\r\nConnection: close")
        } else if version == .http10 {
            output.append("\r\nConnection: keep-alive")
        }
    }

    private func writeBody(to body: inout ByteBuffer) {
        switch representation {
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
            appendJSON(hint, to: &body)
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
        appendEscaped(detail, to: &body)
        body.append("</p>\n")
        if !hint.isEmpty {
            body.append("<p>")
            appendEscaped(hint, to: &body)
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

    /// The only text with bytes of a client that JSON wants escaped: it may quote the path.
    private func appendJSON(_ text: ByteView, to body: inout ByteBuffer) {
        for index in 0..<text.count {
            let byte = text[index]
            if byte == 0x22 || byte == 0x5c { body.append(byte: 0x5c) }
            body.append(byte: byte >= 0x20 && byte < 0x7f ? byte : 0x3f)
        }
    }

    private func appendEscaped(_ text: ByteView, to body: inout ByteBuffer) {
        for index in 0..<text.count {
            switch text[index] {
            case UInt8(ascii: "&"): body.append("&amp;")
            case UInt8(ascii: "<"): body.append("&lt;")
            case UInt8(ascii: ">"): body.append("&gt;")
            case UInt8(ascii: "\""): body.append("&quot;")
            case UInt8(ascii: "'"): body.append("&#39;")
            case let byte: body.append(byte: byte)
            }
        }
    }

    /// The reason phrases of RFC 9110 §15 and RFC 6585.
    static func title(_ status: UInt16) -> StaticString {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Error"
        }
    }
}
