import Audit
import Configuration
import Control
import Gateway
import Policy
import Transport

// The main thread of a running gate: it owns signals, configuration and the once-a-second look
// at the log files; the request path is the workers'.

/// Runs a gate from start to drain.
final class Service {
    /// The one of this process. Its state is not taken apart when it ends, since the process ends
    /// then; that something still refers to it tells it from what was lost on the way.
    nonisolated(unsafe) private static var running: Service?
    let path: String
    private let surroundings: Surroundings
    /// What is made of each configuration before it is in force.
    private let adjust: (Settings) -> Settings
    var settings: Settings
    private(set) var gateway: Gateway?
    private var base: EventBase?
    private var endedWorkers = 0
    /// Requests and tunnels that outlasted the drain.
    private var cutOff = 0
    private var lostLines = LostLines()
    private var lastErrors: [SinkError] = []
    private var signalEvents: Ref<SignalEvents>?
    private var manager: ServiceManager?
    private(set) var heartbeat: Heartbeat?
    /// The one that the operator has been told of.
    private var lastSilentWorker: Int?
    private var endpoints: Endpoints?
    /// Left by a reload, which may have come through one of them: freed outside of its callback.
    private var formerEndpoints: [Endpoints] = []
    private var watch: ConfigurationWatch?
    /// What signals ask for, until the loop's turn is over.
    private var wantsReload = false
    private var wantsReopening = false
    var totals = RuleTotals()
    var facts = ServiceFacts()
    private(set) var isDraining = false
    /// Turns of `everySecond` in the drain so far: what the main loop missed does not count.
    private var drainTurns = 0
    /// Turns beyond `timeouts.drain` in which workers cut off what is left, and end.
    private static let drainMargin = 5
    /// What was wrong with the last configuration that was not taken.
    private(set) var failure: String?
    /// Called once, when all listeners accept.
    var whenReady: (([String]) -> Void)?

    /// `surroundings`: where a reload finds the file.
    init(
        path: String, settings: Settings, in surroundings: Surroundings = .machine,
        adjust: @escaping (Settings) -> Settings = { $0 }
    ) {
        self.path = path
        self.surroundings = surroundings
        self.adjust = adjust
        self.settings = adjust(settings)
    }

    /// What failed for good, so that the process has to end, whoever waits for it.
    private var breakdown: String?
    /// The exit status then (EX_SOFTWARE of sysexits.h): the service manager is to start it anew.
    private static let brokenDown: Int32 = 70
    /// The same where a log did not take all to the end (EX_IOERR): for whoever asks what became of
    /// the records, and no reason not to start anew.
    private static let lostRecords: Int32 = 74

    /// Serves until SIGTERM or SIGINT; the exit status of the process.
    func run() -> Int32 {
        unsafe Self.running = self
        ProcessSignals.prepare()
        let passed = OpenDescriptors.countBeyondStandard()
        manager = ServiceManager()
        guard let base = EventBase() else {
            Terminal.err("methodgate: cannot make an event loop\n")
            return 2
        }
        self.base = base
        let gateway: Gateway
        do {
            gateway = try start(passed: passed)
            self.gateway = gateway
            endpoints = try Endpoints(
                settings, on: base, limit: gateway.connectionsOfEndpoint, replacing: nil, self)
        } catch {
            Terminal.err("methodgate: \(error)\n")
            manager?.status("\(error)")
            return 2
        }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let events = unsafe SignalEvents(base, gateway.reports.descriptor, context)
        signalEvents = Ref<SignalEvents>.make(events)
        announceStart(gateway)
        Terminal.startServing()
        while endedWorkers < gateway.workersRunning, breakdown == nil {
            if !base.runOnce() { breakdown = "the main loop failed" }
            grantWishes()
            endpoints?.makeRoom()
        }
        signalEvents?.destroy()
        if let breakdown {
            // Nothing is known of the state of what still runs: no end in order, and no waiting.
            gateway.abandon()
            let line = breakdown + "; the gate ends" + (isDraining ? "" : ", to be started anew")
            Terminal.err("methodgate: \(line)\n")
            manager?.status(line)
            return Self.brokenDown
        }
        gateway.join()
        // Files of sockets go with them.
        formerEndpoints = []
        endpoints = nil
        if cutOff > 0 {
            let what = cutOff == 1 ? "1 request or tunnel" : "\(cutOff) requests or tunnels"
            Terminal.err("\(what) cut off: longer than timeouts.drain\n")
        }
        let farewell = gateway.farewell(lostLines)
        for line in farewell { Terminal.err("methodgate: \(line)\n") }
        guard !farewell.isEmpty else { return 0 }
        manager?.status(farewell.joined(separator: "; "))
        return Self.lostRecords
    }

