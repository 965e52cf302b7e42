import Configuration
import Transport

// The entries of `listen` as sockets. A reload keeps those that are still wanted: closing one
// would lose the connections that wait in its queue.

/// An entry of `listen` as it was bound, once for each worker.
struct BoundListener {
    /// As it was written when it was bound.
    let address: Address
    let bound: [Listener]
    var expectsProxyHeader: Bool
    var allowsHTTP2: Bool
    var tls: ListenTLS?

    init(_ listen: Listen, _ bound: [Listener]) {
        address = listen.address
        self.bound = bound
        expectsProxyHeader = listen.proxyProtocol
        allowsHTTP2 = listen.allowsHTTP2
        tls = listen.tls
    }

    func use(_ worker: Int) -> ListenerUse {
        ListenerUse(
            listener: bound[worker], expectsProxyHeader: expectsProxyHeader, tls: tls,
            allowsHTTP2: allowsHTTP2)
    }

    /// Binds all entries, but for those whose sockets are open: each of `old` is kept by at most
    /// one entry.
    static func bind(
        _ entries: [Listen], workers: Int, keeping old: [BoundListener],
        _ activated: ActivatedSockets
    ) throws(GatewayError) -> [BoundListener] {
        let kept = keepers(of: old, among: entries)
        let own = old.map { $0.bound[0].address }
        var result: [BoundListener] = []
        for (index, listen) in entries.enumerated() {
            if case .systemd(let name) = listen.address {
                result += try inherited(name, activated).map {
                    BoundListener(listen, Array(repeating: $0, count: workers))
                }
            } else if let position = kept[index] {
                var same = old[position]
                same.expectsProxyHeader = listen.proxyProtocol
                same.allowsHTTP2 = listen.allowsHTTP2
                same.tls = listen.tls
                result.append(same)
            } else {
                result.append(BoundListener(listen, try open(listen, workers, beside: own)))
            }
        }
        return result
    }

    /// For each entry the position in `old` of what it keeps; nil where it is to be bound.
    ///
    /// An entry that names a port has the first claim on it, even if the system picked it before.
    /// Of several entries with the same address (port 0) each keeps what was bound with its other
    /// settings, as far as there is such a one, and else the next in order.
    static func keepers(of old: [BoundListener], among entries: [Listen]) -> [Int?] {
        var result: [Int?] = Array(repeating: nil, count: entries.count)
        var isTaken = Array(repeating: false, count: old.count)
        func match(_ isKeeper: (BoundListener, Listen) -> Bool) {
            for (index, listen) in entries.enumerated() where result[index] == nil {
                guard
                    let position = old.indices.first(where: {
                        !isTaken[$0] && isKeeper(old[$0], listen)
                    })
                else { continue }
                result[index] = position
                isTaken[position] = true
            }
        }
        match { $0.isBound(to: $1) && $0.speaksLike($1) }
        match { $0.isBound(to: $1) }
        match { $0.address == $1.address && $0.speaksLike($1) }
        match { $0.address == $1.address }
        return result
    }

    private func speaksLike(_ listen: Listen) -> Bool {
        expectsProxyHeader == listen.proxyProtocol && allowsHTTP2 == listen.allowsHTTP2
            && (tls == nil) == (listen.tls == nil)
    }

    private func isBound(to listen: Listen) -> Bool { bound[0].address.text == listen.address.text }

    private static func open(
        _ listen: Listen, _ workers: Int, beside own: [SocketAddress]
    ) throws(GatewayError) -> [Listener] {
        guard let address = SocketAddress(listen.address) else {
            throw GatewayError("cannot listen on \(listen.address.text): it is no address")
        }
        do {
            return try Listener.bind(address, workers: workers, beside: own, isForAll: true)
        } catch { throw GatewayError(error.message) }
    }

    private static func inherited(
        _ name: String, _ activated: ActivatedSockets
    ) throws(GatewayError) -> [Listener] {
        let listeners = activated.named(name)
        guard listeners.isEmpty else { return listeners }
        let passed = activated.names.joined(separator: ", ")
        throw GatewayError(
            "cannot listen on systemd:\(name): no socket of that name was passed ("
                + (passed.isEmpty ? "none was" : "there are: \(passed)") + ")")
    }
}
