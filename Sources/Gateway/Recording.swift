import Audit
import HTTPSyntax
import Policy
import Transport

// What a record and an answer say of a request and its verdict.

extension Ref<ClientConnection> {
    /// The request group of a record, from the head in `worker.request`.
    func requestFields(_ head: ByteView, _ method: MethodID) -> RequestFields {
        let worker = value.worker
        let target = worker.value.request.target
        var fields = RequestFields(methodID: method)
        fields.method = head.slice(0, worker.value.request.methodLength)
        fields.version = worker.value.request.version
        fields.host = worker.requestHost(head)
        fields.path = head.slice(target.pathOffset, target.pathLength)
        fields.target = head.slice(target.offset, target.length)
        describeSource(&fields)
        fields.userAgent = worker.value.request.value(.userAgent, in: head) ?? .empty
        fields.requestID = worker.value.request.value(.xRequestID, in: head) ?? .empty
        fields.traceparent = worker.value.request.value(.traceparent, in: head) ?? .empty
        return fields
    }
}

extension Ref<Worker> {
    func nextID() -> EventID {
        // In one expression it does not compile with ThreadSanitizer (Swift 6.3).
        let ids = value.ids
        return ids.value.next(at: value.now)
    }

    /// Appends a verdict's record, with the readings and the rules where there are several.
    ///
    /// - Parameter policy: judged the request, just now.
    func record(
        _ record: borrowing BlockRecord, _ verdict: Verdict, _ request: PolicyRequest,
        _ policy: CompiledPolicy
    ) {
        guard verdict.readings > 1 || verdict.findsSeveralRules else {
            self.record(record)
            return
        }
        let rules =
            verdict.findsSeveralRules
            ? value.scratch.with { policy.rulesAsked(request, verdict, scratch: $0, limit: 16) }
            : []
        self.record(record, readings: readingTexts(Int(verdict.readings)), rules: rules)
    }

    /// The readings of the path that was judged last; of very many only the first.
    private func readingTexts(_ count: Int) -> [String] {
        value.scratch.with { scratch in
            (0..<min(count, 16)).map { scratch.withReading($0) { $0.printable } }
        }
    }

    /// What a rejection depends on; nil where it is not to be kept for the next request like it:
    /// it names the client's path, or a token that is any client's own.
    func answerKey(_ verdict: Verdict, _ form: AnswerForm, closes: Bool) -> AnswerKey? {
        guard verdict.outcome == .methodBlocked, value.request.method.isRegistered,
            value.hint.isEmpty
        else { return nil }
        return AnswerKey(verdict.rule, value.request.method, form, closes: closes)
    }

    /// Puts what passes at the path into `allowed` and `allowedJSON`.
    func describeAllowed(_ verdict: Verdict, _ facts: RuleFacts, _ policy: CompiledPolicy) {
        value.allowed.removeAll()
        value.allowedJSON.removeAll()
        if verdict.allowed == facts.methods {
            value.allowed.append(facts.allow)
            value.allowedJSON.append(facts.allowJSON)
        } else {
            policy.appendAllow(verdict.allowed, rule: verdict.rule, to: &value.allowed)
            policy.appendAllowJSON(verdict.allowed, rule: verdict.rule, to: &value.allowedJSON)
        }
    }

    /// Puts the sentence of an answer into `text`.
    ///
    /// - Parameter isHidden: what the path allows is not to be told.
    func describeDetail(_ verdict: Verdict, _ method: ByteView, isHidden: Bool) {
        value.text.removeAll()
        switch verdict.status {
        case 404: value.text.append("Nothing is served at this path.")
        case 501:
            value.text.append(method)
            value.text.append(" is not a method this server knows.")
        default: describeBlock(verdict, method, isHidden)
        }
    }

    private func describeBlock(_ verdict: Verdict, _ method: ByteView, _ isHidden: Bool) {
        if verdict.outcome == .preflightBlocked {
            value.text.append("The method this preflight asks for is not allowed at this path")
        } else if verdict.outcome == .overrideBlocked {
            describeOverride()
        } else {
            value.text.append(method)
            value.text.append(" is not allowed at this path")
        }
        if verdict.status == 405, !isHidden {
            value.text.append(value.allowed.isEmpty ? "; no method is" : "; allowed: ")
            value.text.append(value.allowed.view)
        }
        value.text.append(".")
    }
}

extension Ref<Worker> {
    /// `DELETE, which the query asks for, is not allowed at this path`.
    private func describeOverride() {
        let override = value.override
        if override.isMethod {
            // A token needs no escaping in any representation but HTML, where all is escaped.
            value.text.append(override.value)
            value.text.append(", which ")
        } else {
            value.text.append("Another method, which ")
        }
        let isParameter =
            override.source.equals(ByteView("query")) || override.source.equals(ByteView("content"))
        value.text.append(isParameter ? "the " : "")
        value.text.append(override.source)
        value.text.append(override.isMethod ? " asks for," : " may ask for,")
        value.text.append(" is not allowed at this path")
    }
}

extension BlockAction {
    init(_ outcome: Verdict.Outcome) {
        switch outcome {
        case .preflightBlocked: self = .preflightBlocked
        case .overrideBlocked: self = .overrideBlocked
        case .ambiguousPath: self = .ambiguousPath
        case .malformedPath: self = .malformedRequest
        case .forward, .methodBlocked, .answerOptions: self = .methodBlocked
        }
    }
}

extension Verdict.Outcome {
    /// For the operator.
    var reason: StaticString {
        switch self {
        case .forward, .answerOptions: ""
        case .methodBlocked: "the rule does not list the method"
        case .preflightBlocked: "the rule does not list the method the preflight asks for"
        case .overrideBlocked: "the rule does not list the method of an override"
        case .ambiguousPath: "readings of the path differ in what they allow"
        case .malformedPath: "the path is malformed"
        }
    }
}

extension ByteView {
    /// As text in which every byte outside of printable ASCII is four characters, `\xff`, as in
    /// `explain`. Allocates.
    fileprivate var printable: String {
        var text = ByteBuffer(capacity: Swift.min(count, 512) + 3)
        for index in 0..<Swift.min(count, 512) {
            let byte = self[index]
            if byte > 0x20 && byte < 0x7f {
                text.append(byte: byte)
            } else {
                text.append("\\x")
                text.append(hex: slice(index, 1))
            }
        }
        return text.view.text
    }
}
