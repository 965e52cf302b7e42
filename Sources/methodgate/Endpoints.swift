import Audit
import Configuration
import Control
import Gateway
import HTTPSyntax
import Transport

// Where the operator's questions are answered: the admin endpoint and the control socket.

/// The listeners of one configuration, kept over a reload where they stay the same.
final class Endpoints {
    private typealias Served = (address: Address, bound: String, server: HTTPServer)

    private let admin: Served?
    private let control: Served?

    /// Binds what `settings` name; throws what does not bind, and then nothing has changed. Each has
    /// `limit` connections at a time.
    init(
        _ settings: Settings, on base: EventBase, limit: Int, replacing old: Endpoints?,
        _ service: Service
    ) throws {
        admin = try Self.serve(settings.admin, old?.admin, base, limit) {
            [unowned service] request in
            AdminRoutes.answer(request, service)
        }
        let socket = Self.address(of: settings.control)
        control = try Self.serve(socket, old?.control, base, limit) { [unowned service] request in
            AdminRoutes.answerControl(request, service)
        }
    }

    /// `control.sock` in the runtime directory of a service (systemd.exec(5)).
    private static func address(of control: ControlSocket) -> Address? {
        switch control {
        case .off: return nil
        case .at(let path): return .unix(path: path)
        case .automatic:
            // There may be several; the first one is the service's own.
            let folder = Environment.value("RUNTIME_DIRECTORY")?.split(separator: ":").first
            return folder.map { .unix(path: "\($0)/control.sock") }
        }
    }

    private static func serve(
        _ address: Address?, _ old: Served?, _ base: EventBase, _ limit: Int,
        _ handler: @escaping (AdminRequest) -> AdminAnswer
    ) throws -> Served? {
        guard let address else { return nil }
        if let old, old.address == address { return old }
        guard let socket = SocketAddress(address) else {
            throw ListenError.noAddress(address.text)
        }
        let listeners = [try Listener.bind(socket, workers: 1)[0]]
        guard let server = HTTPServer(listeners, on: base, connections: limit, handler) else {
            throw EndpointError(address: listeners[0].address.text)
        }
        return (address, listeners[0].address.text, server)
    }

    /// Others are in force: what of these is not among them accepts nobody any more.
    func leaveAddresses(to next: Endpoints) {
        for (own, other) in [(admin, next.admin), (control, next.control)] {
            if let own, own.server !== other?.server { own.server.leaveAddresses() }
        }
    }

    /// Once a second.
    func resume() {
        admin?.server.resume()
        control?.server.resume()
    }

    /// Between two turns of the loop.
    func makeRoom() {
        admin?.server.makeRoom()
        control?.server.makeRoom()
    }

    /// For the terminal, one each.
    var lines: [String] {
        [("admin endpoint", admin), ("control socket", control)].compactMap { name, served in
            served.map { "\(name) on \($0.bound)" }
        }
    }
}

/// An address is bound, and nobody would answer there.
private struct EndpointError: Error, CustomStringConvertible {
    let address: String

    var description: String { "cannot answer on \(address): no descriptor or memory left" }
}

extension Service: AdminSubject {
    var readiness: Readiness { isDraining ? .draining : .ready }
    var reloadFailure: String? { failure }
    var silentWorker: Int? { heartbeat?.silentWorker }

    func metricsPage(_ format: MetricsFormat) -> String {
        guard let gateway else { return "" }
        return Metrics.page(
            gateway.counters, totals, gateway.ruleCounters, gateway.logs, currentFacts,
            as: format)
    }

    func dashboardPage() -> String {
        guard let gateway else { return "" }
        var page = DashboardFacts()
        page.service = currentFacts
        page.isDraining = isDraining
        page.reloadFailure = failure
        page.configuration = path
        page.hostname = Machine.hostname
        page.listeners = gateway.boundAddresses
        page.log = gateway.blockLog.name
        page.blocks = RecentBlocks.read(gateway.blockLog)
        page.now = Timestamp.now().seconds
        return Dashboard.page(
            page, settings.policy, gateway.counters, totals, gateway.ruleCounters)
    }

    private var currentFacts: ServiceFacts {
        var facts = facts
        facts.connectionLimit = gateway?.connectionLimit ?? 0
        return facts
    }

    func reloadNow() -> String? { reload() }

    func statusReport() -> String {
        let counters = gateway?.counters ?? []
        let members: [(String, JSON)] = [
            ("state", .string(isDraining ? "draining" : "serving")),
            ("version", .string(facts.version)),
            ("pid", .number(Int(Machine.processID))),
            ("configuration", .string(path)),
            ("policy_sha256", .string(facts.policyDigest)),
            ("rules", .number(facts.ruleCount)),
            ("listeners", .array((gateway?.boundAddresses ?? []).map(JSON.string))),
            ("workers", .number(counters.count)),
            ("started", .number(Int(facts.started))),
            ("last_reload", .number(Int(facts.lastReload))),
            ("last_reload_failure", failure.map(JSON.string) ?? .null),
            ("open_connections", sum(counters) { $0.openConnections.value }),
            ("records_written", sum(counters) { $0.recordsWritten.value }),
            ("records_dropped", sum(counters) { $0.recordsDropped.value }),
            ("records_waiting_bytes", sum(counters) { $0.recordsWaiting.value }),
            ("logs", .array((gateway?.logs ?? []).map(json))),
        ]
        return JSON.object(members).pretty + "\n"
    }

    private func sum(_ counters: [WorkerCounters], _ value: (WorkerCounters) -> UInt64) -> JSON {
        .number(Int(clamping: counters.reduce(0) { $0 &+ value($1) }))
    }

    private func json(_ log: LogState) -> JSON {
        .object([
            ("log", .string(log.name)), ("to", .string(log.destination)),
            ("on_full", .string(log.onFull)), ("fault", log.fault.map(JSON.string) ?? .null),
        ])
    }
}
