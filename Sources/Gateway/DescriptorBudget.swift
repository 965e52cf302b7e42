// How the descriptors of the process are divided. Clients, and their connections to backends, get
// what is left once everything else has its own: when they hold all they may, a reload, a moved
// log, the control socket and a connection to a backend still find one.

/// The descriptors of a gate.
struct DescriptorBudget {
    /// What the process may have open (RLIMIT_NOFILE).
    let limit: Int
    let workers: Int
    /// Listening sockets that are open, those passed to the process included.
    let listeners: Int
    /// What else the process was started with: a careless parent's files.
    var strangers = 0

    /// Standard streams, standard error once more, the main loop, its mailbox and the service
    /// manager's socket (10); admin endpoint and control socket, twice each (4); block and access
    /// log (2).
    private static let fixed = 16
    /// Of a reload: a file of the configuration, and both logs, the old ones being open still.
    private static let forReload = 3
    /// Of a worker: its loop (3) and mailbox; a connection that is accepted only to be refused, or
    /// the fresh one beside a stale one.
    private static let ofWorker = 5

    /// What clients and their upstream connections never take. A reload may listen elsewhere: the
    /// new sockets are bound while the old ones are open.
    var reserve: Int {
        Self.fixed + 2 * connectionsOfEndpoint + Self.forReload + workers * Self.ofWorker
            + listeners + max(workers, listeners) + strangers
    }

    /// How many connections the admin endpoint may have at a time, and as many the control socket:
    /// few where there are few descriptors, and never more than a crowd of scrapers would need.
    var connectionsOfEndpoint: Int { min(64, max(2, limit / 64)) }

    /// How many clients may be connected: each may have an upstream connection of its own. As many
    /// as are wanted, if there is room for them; one for each worker at least.
    func connections(wanted: Int?) -> Int {
        let possible = max(workers, (limit - reserve) / 2)
        return max(workers, min(possible, wanted ?? possible))
    }
}
