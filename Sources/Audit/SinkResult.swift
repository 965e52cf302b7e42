// What became of bytes given to a sink, and what a sink may be.

internal import Glibc

/// Where a log goes.
package enum SinkDestination: Hashable, Sendable {
    /// Appended to; made if it is not there. May be a FIFO.
    case file(path: String)
    case standardOutput
    /// journald's native protocol, on a Unix socket.
    case journald(path: String)
    /// RFC 5424 on a Unix socket, datagrams or else a stream; `facility` is 0 to 23.
    case syslog(path: String, facility: UInt8)
    /// RFC 5424 in UDP datagrams to an address as text.
    case syslogUDP(host: String, port: UInt16, facility: UInt8)

    /// As messages to the operator name it.
    package var name: String {
        switch self {
        case .file(let path): path
        case .standardOutput: "standard output"
        case .journald(let path): "journald unix:\(path)"
        case .syslog(let path, _): "syslog unix:\(path)"
        case .syslogUDP(let host, let port, _):
            host.contains(":") ? "syslog udp:[\(host)]:\(port)" : "syslog udp:\(host):\(port)"
        }
    }
}

/// How much of a batch the kernel has.
package struct SinkResult: Equatable, Sendable, BitwiseCopyable {
    /// Bytes handed to the kernel, from the front of the batch.
    package let written: Int
    /// The errno that stopped the rest; 0 where all was taken. `EBUSY`: another owner is in the
    /// middle of a line. `ENXIO`, `EPIPE`: a FIFO that nobody reads. `ENOENT`, `ECONNREFUSED`: a
    /// socket where nobody listens.
    package let code: Int32
    /// Whether the beginning of the line that this owner had begun is gone with the file, which
    /// was truncated or deleted meanwhile: the line is to be written again from its beginning.
    let mustRestartLine: Bool

    /// Whether a reader's next turn may change it: a full pipe or queue, another owner within a
    /// line.
    package var isMomentary: Bool {
        code == EAGAIN || code == EBUSY || code == ENOBUFS || mustRestartLine
    }

    /// Whether something is left to write.
    package var isFull: Bool { code != 0 }

    init(written: Int, code: Int32, mustRestartLine: Bool = false) {
        self.written = written
        self.code = code
        self.mustRestartLine = mustRestartLine
    }

    /// What the system calls `code`, for the operator. Allocates.
    package var reason: String { Self.reason(of: code) }

    /// What the system calls an errno. Allocates.
    package static func reason(of code: Int32) -> String { errorText(code) }
}

/// What became of the wish to open a log again.
package enum ReopenResult: Equatable, Sendable {
    /// The sink has no path, or the file is still in its place.
    case unchanged
    /// From here on records go to the file that is at the path now.
    case reopened
    /// Somebody writes, or is in the middle of a line: the file changes as soon as that is complete.
    case deferred
    /// The old file stays in use, unless the error says that there is none.
    case failed(SinkError)
}

/// A log that cannot be opened.
package struct SinkError: Error, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    package let code: Int32
    /// What was wrong where no errno says it.
    let detail: String?
    /// Whether nothing is open in its place: what was there is deleted. The log is full then.
    package var leavesNothing = false

    init(path: String, code: Int32, detail: String? = nil) {
        self.path = path
        self.code = code
        self.detail = detail
    }

    /// `cannot open the log /var/log/x: Permission denied`.
    package var description: String {
        "cannot open the log \(path): \(detail ?? errorText(code))"
    }
}
