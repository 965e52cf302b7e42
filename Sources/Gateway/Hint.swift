import HTTPSyntax
import Policy
import Transport

// What a client whose request was rejected may have meant.

extension Ref<Worker> {
    /// Longer paths are not quoted.
    private static var quotedPathLimit: Int { 256 }

    /// Puts a hint into `hint`, or nothing where there is none to give.
    func describeHint(_ verdict: Verdict, _ request: PolicyRequest, _ head: ByteView) {
        value.hint.removeAll()
        if verdict.hintReadings {
            value.hint.append(Verdict.readingsHint)
        } else if value.hasRedirect, verdict.status == 405 {
            describeRedirect(request)
        } else if verdict.outcome == .methodBlocked, verdict.status == 405 {
            describeOtherSlash(request, head)
        }
    }

    /// The same path with or without its trailing slash may allow the method.
    private func describeOtherSlash(_ request: PolicyRequest, _ head: ByteView) {
        let path = request.path
        let policy = value.use.value.snapshot.policy
        guard policy.distinguishesSlash, path.count > 1, path.count < Self.quotedPathLimit else {
            return
        }
        value.text.removeAll()
        if path[path.count - 1] == UInt8(ascii: "/") {
            value.text.append(path.slice(0, path.count - 1))
        } else {
            value.text.append(path)
            value.text.append("/")
        }
        var other = request
        other.path = value.text.view
        guard ask(other).outcome == .forward else { return }
        value.hint.append(head.slice(0, value.request.methodLength))
        value.hint.append(" is allowed at ")
        value.hint.append(value.text.view)
    }
}
