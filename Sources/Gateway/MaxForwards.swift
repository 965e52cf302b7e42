import Audit
import HTTP1
import HTTPSyntax
import Policy
import Transport

// Max-Forwards (RFC 9110 §7.6.2): a client may ask that an OPTIONS or TRACE goes no further than
// so many hops. The policy has been asked before: what is blocked is blocked at any distance.

extension Ref<Worker> {
    /// The hops that are left to the request in `request`, where that is limited.
    func maxForwards(_ head: ByteView) -> Int? { value.request.maxForwards(in: head) }

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
        guard request.method == .trace else {
            var passing = verdict
            passing.allowed = verdict.passing
            return answerOptions(head, passing, shadow)
        }
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
