import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Transport

// The beginning of a connection to a listener with `proxy_protocol`: the header in which a trusted
// proxy says whose connection this is. Without one nothing is answered, since who would get the
// answer is not known; but it is recorded.

extension Ref<ClientConnection> {
    /// Nothing is read as a request before the header has come.
    func awaitProxyHeader() {
        value.phase = .proxyHeader
        value.deadline.set(value.worker.value.use.value.timeouts.clientHead)
        if !value.origin.isTrusted { refuseStranger() }
    }

    /// Reads the header; how many bytes were used.
    func takeProxyHeader(_ bytes: ByteView) -> Int {
        switch ProxyHeader.parse(bytes) {
        case .incomplete: return 0
        case .failed(let problem):
            refuseUnanswered(problem.text)
            return bytes.count
        case .complete(let header, let length):
            guard value.origin.isTrusted else {
                // A reload has come in between.
                refuseStranger()
                return bytes.count
            }
            begin(header)
            guard value.phase == .proxyHeader else { return length }
            return beginHTTP(received: bytes.dropFirst(length)) + length
        }
    }

    private func begin(_ header: ProxyHeader) {
        switch header {
        case .local: break
        case .unnamed:
            value.origin.isUnnamed = true
            value.origin.isTrusted = false
        case .client(let address, _):
            var origin = ClientOrigin(address: address, isAnnounced: true)
            origin.isTrusted = value.worker.trusts(address)
            guard value.worker.admit(&origin) else {
                close()
                return
            }
            value.origin = origin
            value.identity.describe(address)
        }
    }

    private func refuseStranger() {
        refuseUnanswered("a PROXY header is taken from trusted_proxies alone")
    }

    /// The header has not come in time.
    func proxyHeaderTimedOut() {
        if value.inbound.isEmpty {
            close()
        } else {
            refuseUnanswered("the PROXY header did not arrive in time")
        }
    }

    /// Ends a connection that has not come to a request: with a record, without an answer.
    private func refuseUnanswered(_ reason: StaticString) {
        let worker = value.worker
        guard !worker.value.log.isShut else {
            abort()
            return
        }
        recordUnanswered(reason)
        value.heldFrom = value.outbound.count
        worker.holdUnlessDropped(self)
        finish(.close)
        worker.limitHold(self)
    }

    /// Records what is wrong with a connection where nobody can be answered.
    ///
    /// - Parameter line: what begins with a request line, where there is any.
    func recordUnanswered(_ reason: StaticString, line: ByteView = .empty) {
        let worker = value.worker
        guard !worker.value.log.isShut else { return }
        let (method, target) = Self.firstLine(line)
        var fields = RequestFields(methodID: MethodID(registered: method))
        (fields.method, fields.target) = (method, target)
        describeSource(&fields)
        var record = BlockRecord(
            .malformedRequest, at: worker.value.now, id: worker.nextID(), request: fields)
        record.reason = ByteView(reason)
        worker.value.counters.malformed.add()
        worker.record(record)
    }
}