    /// `passed`: descriptors that the process was started with.
    private func start(passed: Int) throws -> Gateway {
        var ids = try EventIDGenerator()
        let identity = ProcessIdentity(
            start: ids.next(at: .now()),
            observer: Observer(version: Version.text, hostname: Machine.hostname))
        let (activated, problems) = ActivatedSockets.take()
        for problem in problems { Terminal.err("methodgate: \(problem)\n") }
        return try Gateway(
            settings, as: identity, activated: activated,
            strangers: max(0, passed - activated.names.count))
    }

    private func announceStart(_ gateway: Gateway) {
        for address in gateway.boundAddresses { Terminal.err("listening on \(address)\n") }
        for line in endpoints?.lines ?? [] { Terminal.err(line + "\n") }
        if let notice = gateway.connectionNotice { Terminal.err("methodgate: \(notice)\n") }
        facts.version = Version.text
        facts.started = Timestamp.now().seconds
        heartbeat = Heartbeat(workers: gateway.workersRunning)
        took(settings)
        manager?.ready(summary)
        whenReady?(gateway.boundAddresses)
    }

    /// A configuration is in force.
    private func took(_ settings: Settings) {
        self.settings = settings
        facts.policyDigest = CheckCommand.digest(settings)
        facts.ruleCount = settings.policy.ruleCount
        facts.lastReload = Timestamp.now().seconds
        watch = settings.reloadsOnChange ? Self.watch(settings) : nil
    }

    private static func watch(_ settings: Settings) -> ConfigurationWatch {
        ConfigurationWatch(settings.files, naming: settings.namedFiles)
    }

    /// The state in words, for the service manager.
    private var summary: String {
        let listeners = count(gateway?.boundAddresses.count ?? 0, "listener")
        let rules = count(facts.ruleCount, "rule")
        let state = "Serving \(listeners) by \(rules), policy \(facts.policyDigest.prefix(12))"
        let troubles = [
            gateway?.blockLogFault.map { "the block log takes nothing: \($0)" },
            failure.map { "the last reload failed: \($0)" },
        ]
        return ([state] + troubles.compactMap { $0 }).joined(separator: "; ")
    }

    /// libevent calls once for every signal that came, without a look at anything else in between:
    /// those that came during a slow reload would run as many, and no sign of life would be given.
    fileprivate func handle(signal: Int32) {
        switch signal {
        case ProcessSignals.hangup: wantsReload = true
        case ProcessSignals.user1: wantsReopening = true
        default: drain()
        }
    }

    /// Does once what was asked for any number of times. Between two turns of the loop.
    private func grantWishes() {
        if wantsReopening {
            wantsReopening = false
            report(gateway?.reopenLogs() ?? [], success: "log files opened again")
        }
        if wantsReload { _ = reload() }
    }

    private func drain() {
        Terminal.err("draining\n")
        isDraining = true
        manager?.stopping("Draining")
        gateway?.drain()
    }

    /// Takes the file as it is now; one that does not load changes nothing. What is wrong, with
    /// every finding, or nil.
    func reload() -> String? {
        // Whoever has asked before gets this one.
        wantsReload = false
        if isDraining {
            // No load, and no word of one: what the manager is told stays the end.
            Terminal.err("no reload: the gate is ending\n")
            return "the gate is ending\n"
        }
        giveSignOfLife()
        manager?.reloading()
        facts.reloads += 1
        // Marked before the files are read: what changes meanwhile is seen afterwards.
        let marked = Self.watch(settings)
        let problem = takeFile()
        if settings.reloadsOnChange, problem != nil || watch?.files == marked.files {
            watch = marked
        }
        facts.lastReloadSucceeded = problem == nil
        if let problem {
            facts.reloads -= 1
            facts.failedReloads += 1
            failure = problem.headline
            Terminal.err(
                "reload failed: \(problem.headline); the old configuration stays in force\n")
        } else {
            failure = nil
        }
        manager?.ready(summary)
        return problem?.text
    }

    private struct Problem {
        var headline: String
        var details = ""
        var text: String { details + headline + "\n" }
    }

    private func takeFile() -> Problem? {
        let result = ConfigurationLoader.load(path: path, in: surroundings)
        if !result.diagnostics.isEmpty {
            Terminal.err(result.rendered(color: Terminal.errorColor))
        }
        guard let settings = result.settings.map(adjust) else {
            return Problem(
                headline: "\(path): \(count(result.errorCount, "error"))",
                details: result.rendered(color: false))
        }
        guard let gateway, let base else { return nil }
        do {
            let next = try Endpoints(
                settings, on: base, limit: gateway.connectionsOfEndpoint, replacing: endpoints, self
            )
            try gateway.reload(settings)
            endpoints?.leaveAddresses(to: next)
            if let endpoints { formerEndpoints.append(endpoints) }
            endpoints = next
        } catch { return Problem(headline: "\(error)") }
        Terminal.err("reloaded \(path)\n")
        if settings.workers != self.settings.workers {
            Terminal.err("workers: takes effect at the next start\n")
        }
        took(settings)
        for address in gateway.boundAddresses { Terminal.err("listening on \(address)\n") }
        for line in endpoints?.lines ?? [] { Terminal.err(line + "\n") }
        if let notice = gateway.connectionNotice { Terminal.err("methodgate: \(notice)\n") }
        return nil
    }

