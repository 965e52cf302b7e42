import HTTPSyntax
import Synchronization
import Transport

// The one count that workers share, since a client's connections are dealt to all of them.

/// Connections by client address, for `limits.connections_per_client`. Thread-safe; untouched
/// where there is no limit.
final class ClientCounter: Sendable {
    private let counts = Mutex<[IPAddress?: Int]>([:])
    /// Whether a limit was ever set: only then do departures matter.
    private let isUsed = Atomic<Bool>(false)

    /// Counts a newcomer in; false where its address has `limit` connections already.
    func enter(_ peer: SocketAddress, limit: Int?) -> Bool {
        guard let limit else {
            if isUsed.load(ordering: .relaxed) { count(peer) }
            return true
        }
        isUsed.store(true, ordering: .relaxed)
        return counts.withLock { counts in
            let present = counts[peer.ipAddress, default: 0]
            guard present < limit else { return false }
            counts[peer.ipAddress] = present + 1
            return true
        }
    }

    private func count(_ peer: SocketAddress) {
        counts.withLock { $0[peer.ipAddress, default: 0] += 1 }
    }

    func leave(_ peer: SocketAddress) {
        guard isUsed.load(ordering: .relaxed) else { return }
        counts.withLock { counts in
            guard let present = counts[peer.ipAddress] else { return }
            counts[peer.ipAddress] = present > 1 ? present - 1 : nil
        }
    }
}
