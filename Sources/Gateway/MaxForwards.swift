import Audit
import HTTP1
import HTTPSyntax
import Policy
import Transport

// Max-Forwards (RFC 9110 §7.6.2): a client may ask that an OPTIONS or TRACE goes no further than
// so many hops. The policy has been asked before: what is blocked is blocked at any distance.

extension Ref<Worker> {
    /// `OPTIONS *`, or the same in absolute form (RFC 9112 §3.2.4): about the gate as a whole.
    var asksAboutGate: Bool {
        let target = value.request.target
        if target.form == .asterisk { return true }
        guard target.form == .absolute, value.request.method == .options else { return false }
        return target.pathLength == 0 && target.queryLength == 0
    }

    /// The hops that are left; nil where the method has no such limit or the field is no number.
    func maxForwards(_ head: ByteView) -> Int? {
        guard value.request.fields.has(.maxForwards),
            value.request.method == .options || value.request.method == .trace,
            let text = value.request.value(.maxForwards, in: head), !text.isEmpty, text.count <= 9
        else { return nil }
        var hops = 0
        for index in 0..<text.count {
            guard ASCII.isDigit(text[index]) else { return nil }
            hops = hops * 10 + Int(text[index] - 0x30)
        }
        return hops
    }

    /// Puts the request in `request` into `body` as TRACE echoes it: without what its sender
    /// would not want to see in a page (RFC 9110 §9.3.8).
    func writeTrace(_ head: ByteView) {
        value.body.removeAll()
        let fields = value.request.fields.count
        let start = fields > 0 ? Int(value.request.fields[0].nameOffset) : head.count - 2
        value.body.append(head.slice(0, start))
        for index in 0..<fields {
            let line = value.request.fields[index]
            let end =
                index + 1 < fields
                ? Int(value.request.fields[index + 1].nameOffset) : head.count - 2
            switch line.name {
            case .authorization, .cookie, .proxyAuthorization: continue
            default: value.body.append(head.slice(Int(line.nameOffset), end - Int(line.nameOffset)))
            }
        }
        value.body.append("\r\n")
    }
}

extension Ref<ClientConnection> {
    /// The request was to go no further than here: OPTIONS gets the true Allow, TRACE itself.
    ///
    /// - Parameter shadow: the id of the record that says it would have been blocked.
    func answerAsLastHop(
        _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest, _ shadow: EventID?
    ) -> Int {
        guard request.method == .trace else { return answerOptions(head, verdict, shadow) }
        let worker = value.worker
        worker.writeTrace(head)
        worker.value.output.removeAll()
        worker.value.output.append("HTTP/1.1 200 OK\r\nDate: ")
        worker.value.output.append(worker.dateText)
        worker.value.output.append("\r\nContent-Type: message/http\r\nContent-Length: ")
        worker.value.output.append(decimal: UInt64(worker.value.body.count))
        return answerHere(head, 200, verdict.rule, body: worker.value.body.view, shadow)
    }
}