    fileprivate func takeReports() {
        for report in gateway?.reports.takeAll() ?? [] {
            switch report {
            case .ended(let worker, let cutOff, let lost):
                endedWorkers += 1
                self.cutOff += cutOff
                lostLines += lost
                heartbeat?.end(worker: worker)
            case .failed(let worker): breakdown = "the loop of worker \(worker) failed"
            case .alive(let worker, let ping): heartbeat?.answer(from: worker, to: ping)
            case .adopted(let worker, let counters):
                let former = gateway?.adopted(counters, by: worker)
                if let former { totals.retire(former) }
            }
        }
    }

    /// Says what is wrong with a log once, and not every second.
    fileprivate func everySecond() {
        formerEndpoints = []
        // Answers that are here count before the next question, however long the last turn took.
        takeReports()
        endpoints?.resume()
        let errors = gateway?.followMovedLogs() ?? []
        if errors != lastErrors { report(errors, success: nil) }
        lastErrors = errors
        if watch?.hasChanged() == true, !isDraining { _ = reload() }
        if isDraining { lookAfterDrain() }
        askWorkers()
        let news = gateway?.logNews() ?? []
        for line in news { Terminal.err("methodgate: \(line)\n") }
        if !news.isEmpty, !isDraining { manager?.status(summary) }
    }

    /// The gate itself ends a drain, and has the manager wait for it; but a worker that hangs never
    /// ends. The manager's own limit holds then, or the gate's, where nobody else has one.
    private func lookAfterDrain() {
        drainTurns += 1
        guard let silent = silentWorker else {
            manager?.extendStop(seconds: 10)
            return
        }
        if drainTurns > settings.timeouts.drain / 1000 + Self.drainMargin {
            breakdown = "\(Self.silence(of: silent)), and timeouts.drain is over"
        }
    }

    private static func silence(of worker: Int) -> String {
        "worker \(worker) has not answered for \(Heartbeat.patience) s"
    }

    /// Before a load: those that control connections ask for together run one after another in one
    /// turn of the loop, each for seconds where name servers are slow. Where an answer is owed still,
    /// that is no turn's fault, and not counted.
    private func giveSignOfLife() {
        takeReports()
        if heartbeat?.isAnswered == true { askWorkers() }
    }

    /// Asked with or without a watchdog: `/livez` answers by it as well.
    private func askWorkers() {
        if let number = heartbeat?.next() {
            if manager?.watchdogTime != nil { manager?.isAlive() }
            gateway?.ping(number)
        }
        let silent = heartbeat?.silentWorker
        if let silent, silent != lastSilentWorker {
            Terminal.err("methodgate: \(Self.silence(of: silent))\n")
        }
        lastSilentWorker = silent
    }

    private func report(_ errors: [SinkError], success: String?) {
        for error in errors {
            let rest = error.leavesNothing ? "nothing is open" : "the old file stays in use"
            Terminal.err("methodgate: \(error); \(rest)\n")
        }
        if errors.isEmpty, let success { Terminal.err(success + "\n") }
    }
}

/// What the main loop watches; at one address while the loop runs.
private struct SignalEvents: ~Copyable {
    var hangup: Event
    var user1: Event
    var terminate: Event
    var interrupt: Event
    var reports: Event
    var second: Event

    init(_ base: EventBase, _ reportDescriptor: Int32, _ context: UnsafeMutableRawPointer) {
        hangup = unsafe .signal(base, ProcessSignals.hangup, signalArrived, context)
        user1 = unsafe .signal(base, ProcessSignals.user1, signalArrived, context)
        terminate = unsafe .signal(base, ProcessSignals.terminate, signalArrived, context)
        interrupt = unsafe .signal(base, ProcessSignals.interrupt, signalArrived, context)
        reports = unsafe .read(base, reportDescriptor, reportsArrived, context)
        second = unsafe .timer(base, secondPassed, context)
        hangup.add()
        user1.add()
        terminate.add()
        interrupt.add()
        reports.add()
        second.add(everyMilliseconds: 1000)
    }
}

private func service(_ context: UnsafeMutableRawPointer?) -> Service? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<Service>.fromOpaque(context).takeUnretainedValue()
}

private func signalArrived(_ signal: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    unsafe service(context)?.handle(signal: signal)
}

private func reportsArrived(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    unsafe service(context)?.takeReports()
}

private func secondPassed(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    unsafe service(context)?.everySecond()
}
