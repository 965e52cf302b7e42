internal import CLibevent
internal import Glibc

// Signals, and the few facts of the machine and the process that are asked for at the start.

/// What the process as a whole does with signals.
package enum ProcessSignals {
    package static let hangup = SIGHUP
    package static let interrupt = SIGINT
    package static let terminate = SIGTERM
    package static let user1 = SIGUSR1

    /// Clears a mask that a parent left behind, and ignores two signals that would end the
    /// process for what is an error of one write: a peer that went away (SIGPIPE), a file at its
    /// size limit (SIGXFSZ).
    package static func prepare() {
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGXFSZ, SIG_IGN)
    }
}

/// Facts of the machine that sizing depends on.
package enum Machine {
    /// Processors this process may run on (sched_getaffinity(2)).
    package static var usableProcessors: Int {
        var set = cpu_set_t()
        guard unsafe sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else { return 1 }
        return unsafe withUnsafeBytes(of: set) { bytes in
            unsafe Swift.max(1, bytes.reduce(0) { $0 + $1.nonzeroBitCount })
        }
    }

    package static var hostname: String {
        var name = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package static var processID: Int32 { getpid() }
}
