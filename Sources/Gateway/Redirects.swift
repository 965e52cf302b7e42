import Audit
import HTTP1
import HTTPSyntax
import Policy
import Transport

// The 405 that nobody meant: a backend answers a POST with 301 or 302, the client follows with a
// GET, and the policy rejects that. The rejection and its record name the redirect.

extension Ref<ClientConnection> {
    /// Remembers the redirect in `worker.response`, the answer to the running request, if a GET of
    /// where it leads is going to be rejected.
    func noteRedirect(_ answer: ByteView) {
        let worker = value.worker
        guard value.method != .get, value.method != .head, value.method != .options,
            value.method != .trace,
            let location = worker.value.response.value(.location, in: answer)
        else { return }
        let head = recallHead()
        guard !head.isEmpty else { return }
        let target = worker.value.request.target
        let path = head.slice(target.pathOffset, target.pathLength)
        let host = worker.requestHost(head)
        guard worker.value.target.take(location: location, host: host, path: path) else { return }
        let followed = PolicyRequest(
            method: .get, path: worker.value.target.path.view, host: worker.value.target.host.view)
        switch worker.ask(followed).outcome {
        case .methodBlocked, .ambiguousPath: break
        default: return
        }
        worker.value.redirects.remember(
            redirectKey(head), status: UInt16(worker.value.response.status),
            method: head.slice(0, worker.value.request.methodLength), path: path,
            at: worker.value.wheel.value.now, worker.value.now)
    }

    /// Whether the request in `worker.request` follows such a redirect, which then is in
    /// `worker.redirect`.
    func followsRedirect(_ head: ByteView, _ request: PolicyRequest) -> Bool {
        let worker = value.worker
        let now = worker.value.wheel.value.now
        guard request.method == .get || request.method == .head,
            worker.value.redirects.isWorthAsking(at: now),
            worker.value.target.take(host: request.host, path: request.path)
        else { return false }
        return worker.value.redirects.find(
            redirectKey(head), at: now, into: &worker.value.redirect)
    }

    /// For `worker.target`, by the client whose request is in `worker.request`.
    private func redirectKey(_ head: ByteView) -> UInt64 {
        let worker = value.worker
        let userAgent = worker.value.request.value(.userAgent, in: head) ?? .empty
        return worker.value.target.key(client: clientText, userAgent: userAgent)
    }
}

extension Ref<Worker> {
    /// What a record says of the redirect in `redirect`.
    var redirectFacts: RedirectFacts {
        RedirectFacts(
            method: value.redirect.method, path: value.redirect.path,
            status: value.redirect.status, time: value.redirect.time)
    }

    /// Puts into `hint` what turned the client's request into the one that is rejected.
    func describeRedirect(_ request: PolicyRequest) {
        let method = value.redirect.method
        value.hint.append("a redirect by this backend turned the client's ")
        value.hint.append(method)
        value.hint.append(request.method == .head ? " into this HEAD: " : " into this GET: ")
        value.hint.append(decimal: UInt64(value.redirect.status))
        value.hint.append(" from ")
        value.hint.append(value.redirect.path)
        var meant = request
        meant.method = value.use.value.policy.with { $0.methodID(method) }
        guard ask(meant).outcome == .forward else { return }
        value.hint.append("; ")
        value.hint.append(method)
        value.hint.append(" is allowed at this path")
    }
}
