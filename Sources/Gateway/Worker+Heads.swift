import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Policy
import Transport

// Judging and writing heads: everything here works on the head in `request` or `response` and
// leaves what is to be sent in `output`.

extension Ref<Worker> {
    /// Asks the policy. Also returns what it was asked.
    func judge(_ head: ByteView) -> (Verdict, PolicyRequest) {
        value.scratch.with { scratch in
            value.use.value.policy.with { $0.judge(value.request, in: head, scratch: scratch) }
        }
    }

    /// The verdict of the policy in force.
    func ask(_ request: PolicyRequest) -> Verdict {
        value.scratch.with { scratch in
            value.use.value.policy.with { $0.judge(request, scratch: scratch) }
        }
    }

    /// Whether the content of the request in `request` is announced to be over the limit.
    var isTooLong: Bool { value.request.isLonger(than: value.use.value.contentLimit) }

    /// Host as it was sent, or the authority of an absolute form; empty for HTTP/1.0 without.
    func requestHost(_ head: ByteView) -> ByteView { value.request.host(in: head) }

    /// Writes the head for the upstream: what the client sent, less what is not for the upstream,
    /// and who the client is.
    func writeRequestHead(_ head: ByteView, of client: Ref<ClientConnection>, _ rule: Int32) {
        value.output.removeAll()
        if value.request.version == .http10
            || value.request.fields.hasAny(of: .maxForwards, .upgrade, .te)
            || client.value.origin.isTrusted || hasFieldsOfRules
        {
            writeUnusualHead(head, of: client, rule)
        } else {
            HeadWriter.request(
                value.request, in: head,
                extra: client.carrier.value.identity.lines(host: requestHost(head)),
                into: &value.output)
        }
    }

    /// The head of a request whose added lines may not be those of every request of its client.
    @inline(never) private func writeUnusualHead(
        _ head: ByteView, of client: Ref<ClientConnection>, _ rule: Int32
    ) {
        value.extra.removeAll()
        if client.value.origin.isTrusted, ForwardingChain.isClaimed(in: value.request) {
            continueChain(head, of: client)
        } else {
            value.extra.append(client.carrier.value.identity.lines(host: requestHost(head)))
            if value.request.version == .http10 { ClientIdentity.lowerVersion(in: &value.extra) }
        }
        if value.request.target.form != .absolute, !value.request.fields.has(.host) {
            appendBackendHost(rule)
        }
        if value.request.flags.contains(.upgrade), client.mayAskUpgrade(head, rule) {
            value.extra.append(WebSocketHandshake.lines)
        }
        if value.request.fields.has(.te), speaksHTTP2(rule), value.request.takesTrailers(in: head) {
            value.extra.append("TE: trailers\r\n")
        }
        var options = HeadWriter.RequestOptions(rawValue: 0)
        if let hops = maxForwards(head) {
            options = .dropsMaxForwards
            value.extra.append("Max-Forwards: ")
            value.extra.append(decimal: UInt64(hops - 1))
            value.extra.append("\r\n")
        }
        if hasFieldsOfRules { options.formUnion(keptFields(rule)) }
        HeadWriter.request(
            value.request, in: head, extra: value.extra.view, options: options,
            into: &value.output)
    }

    /// Whether the backend of that rule is spoken to in HTTP/2.
    func speaksHTTP2(_ rule: Int32) -> Bool {
        let use = value.use
        return use.value.pools[use.value.policy.with { $0.backend(rule) }].value.isHTTP2
    }

    /// Whether the head has fields that a rule may keep, or may seem to.
    private var hasFieldsOfRules: Bool {
        value.request.fields.present & FieldName.removedByRule != 0
            || value.request.flags.contains(.hasVariants)
    }

    /// Of the fields that are removed by default those that the rule lets pass.
    private func keptFields(_ rule: Int32) -> HeadWriter.RequestOptions {
        value.use.value.policy.with { policy in
            var options: HeadWriter.RequestOptions =
                policy.overrides(rule) == .strip ? [] : .keepsMethodOverrides
            let passed = policy.passedFields(rule)
            if passed.contains(.originalURL) { options.insert(.keepsOriginalURL) }
            if passed.contains(.rewriteURL) { options.insert(.keepsRewriteURL) }
            if passed.contains(.proxy) { options.insert(.keepsProxy) }
            return options
        }
    }

    /// HTTP/1.0 may lack Host; HTTP/1.1 to the backend may not.
    private func appendBackendHost(_ rule: Int32) {
        let snapshot = value.use.value.snapshot
        let backend = snapshot.settings.backends[snapshot.policy.backend(rule)]
        value.extra.append("Host: ")
        value.extra.append(text: backend.authority)
        value.extra.append("\r\n")
    }

    /// Writes an answer's head for the client.
    func writeResponseHead(_ head: ByteView, to client: Ref<ClientConnection>) {
        let options = settleResponse(head, for: client)
        value.output.removeAll()
        HeadWriter.response(
            value.response, in: head, extra: value.extra.view, date: dateText, options: options,
            into: &value.output)
    }

    /// What of an answer a client does not get; what it gets besides is left in `extra`.
    func settleResponse(
        _ head: ByteView, for client: Ref<ClientConnection>
    ) -> HeadWriter.ResponseOptions {
        value.extra.removeAll()
        var options = HeadWriter.ResponseOptions(rawValue: 0)
        if client.value.exchange.clientIsHTTP10 {
            options.insert(.dropsTransferEncoding)
            if client.value.exchange.clientPersists {
                value.extra.append("Connection: keep-alive\r\n")
            }
        }
        if !client.value.exchange.clientPersists { value.extra.append("Connection: close\r\n") }
        // RFC 9110 §15.5.22: what it is asked to upgrade to stands in the answer. It is the one
        // protocol that the client may be granted.
        if value.response.status == 426, client.value.exchange.asksUpgrade {
            value.extra.append("Connection: upgrade\r\nUpgrade: websocket\r\n")
        }
        narrowAllow(head, for: client, &options)
        if value.response.fields.has(.proxyStatus) { filterProxyStatus(head, &options) }
        return options
    }

    /// The value of Date for this second.
    var dateText: ByteView { value.date.text(secondsSince1970: value.now.seconds) }

    /// Writes the trailer fields that may pass, and the empty line.
    ///
    /// - Parameter hops: the fields that `Connection` of their message named.
    func writeTrailers(_ bytes: ByteView, request: Bool, except hops: UInt64) {
        value.output.removeAll()
        if request {
            TrailerSection.write(
                value.request.fields, in: bytes, except: hops, into: &value.output)
        } else {
            TrailerSection.write(
                value.response.fields, in: bytes, ofRequest: false, except: hops,
                into: &value.output)
        }
    }
}
