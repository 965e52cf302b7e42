import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Transport

// Who is at the other end of a connection, as far as the gate knows, and whether what he says of
// others is believed (`trusted_proxies`).

/// The peer of a connection, or whom a PROXY header names instead.
struct ClientOrigin {
    /// Nil behind a Unix socket.
    var address: IPAddress?
    /// What it says in `X-Forwarded-*` and `Forwarded` is believed.
    var isTrusted = false
    /// A PROXY header named it.
    var isAnnounced = false
    /// A PROXY header names nobody: what the connection carries is not the peer's own word, and
    /// not believed.
    var isUnnamed = false
    /// It is one of `limits.connections_per_client`.
    var isCounted = false
    /// Whom trusted proxies named as the client of the request that was read last.
    var client: IPAddress?
}

extension Ref<Worker> {
    /// Whether the word of that peer is believed; nil is one on a Unix socket.
    func trusts(_ address: IPAddress?) -> Bool {
        value.use.value.trusted.with { $0.contains(address) }
    }

    /// Counts a newcomer; false where its address has as many connections as it may have. A
    /// trusted proxy stands for many clients and may have any number.
    func admit(_ origin: inout ClientOrigin) -> Bool {
        guard !origin.isTrusted else { return true }
        let limit = value.use.value.snapshot.settings.limits.connectionsPerClient
        switch value.clients.enter(origin.address, limit: limit) {
        case .counted: origin.isCounted = true
        case .uncounted: break
        case .refused:
            value.counters.refusedConnections.add()
            return false
        }
        return true
    }

    /// Asks anew of all connections whether they are trusted, and counts those that were let in
    /// when there was no limit: the configuration has changed.
    func reassessClients() {
        let isLimited = value.use.value.snapshot.settings.limits.connectionsPerClient != nil
        var client = value.firstClient
        while let current = client {
            client = current.value.next
            let origin = current.value.origin
            current.value.origin.isTrusted = !origin.isUnnamed && trusts(origin.address)
            // The streams of a connection are not counted.
            guard isLimited, !origin.isCounted, !origin.isUnnamed, !current.value.origin.isTrusted,
                current.value.carried == nil
            else { continue }
            value.clients.note(origin.address)
            current.value.origin.isCounted = true
        }
    }

    /// Appends the lines that a trusted proxy's own lead to.
    func continueChain(_ head: ByteView, of client: Ref<ClientConnection>) {
        let isUnix = client.value.origin.address == nil
        value.chain.append(
            value.request, in: head, from: isUnix ? .empty : client.addressText,
            by: ByteView(client.scheme), host: requestHost(head), to: &value.extra)
        client.appendSubject(to: &value.extra)
    }
}

extension Ref<ClientConnection> {
    /// Reads what a trusted proxy says in the head in `worker.request`.
    func readChain(_ head: ByteView) {
        let worker = value.worker
        worker.value.chain = worker.value.use.value.trusted.with {
            ForwardingChain(worker.value.request, in: head, trusting: $0)
        }
        value.origin.client = worker.value.chain.client
    }

    /// The address of the client of the request that was read last; `unknown` behind a Unix socket.
    var clientText: ByteView {
        guard let client = value.origin.client else { return addressText }
        let worker = value.worker
        worker.value.clientText.removeAll()
        client.append(to: &worker.value.clientText)
        return worker.value.clientText.view
    }

    /// Puts into a record who asked: the peer, and the client where others stand between.
    func describeSource(_ fields: inout RequestFields) {
        fields.sourcePort = value.peer.port
        fields.tls = tlsFields
        let origin = value.origin
        guard origin.isTrusted || origin.isAnnounced else {
            fields.sourceAddress = value.peer.isUnix ? .empty : addressText
            return
        }
        let worker = value.worker
        let peer = value.peer.ipAddress
        worker.value.addresses.removeAll()
        peer?.append(to: &worker.value.addresses)
        let length = worker.value.addresses.count
        let client = origin.client ?? (origin.isAnnounced ? origin.address : nil)
        if let client, client != peer { client.append(to: &worker.value.addresses) }
        fields.sourceAddress = worker.value.addresses.view.slice(0, length)
        fields.clientAddress = worker.value.addresses.view.dropFirst(length)
    }
}
