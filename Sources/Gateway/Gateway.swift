package import Audit
package import Configuration
import HTTPSyntax
internal import Memory
package import Transport

// The gate as the main thread sees it: start, reload, reopen, drain. Nothing here runs on the
// request path.

/// What all streams of this start of the process have in common.
package struct ProcessIdentity: Sendable {
    package let start: EventID
    package let observer: Observer

    /// `start`: a fresh id, by which the streams of this start are told from others.
    package init(start: EventID, observer: Observer) {
        self.start = start
        self.observer = observer
    }
}

/// Why the gate cannot start, or keeps its old configuration.
package struct GatewayError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// The running gate. For the main thread alone.
package final class Gateway {
    package private(set) var snapshot: Snapshot
    /// Where the workers' reports arrive.
    package let reports: Mailbox<WorkerReport>
    private var orders: [Mailbox<WorkerOrder>] = []
    private var threads: [Thread] = []
    /// Kept for as long as the process runs: their threads do not take them apart when they end.
    private var workers: [Ref<Worker>] = []
    private var listeners: [BoundListener] = []
    private let workerCount: Int
    private let descriptorLimit: Int
    private var isDraining = false
    private let clients = ClientCounter()
    /// What the workers count, by their number.
    package let counters: [WorkerCounters]
    /// What they count by rule under the configuration they have taken; nil where nobody asks.
    package private(set) var ruleCounters: [RuleCounters?] = []
    /// Kept for as long as the process runs: a later configuration may name them.
    private let activated: ActivatedSockets
    private let strangers: Int
    private let redirects = RedirectMemory()
    private var watch = LogWatch()
    /// Which logs' paths did not open when that was last tried, and why.
    private var lostLogs: [SinkDestination: SinkError] = [:]
    /// The block log, and how often its file had changed, when the workers were last told.
    private var announced: (ObjectIdentifier, Int)?

    /// Binds, opens the logs and starts the workers.
    ///
    /// - Parameter strangers: descriptors that were open at the start and are nobody's here.
    package init(
        _ settings: Settings, as process: ProcessIdentity,
        activated: ActivatedSockets = ActivatedSockets(), strangers: Int = 0
    ) throws(GatewayError) {
        guard let reports = Mailbox<WorkerReport>() else {
            throw GatewayError("no descriptor left")
        }
        self.reports = reports
        workerCount = settings.workers ?? Machine.usableProcessors
        descriptorLimit = Socket.raiseDescriptorLimit()
        snapshot = try Self.open(settings, replacing: nil)
        self.activated = activated
        self.strangers = strangers
        counters = (0..<workerCount).map { _ in WorkerCounters() }
        listeners = try BoundListener.bind(
            settings.listeners, workers: workerCount, keeping: [], activated)
        let limit = connectionsOfEach(settings)
        for index in 0..<workerCount {
            guard
                let worker = Ref<Worker>.make(
                    index: index, snapshot: snapshot, listeners: listeners.map { $0.use(index) },
                    process: process, clients: clients, counters: counters[index],
                    redirects: redirects,
                    connectionLimit: limit, outbox: reports)
            else {
                throw GatewayError("cannot start worker \(index): no descriptor or memory left")
            }
            workers.append(worker)
            ruleCounters.append(worker.value.use.value.counters)
            orders.append(worker.value.inbox)
        }
        for (index, worker) in workers.enumerated() {
            let box = WorkerBox(worker: worker)
            guard let thread = Thread(name: "worker-\(index)", { box.worker.run() }) else {
                throw GatewayError("cannot start worker \(index): the kernel gives no thread")
            }
            threads.append(thread)
        }
    }

    /// The addresses that accept, as they were bound (port 0 resolved).
    package var boundAddresses: [String] { listeners.map { $0.bound[0].address.text } }

    /// Where block records go.
    package var blockLog: SinkDestination { snapshot.blockSink.destination }

    /// Client connections that may be open at a time under the configuration in force.
    package var connectionLimit: Int {
        connectionsOfEach(snapshot.settings) * workerCount
    }

    /// Takes a new configuration, or throws and leaves everything as it was.
    package func reload(_ settings: Settings) throws(GatewayError) {
        guard !isDraining else { throw GatewayError("the gate is ending") }
        let next = try Self.open(settings, replacing: snapshot)
        let bound = try BoundListener.bind(
            settings.listeners, workers: workerCount, keeping: listeners, activated)
        snapshot = next
        listeners = bound
        let limit = connectionsOfEach(settings)
        for (index, mailbox) in orders.enumerated() {
            mailbox.post(
                .adopt(next, bound.map { $0.use(index) }, connectionLimit: limit))
        }
    }

    /// SIGUSR1: opens the log files again; what could not be opened.
    package func reopenLogs() -> [SinkError] {
        let results = [snapshot.blockSink.reopen(), snapshot.accessSink?.reopen() ?? .unchanged]
        announceChange()
        return Self.errors(results)
    }

    /// Once a second: opens a log file again that was moved away.
    package func followMovedLogs() -> [SinkError] {
        let sinks = [snapshot.blockSink, snapshot.accessSink].compactMap { $0 }
        for sink in sinks {
            switch sink.reopenIfMoved() {
            case .failed(let error): lostLogs[sink.destination] = error
            // Nobody looked: what was wrong still is, and is not said again.
            case .deferred: break
            case .reopened, .unchanged: lostLogs[sink.destination] = nil
            }
        }
        announceChange()
        return sinks.compactMap { lostLogs[$0.destination] }
    }

    /// Tells the workers, who say so in their streams, when the block log's file has changed: by
    /// one of these calls, or by a worker at the end of the line in which it was asked for.
    private func announceChange() {
        let current = (ObjectIdentifier(snapshot.blockSink), snapshot.blockSink.generation)
        if let announced, announced == current { return }
        announced = current
        for mailbox in orders { mailbox.post(.logsReopened) }
    }

    /// Once a second: what is to be told of logs that take nothing, or take records again.
    package func logNews() -> [String] {
        let log = snapshot.settings.log
        var news = [watch.look(at: snapshot.blockSink, as: log.blocks, name: "block")]
        if let sink = snapshot.accessSink, let target = log.access, sink !== snapshot.blockSink {
            news.append(watch.look(at: sink, as: target, name: "access"))
        }
        return news.compactMap { $0 }
    }

    /// The logs as they are now.
    package var logs: [LogState] {
        let log = snapshot.settings.log
        var states = [LogState("blocks", snapshot.blockSink, log.blocks)]
        if let sink = snapshot.accessSink, let target = log.access {
            states.append(LogState("access", sink, target))
        }
        return states
    }

    /// Why the block log takes nothing, once `logNews` has told it.
    package var blockLogFault: String? { watch.reason(of: snapshot.blockSink) }

    private static func errors(_ results: [ReopenResult]) -> [SinkError] {
        results.compactMap { if case .failed(let error) = $0 { error } else { nil } }
    }

    /// Stops accepting; the workers end when their requests have.
    package func drain() {
        isDraining = true
        for mailbox in orders { mailbox.post(.drain) }
        listeners = []
    }

    /// A worker has taken the last configuration; what it counted by rule before that.
    package func adopted(_ counters: RuleCounters?, by worker: Int) -> RuleCounters? {
        defer { ruleCounters[worker] = counters }
        return ruleCounters[worker]
    }

    package var workersRunning: Int { threads.count }

    /// Waits for the threads, which have reported their end.
    package func join() { for thread in threads { thread.join() } }

    /// Lets the threads go: the process ends without waiting for them.
    package func abandon() { for thread in threads { thread.detach() } }

    // MARK: Parts

    private static func open(
        _ settings: Settings, replacing old: Snapshot?
    ) throws(GatewayError) -> Snapshot {
        var addresses: [SocketAddress] = []
        for backend in settings.backends {
            guard let address = SocketAddress(backend.address) else {
                throw GatewayError("backend \(backend.name): \(backend.address.text) is no address")
            }
            addresses.append(address)
        }
        let open = [old?.blockSink, old?.accessSink].compactMap { $0 }
        let blocks = try sink(settings.log.blocks, open)
        return Snapshot(
            settings: settings, addresses: addresses, blocks: blocks,
            access: try settings.log.access.map { (target) throws(GatewayError) in
                try sink(target, [blocks] + open)
            })
    }

    /// The open sink where the destination is the same, so that a reload moves no line and two
    /// logs in one file never tear each other's lines.
    private static func sink(_ target: LogTarget, _ open: [AuditSink]) throws(GatewayError)
        -> AuditSink
    {
        let destination: SinkDestination =
            switch target.destination {
            case .stdout: .standardOutput
            case .file(let path): .file(path: path)
            case .journald(let path): .journald(path: path)
            case .syslog(let path): .syslog(path: path, facility: target.facility)
            case .syslogUDP(let host, let port):
                .syslogUDP(host: host, port: port, facility: target.facility)
            }
        if let same = open.first(where: { $0.destination == destination }) { return same }
        do { return try AuditSink(to: destination) } catch { throw GatewayError(error.description) }
    }

    /// Asks every worker for a sign of life; each answers with a report.
    package func ping(_ number: UInt64) {
        for mailbox in orders { mailbox.post(.ping(number)) }
    }

    /// Client connections that each worker may have.
    private func connectionsOfEach(_ settings: Settings) -> Int {
        budget.connections(wanted: settings.limits.connections) / workerCount
    }

    private var budget: DescriptorBudget {
        let own = listeners.flatMap(\.bound).filter { !$0.isInherited }.map(\.descriptor)
        return DescriptorBudget(
            limit: descriptorLimit, workers: workerCount,
            listeners: Set(own).count + activated.names.count, strangers: strangers)
    }

    /// Connections that the admin endpoint may have at a time, and as many the control socket.
    package var connectionsOfEndpoint: Int { budget.connectionsOfEndpoint }

    /// What the operator should know of `limits.connections`; nil where it holds.
    package var connectionNotice: String? {
        guard let wanted = snapshot.settings.limits.connections else { return nil }
        let possible = budget.connections(wanted: wanted)
        guard possible < wanted else { return nil }
        return "limits.connections: \(possible) instead of \(wanted), since the process may have "
            + "\(descriptorLimit) descriptors open"
    }
}

/// Carries a worker's address to its thread.
private struct WorkerBox: @unchecked Sendable {
    let worker: Ref<Worker>
}

extension SocketAddress {
    /// Nil where the address is none: a path that is too long.
    package init?(_ address: Address) {
        let made: SocketAddress? =
            switch address {
            case .ipv4(let host, let port): .ipv4(host, port: port)
            case .ipv6(let host, let port): .ipv6(host, port: port)
            case .unix(let path): .unix(path)
            case .systemd: nil
            }
        guard let made else { return nil }
        self = made
    }
}
