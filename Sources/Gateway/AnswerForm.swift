import HTTP1
import HTTPSyntax
import Transport

// How an answer of the gate is written, as far as that is the request's doing.

/// The form in which a request is answered.
struct AnswerForm: BitwiseCopyable {
    var representation = Representation.problem
    /// No content, though the length is named.
    var isHead = false
    /// The client looks for `grpc-status`.
    var isGRPC = false
    var version = HTTPVersion.http11

    /// The same as a number below 32.
    var number: UInt8 {
        var number = representation.rawValue
        if isHead { number |= 4 }
        if isGRPC { number |= 8 }
        if version == .http10 { number |= 16 }
        return number
    }
}

extension Ref<Worker> {
    /// The form that the request in `request` asks for; `head` are its bytes.
    func answerForm(_ head: ByteView) -> AnswerForm {
        var form = fieldForm(head)
        form.isHead = value.request.method == .head
        form.version = value.request.version
        return form
    }

    /// The same as far as field lines say it: for a head of which only those can be relied on.
    func fieldForm(_ head: ByteView) -> AnswerForm {
        AnswerForm(representation: .preferred(value.request.fields, in: head), isGRPC: isGRPC(head))
    }

    /// Whether the content is a gRPC call: `application/grpc`, `application/grpc+proto`,
    /// `application/grpc-web` and their like.
    private func isGRPC(_ head: ByteView) -> Bool {
        guard value.request.fields.has(.contentType),
            let type = value.request.value(.contentType, in: head)
        else { return false }
        let name = ByteView("application/grpc")
        return type.count >= name.count && type.slice(0, name.count).equalsIgnoringCase(name)
    }
}

extension Ref<ClientConnection> {
    /// The form of an answer to the running request, whose head is in `worker.request`.
    func runningForm(_ head: ByteView) -> AnswerForm {
        var form = head.isEmpty ? AnswerForm() : value.worker.fieldForm(head)
        form.isHead = value.exchange.isHead
        form.version = value.exchange.clientVersion
        return form
    }

    /// Parses the head of the running request again, as it went upstream, into `worker.request`,
    /// and returns its bytes, which end with the loop's iteration; empty where it went nowhere.
    func recallHead() -> ByteView {
        guard let upstream = value.upstream else { return .empty }
        let worker = value.worker
        let head = upstream.value.replay.view
        // With the lines that the gate added there may be more than a section holds: the client's
        // own stand in front of them.
        let limits = HeadLimits(head: .max, target: .max, fields: .max)
        _ = RequestParser.parse(head, into: &worker.value.request, limits: limits)
        worker.value.request.version = value.exchange.clientVersion
        return head
    }
}
