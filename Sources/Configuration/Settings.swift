// What a valid configuration amounts to: everything the gate is told, checked, in plain types.
// Nothing here refers back to YAML. A snapshot is made once a load and shared by all workers.

package import Digest
package import HTTPSyntax
package import Policy

/// One loaded configuration. Immutable, so that workers share it by its reference alone.
package final class Settings: Sendable {
    /// Where to accept clients, in the order of the file; never empty.
    package let listeners: [Listen]
    /// In the order of the file; a rule's `backend` is an index into it. Never empty.
    package let backends: [Backend]
    package let timeouts: Timeouts
    package let limits: Limits
    package let log: LogSettings
    /// Where the operator's questions are answered; nil: nowhere.
    package let admin: Address?
    package let control: ControlSocket
    /// Whether the file is read again when it changes.
    package let reloadsOnChange: Bool
    /// Whose `X-Forwarded-*`, `Forwarded` and PROXY headers are believed.
    package let trustedProxies: AddressSet
    /// Nil: as many as the CPUs the process may use.
    package let workers: Int?
    package let policy: CompiledPolicy
    /// SHA-256 over the bytes of all loaded files in load order.
    package let policyDigest: Digest256
    /// The paths of all loaded files in load order, the main file first; not those of templates.
    package let files: [String]
    /// The paths of the certificates, keys and templates that were read.
    package let namedFiles: [String]
    /// What a rule's `TemplateChoice` refers to.
    package let templates: TemplateBook
    /// What is allowed but looks unintended.
    package let warnings: [Diagnostic]

    init(
        plan: Plan, policy: CompiledPolicy, policyDigest: Digest256, files: [String],
        namedFiles: [String], templates: TemplateBook, warnings: [Diagnostic]
    ) {
        listeners = plan.listeners
        backends = plan.backends
        timeouts = plan.timeouts
        limits = plan.limits
        log = plan.log
        trustedProxies = plan.proxies.set
        workers = plan.workers
        admin = plan.admin
        control = plan.control
        reloadsOnChange = plan.reloadsOnChange
        self.policy = policy
        self.policyDigest = policyDigest
        self.files = files
        self.namedFiles = namedFiles
        self.templates = templates
        self.warnings = warnings
    }

    private init(_ other: Settings, listeners: [Listen]) {
        self.listeners = listeners
        backends = other.backends
        timeouts = other.timeouts
        limits = other.limits
        log = other.log
        trustedProxies = other.trustedProxies
        workers = other.workers
        admin = other.admin
        control = other.control
        reloadsOnChange = other.reloadsOnChange
        policy = other.policy
        policyDigest = other.policyDigest
        files = other.files
        namedFiles = other.namedFiles
        templates = other.templates
        warnings = other.warnings
    }
}

extension Settings {
    /// The same with one more listener.
    package func listening(also listener: Listen) -> Settings {
        Settings(self, listeners: listeners + [listener])
    }

    /// Whether anybody asks for counts.
    package var isObserved: Bool { admin != nil || control != .off }
}

/// Where `methodgate reload` and `status` reach the process.
package enum ControlSocket: Sendable, Hashable {
    /// In the runtime directory that the service manager made, else nowhere.
    case automatic
    case off
    case at(path: String)
}

/// One entry of `listen`.
package struct Listen: Sendable, Hashable {
    package var address: Address
    /// A connection begins with a PROXY header, from a trusted proxy.
    package var proxyProtocol = false
    /// A connection may begin with the preface of HTTP/2.
    package var allowsHTTP2 = false
    /// Nil: clients speak plain HTTP.
    package var tls: ListenTLS?

    package init(
        address: Address, proxyProtocol: Bool = false, allowsHTTP2: Bool = false,
        tls: ListenTLS? = nil
    ) {
        self.address = address
        self.proxyProtocol = proxyProtocol
        self.allowsHTTP2 = allowsHTTP2
        self.tls = tls
    }
}

/// One entry of `backends`.
package struct Backend: Sendable, Hashable {
    /// As rules and `defaults.backend` name it.
    package var name: String
    /// Resolved when the configuration was loaded.
    package var address: Address
    /// Host of a request that had none (HTTP/1.0): `host[:port]`, the default port left out;
    /// `localhost` for a Unix socket.
    package var authority: String
    /// Which readings of a path this backend may take, where no rule says.
    package var readings: ReadingLevel?
    /// Nil: it speaks plain HTTP.
    package var tls: BackendTLS?
    /// It is spoken to in HTTP/2; otherwise in HTTP/1.1.
    package var isHTTP2 = false
}

/// In milliseconds each, from the last progress; `clientHead` in total.
package struct Timeouts: Sendable, Hashable {
    package var clientHead = 0
    package var clientContent = 0
    package var clientIdle = 0
    package var connect = 0
    package var response = 0
    package var tunnelIdle = 0
    package var upstreamIdle = 0
    package var log = 0
    package var drain = 0
}

/// What a client or a backend may ask of the gate.
package struct Limits: Sendable, Hashable {
    /// Bytes of a request's head: request line, fields and the empty line.
    package var requestHead = 0
    /// Bytes of a request target.
    package var target = 0
    /// Field lines of a head, in either direction.
    package var fields = 0
    /// Bytes of a response's head.
    package var responseHead = 0
    /// Bytes of a request's content; nil: no limit.
    package var content: Int?
    /// Client connections at a time; nil: as many as the descriptor limit allows.
    package var connections: Int?
    /// Connections of one client address at a time; nil: no limit.
    package var connectionsPerClient: Int?
}

/// The two logs.
package struct LogSettings: Sendable, Hashable {
    package var blocks = LogTarget()
    /// Nil: off.
    package var access: LogTarget?
}

/// Where the records of one log go.
package struct LogTarget: Sendable, Hashable {
    /// Where records go.
    package enum Destination: Sendable, Hashable {
        case stdout
        /// Appended to; may be a FIFO.
        case file(path: String)
        /// journald's native protocol on a Unix socket.
        case journald(path: String)
        /// RFC 5424 on a Unix socket.
        case syslog(path: String)
        /// The same in UDP datagrams; the address is a number.
        case syslogUDP(host: String, port: UInt16)
    }

    /// What happens to a request whose record the destination does not take.
    package enum OnFull: UInt8, Sendable, Hashable {
        /// It waits, at most `timeouts.log`.
        case block
        /// It is answered 503.
        case refuse
        /// It goes on; the record is dropped and counted.
        case drop
    }

    /// Whether a target's query stands in the records.
    package enum Query: UInt8, Sendable, Hashable {
        case redact
        case keep
    }

    package var destination = Destination.stdout
    /// Of syslog messages: 0 to 23 (RFC 5424 §6.2.1); 16 is local0.
    package var facility: UInt8 = 16
    package var onFull = OnFull.block
    package var query = Query.redact
}
