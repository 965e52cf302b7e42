import Audit
import Configuration
import HTTPSyntax
import Policy
import Transport

// The gate's own answers: one form for all of them, whatever the status. Their content is in
// AnswerBody.swift, or an operator's template (TemplateFilling.swift).

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
    /// What the request was for; for templates alone.
    var host = ByteView.empty
    var path = ByteView.empty
    var form: AnswerForm
    /// What replaces the content.
    var template: Uncounted<BodyTemplate>?
    /// This is the connection's last answer.
    var closes = false

    init(status: UInt16, detail: ByteView, form: AnswerForm = AnswerForm()) {
        self.status = status
        self.detail = detail
        self.form = form
    }

    /// Says no more of who answers than the rule lets it, in the words the rule asks for.
    mutating func obey(_ facts: RuleFacts, _ use: Ref<SnapshotUse>) {
        if facts.attribution == .none {
            error = ""
            eventID = nil
        }
        guard let number = form.representation.template(facts.templates) else { return }
        let book = use.value.snapshot.settings.templates
        template = book.template(number, status: status).map { Uncounted(keptElsewhere: $0) }
    }

    /// Appends the answer to `output`; its content stays in `body`.
    func write(to output: inout ByteBuffer, body: inout ByteBuffer, date: ByteView) {
        body.removeAll()
        if let template {
            template.with { fill($0, to: &body) }
        } else {
            writeBody(to: &body)
        }
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
        output.append(form.representation.contentType)
        output.append("\r\nContent-Length: ")
        output.append(decimal: UInt64(body.count))
        writeAttribution(to: &output)
        if form.isGRPC { GRPCStatus.append(status, message: detail, to: &output) }
        writeConnection(to: &output)
        output.append("\r\n\r\n")
        if form.isHead { body.removeAll() }
        output.append(body.view)
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
        } else if form.version == .http10 {
            output.append("\r\nConnection: keep-alive")
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
