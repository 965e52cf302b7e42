internal import Glibc

// Sockets that the service manager opened and listens on before this process starts
// (sd_listen_fds(3)): they outlive it, so that a restart refuses nobody.

/// Listening sockets by the names their unit gives them (`FileDescriptorName=`).
package struct ActivatedSockets {
    private let sockets: [(name: String, listener: Listener)]

    /// Sockets begin behind standard error (SD_LISTEN_FDS_START).
    private static let first: Int32 = 3

    /// For a process that was passed none.
    package init() { sockets = [] }

    /// Takes what this process was passed, once: the variables are removed, so that no child
    /// believes them meant for itself. What is passed and is no listening stream is left out and
    /// reported in `problems`.
    package static func take() -> (sockets: ActivatedSockets, problems: [String]) {
        defer {
            for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsafe unsetenv(name) }
        }
        guard number("LISTEN_PID") == getpid(), let count = number("LISTEN_FDS"), count > 0,
            count < 1024
        else { return (ActivatedSockets(), []) }
        let names = Environment.value("LISTEN_FDNAMES")?.split(
            separator: ":", omittingEmptySubsequences: false)
        var found: [(String, Listener)] = []
        var problems: [String] = []
        for index in 0..<Int(count) {
            let name = names.flatMap { index < $0.count ? String($0[index]) : nil } ?? "unknown"
            do throws(ListenError) {
                found.append((name, try Listener.inherit(first + Int32(index), name: name)))
            } catch { problems.append(error.message) }
        }
        return (ActivatedSockets(found), problems)
    }

    private init(_ sockets: [(name: String, listener: Listener)]) { self.sockets = sockets }

    private static func number(_ name: String) -> Int32? {
        Environment.value(name).flatMap { Int32($0) }
    }

    /// All sockets of that name: a unit may listen at several addresses.
    package func named(_ name: String) -> [Listener] {
        sockets.filter { $0.name == name }.map(\.listener)
    }

    package var names: [String] { sockets.map(\.name) }
}

/// Variables of the process (environ(7)). For the main thread, before others start.
package enum Environment {
    package static func value(_ name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }
        return unsafe String(cString: text)
    }

    package static func remove(_ name: String) { unsafe unsetenv(name) }
}
