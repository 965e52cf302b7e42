import Configuration
import Transport

// What a reload means for connections that are open: those that could not begin in this way any
// more take no further requests (docs/tls.md). Requests that run are finished.

extension Ref<Worker> {
    /// Looks at all connections, once the acceptors are those of the new configuration.
    func endOutdated() {
        var isAny = false
        var client = value.firstClient
        while let current = client {
            client = current.value.next
            guard current.value.carried == nil, !current.value.isOutdated else { continue }
            let acceptor = value.acceptors.first { $0.value.number == current.value.acceptor }
            if acceptor?.value.allowsHTTP2 != true { current.value.mayBeHTTP2 = false }
            guard !current.began(as: acceptor) else { continue }
            isAny = true
            current.value.isOutdated = true
            current.value.http2?.drain()
        }
        guard isAny else { return }
        // What has been sent ahead on connections of HTTP/1.1 is answered, too, as in a drain.
        value.pipelineDeadline = value.wheel.value.now + UInt64(ClientConnection.pipelineTime)
    }
}

extension Ref<ClientConnection> {
    /// Whether its listener is still there, and would have it begin as it did.
    fileprivate func began(as acceptor: Ref<Acceptor>?) -> Bool {
        guard let acceptor else { return false }
        switch (value.tls, acceptor.value.tls) {
        case (nil, nil): return value.http2 == nil || acceptor.value.allowsHTTP2
        case (let old?, let new?): return old.isAlike(new)
        default: return false
        }
    }
}
