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
        var form = fieldForm(head, value.request.version)
        form.isHead = value.request.method == .head
        return form
    }

    /// The same as far as field lines say it: for a head of which only those can be relied on.
    func fieldForm(_ head: ByteView, _ version: HTTPVersion) -> AnswerForm {
        let type = value.request.value(.contentType, in: head) ?? .empty
        return fieldForm(head, version, of: CallType(contentType: type))
    }

    /// The same where it is known what kind of call the request is.
    func fieldForm(_ head: ByteView, _ version: HTTPVersion, of call: CallType) -> AnswerForm {
        // Its clients read an answer's head as trailers if nothing comes behind it, and nothing else
        // of it; those of gRPC-Web, and whoever translates it to HTTP/1.1, are clients of HTTP.
        if call == .grpc, version == .http2 {
            return AnswerForm(representation: .trailersOnly, isGRPC: true, version: version)
        }
        return AnswerForm(
            representation: .preferred(value.request.fields, in: head), isGRPC: call != .none,
            version: version)
    }
}

extension Ref<ClientConnection> {
    /// The form of an answer to the running request, whose head is in `worker.request`.
    func runningForm(_ head: ByteView) -> AnswerForm {
        let version = value.exchange.clientVersion
        var form =
            head.isEmpty
            ? AnswerForm(version: version) : value.worker.fieldForm(head, version)
        form.isHead = value.exchange.isHead
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
