// What a message is made of: a line of the log, read again, in the form that its reader wants.
// The line itself is always part of it, so that what holds for the log (numbers, chain) can be
// checked wherever the messages are kept.

import Glibc
import HTTPSyntax

/// Whose messages they are.
enum MessageFormat: Sendable {
    /// Fields of journald's native protocol.
    case journal
    /// RFC 5424; `facility` is its number, 0 to 23.
    case syslog(facility: UInt8)

    /// Whether a reader may want a stream: /dev/log of some syslog daemons.
    var mayStream: Bool {
        switch self {
        case .journal: false
        case .syslog: true
        }
    }

    /// Bytes of a message at most; what is beyond is cut off, and says so. A datagram over a
    /// network is fragmented long before, and common daemons cut at this size themselves.
    func limit(_ kind: MessageSocket.Kind) -> Int {
        switch self {
        case .journal: .max
        case .syslog: kind == .udp ? 8 << 10 : 64 << 10
        }
    }

    /// What every reader of RFC 5424 takes (§6.1).
    static let leastLimit = 480
}

/// How much a record matters, as syslog and journald number it (RFC 5424 §6.2.1).
enum Severity: UInt8 {
    case warning = 4
    case notice = 5
    case informational = 6

    /// What was denied is significant, lost records are a warning.
    init(of record: borrowing RecordReader) {
        if record.text("event.action")?.equals(ByteView("records-dropped")) == true {
            self = .warning
        } else {
            let isDenied = record["event.type"]?.contains("denied") ?? false
            self = isDenied ? .notice : .informational
        }
    }
}

/// Makes messages of lines. For one thread at a time.
struct MessageEncoder: ~Copyable {
    private let format: MessageFormat
    private let processID = getpid()
    private var record = RecordReader()
    private var actions = ActionIdentifiers()

    init(_ format: MessageFormat) { self.format = format }

    /// Appends the message of a line, which comes without its newline.
    mutating func append(
        _ line: ByteView, to message: inout ByteBuffer, as kind: MessageSocket.Kind, limit: Int
    ) {
        // What is no record has no fields, but is a message all the same.
        try? record.read(line)
        switch format {
        case .journal: message.append(journalEntry: record, line: line, actions: &actions)
        case .syslog(let facility):
            let origin = SyslogOrigin(facility: facility, processID: processID)
            message.append(syslog: record, line: line, from: origin, limit: limit)
            if kind == .stream { message.append(byte: 0x0a) }
        }
    }
}
