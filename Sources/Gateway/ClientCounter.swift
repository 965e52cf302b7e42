import HTTPSyntax
import Memory
import Synchronization

// The one count that workers share, since a client's connections are dealt to all of them.

/// Connections by client address, for `limits.connections_per_client`; nil is the address of all
/// clients on Unix sockets. Thread-safe; untouched where there is no limit.
final class ClientCounter: Sendable {
    private let counts = Lock<[IPAddress?: Int]>([:])
    /// Whether a limit was ever set: only then is anybody counted.
    private let isUsed = Atomic<Bool>(false)

    /// What becomes of a newcomer.
    enum Entry {
        /// It is one more, until it leaves.
        case counted
        case uncounted
        /// Its address has `limit` connections already.
        case refused
    }

    func enter(_ client: IPAddress?, limit: Int?) -> Entry {
        if limit != nil {
            isUsed.store(true, ordering: .relaxed)
        } else if !isUsed.load(ordering: .relaxed) {
            return .uncounted
        }
        return counts.withLock { counts in
            let present = counts[client, default: 0]
            guard present < limit ?? .max else { return .refused }
            counts[client] = present + 1
            return .counted
        }
    }

    /// One more that is there already: it was let in when nobody was counted.
    func note(_ client: IPAddress?) { counts.withLock { $0[client, default: 0] += 1 } }

    /// One that was counted has gone.
    func leave(_ client: IPAddress?) {
        counts.withLock { counts in
            guard let present = counts[client] else { return }
            counts[client] = present > 1 ? present - 1 : nil
        }
    }
}
