import Audit
import Configuration
import Gateway
import Transport

// The main thread of a running gate: it owns signals, configuration and the once-a-second look
// at the log files; the request path is the workers'.

/// Runs a gate from start to drain.
final class Service {
    private let path: String
    private let settings: Settings
    private var base: EventBase?
    private var gateway: Gateway?
    private var endedWorkers = 0
    private var lastErrors: [SinkError] = []
    private var signalEvents: Ref<SignalEvents>?
    /// Called once, when all listeners accept.
    var whenReady: (([String]) -> Void)?

    init(path: String, settings: Settings) {
        self.path = path
        self.settings = settings
    }

    /// Serves until SIGTERM or SIGINT; the exit status of the process.
    func run() -> Int32 {
        ProcessSignals.prepare()
        guard let base = EventBase() else {
            Terminal.err("methodgate: cannot make an event loop\n")
            return 2
        }
        self.base = base
        let gateway: Gateway
        do { gateway = try start() } catch {
            Terminal.err("methodgate: \(error)\n")
            return 2
        }
        self.gateway = gateway
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let events = unsafe SignalEvents(base, gateway.reports.descriptor, context)
        signalEvents = Ref<SignalEvents>.make(events)
        for address in gateway.boundAddresses { Terminal.err("listening on \(address)\n") }
        whenReady?(gateway.boundAddresses)
        while endedWorkers < gateway.workersRunning, base.runOnce() {}
        signalEvents?.destroy()
        gateway.join()
        return 0
    }

    private func start() throws -> Gateway {
        var ids = try EventIDGenerator()
        let identity = ProcessIdentity(
            start: ids.next(at: .now()),
            observer: Observer(version: Version.text, hostname: Machine.hostname))
        return try Gateway(settings, as: identity)
    }

    fileprivate func handle(signal: Int32) {
        switch signal {
        case ProcessSignals.hangup: reload()
        case ProcessSignals.user1:
            report(gateway?.reopenLogs() ?? [], success: "log files opened again")
        default:
            Terminal.err("draining\n")
            gateway?.drain()
        }
    }

    /// Takes the file as it is now; one that does not load changes nothing.
    private func reload() {
        let result = ConfigurationLoader.load(path: path)
        if !result.diagnostics.isEmpty {
            Terminal.err(result.rendered(color: Terminal.errorColor))
        }
        guard let settings = result.settings else {
            let errors = count(result.errorCount, "error")
            Terminal.err(
                "reload failed: \(path): \(errors); the old configuration stays in force\n")
            return
        }
        do {
            try gateway?.reload(settings)
            Terminal.err("reloaded \(path)\n")
            if settings.workers != self.settings.workers {
                Terminal.err("workers: takes effect at the next start\n")
            }
            for address in gateway?.boundAddresses ?? [] {
                Terminal.err("listening on \(address)\n")
            }
        } catch {
            Terminal.err("reload failed: \(error); the old configuration stays in force\n")
        }
    }

    fileprivate func takeReports() {
        for report in gateway?.reports.takeAll() ?? [] {
            switch report {
            case .ended: endedWorkers += 1
            }
        }
    }

    /// Says what is wrong with a log once, and not every second.
    fileprivate func everySecond() {
        let errors = gateway?.followMovedLogs() ?? []
        if errors != lastErrors { report(errors, success: nil) }
        lastErrors = errors
        for line in gateway?.logNews() ?? [] { Terminal.err("methodgate: \(line)\n") }
    }

    private func report(_ errors: [SinkError], success: String?) {
        for error in errors { Terminal.err("methodgate: \(error); the old file stays in use\n") }
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
