import HTTPSyntax
import Policy
import Transport

// What a client whose request was rejected may have meant.

extension Ref<Worker> {
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
        let passes = value.use.value.policy.with { policy in
            value.scratch.with {
                policy.passesAtOtherSlash(request, scratch: $0, path: &value.text)
            }
        }
        guard passes else { return }
        value.hint.append(head.slice(0, value.request.methodLength))
        value.hint.append(" is allowed at ")
        value.hint.append(value.text.view)
    }
}
