// From a parsed head to what the policy is asked, and to its verdict: the same for the running gate
// and for `explain`.

package import HTTPSyntax

extension CompiledPolicy {
    /// Judges a request by its head, and says what was asked. Overrides are judged apart.
    ///
    /// - Parameter bytes: begins with the head.
    package func judge(
        _ head: borrowing RequestHead, in bytes: ByteView, scratch: JudgeScratch
    ) -> (Verdict, PolicyRequest) {
        var method = head.method
        if method == .unknown { method = methodID(bytes.slice(0, head.methodLength)) }
        let request = PolicyRequest(
            method: method, path: bytes.slice(head.target.pathOffset, head.target.pathLength),
            host: head.host(in: bytes))
        guard method == .options, head.fields.has(.origin),
            head.fields.has(.accessControlRequestMethod)
        else { return (judge(request, scratch: scratch), request) }
        return judgePreflight(request, head, bytes, scratch)
    }

    /// No honest preflight asks for more than one.
    private static var askedMethodLimit: Int { 4 }

    /// A backend may take the first or the last of several lines: the first that does not pass
    /// decides.
    private func judgePreflight(
        _ asked: PolicyRequest, _ head: borrowing RequestHead, _ bytes: ByteView,
        _ scratch: JudgeScratch
    ) -> (Verdict, PolicyRequest) {
        var request = asked
        request.isPreflight = true
        var result: (Verdict, PolicyRequest)?
        var lines = 0
        for index in 0..<head.fields.count {
            let line = head.fields[index]
            guard line.name == .accessControlRequestMethod, !line.isVariant else { continue }
            lines += 1
            let isJudged = lines <= Self.askedMethodLimit
            let token = bytes.slice(Int(line.valueOffset), Int(line.valueLength))
            request.requestedText = token
            request.requestedMethod = isJudged && Token.isValid(token) ? methodID(token) : nil
            let verdict = judge(request, scratch: scratch)
            if verdict.outcome != .forward, !verdict.isShadowed { return (verdict, request) }
            if result.map({ $0.0.outcome == .forward }) ?? true { result = (verdict, request) }
            guard isJudged else { break }
        }
        return result ?? (judge(request, scratch: scratch), request)
    }
}
