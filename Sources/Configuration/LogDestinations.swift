// Where a log may go, as text: a file, standard output, or somebody who takes messages.

extension LogTarget.Destination {
    static let accepted =
        "file PATH, stdout, journald, journald unix:/PATH, syslog, syslog unix:/PATH or "
        + "syslog udp:HOST:PORT"
    static let pattern =
        "^(stdout|file .+|journald( unix:/.+)?|syslog( (unix:/.+|udp:.+))?)$"

    /// What a system has unless somebody changed it.
    static let journalSocket = "/run/systemd/journal/socket"
    static let syslogSocket = "/dev/log"
    static let syslogPort: UInt16 = 514

    /// Reads a destination; asks the resolver for the name of a syslog server.
    init(_ text: String, _ resolver: Resolver) throws(Complaint) {
        let word = String(text.prefix { $0 != " " })
        let rest = String(text.dropFirst(word.count).drop { $0 == " " })
        switch word {
        case "stdout" where rest.isEmpty: self = .stdout
        case "file" where !rest.isEmpty: self = .file(path: rest)
        case "journald":
            self = .journald(path: try Self.socket(rest, text) ?? Self.journalSocket)
        case "syslog" where rest.hasPrefix("udp:"): self = try Self.udp(rest, resolver)
        case "syslog": self = .syslog(path: try Self.socket(rest, text) ?? Self.syslogSocket)
        default:
            let words = ["stdout", "journald", "syslog"]
            throw Complaint(
                "\(Printable.quoted(text)) is not accepted",
                suggestion: text.hasPrefix("/")
                    ? "file " + text : Suggestion.nearest(to: text, among: words))
        }
    }

    /// The path of `unix:/path`; nil where nothing is written.
    private static func socket(_ rest: String, _ text: String) throws(Complaint) -> String? {
        if rest.isEmpty { return nil }
        guard rest.hasPrefix("unix:") else {
            throw Complaint(
                "\(Printable.quoted(text)) is not accepted",
                suggestion: rest.hasPrefix("/") ? text.prefix { $0 != " " } + " unix:" + rest : nil)
        }
        guard case .unix(let path) = try AddressSyntax.unix(rest) else { return nil }
        return path
    }

    private static func udp(
        _ rest: String, _ resolver: Resolver
    ) throws(Complaint) -> LogTarget.Destination {
        let authority = String(rest.dropFirst("udp:".count))
        guard let (host, portText) = AddressSyntax.split(authority) else {
            throw Complaint(
                "\(Printable.quoted(rest)) is not a host with or without a port",
                accepted: "udp:HOST, udp:HOST:PORT, udp:[IPV6]:PORT",
                suggestion: Resolver.numeric(authority, port: 0) == nil
                    ? nil : "udp:[\(authority)]:\(syslogPort)")
        }
        var port = syslogPort
        if let portText { port = try AddressSyntax.port(portText, from: 1) }
        switch try resolver.address(of: host, port: port) {
        case .ipv4(let number, _), .ipv6(let number, _):
            return .syslogUDP(host: number, port: port)
        default: throw Complaint("\(Printable.quoted(rest)) is not accepted")
        }
    }
}

extension Kind<LogTarget.Destination> {
    static var logDestination: Self {
        let shape = Shape.text(
            example: LogTarget.Destination.accepted, pattern: LogTarget.Destination.pattern)
        var kind = Kind(shape) { (node: Node, decoder: Decoder) -> LogTarget.Destination? in
            guard let scalar = decoder.scalar(node, shape) else { return nil }
            do throws(Complaint) {
                return try LogTarget.Destination(scalar.text, decoder.resolver)
            } catch {
                decoder.report(node, error, shape)
                return nil
            }
        }
        // A default names no host.
        kind.readText = { try? LogTarget.Destination($0, Resolver { _, _ in .failure("") }) }
        return kind
    }
}

extension Kind<UInt8> {
    /// A syslog facility, as its number (RFC 5424 §6.2.1): those that programs may use.
    static var syslogFacility: Self {
        let named: [(String, UInt8)] = [("user", 1), ("daemon", 3), ("auth", 4), ("authpriv", 10)]
        return .words(named + (0..<8).map { ("local\($0)", 16 + UInt8($0)) })
    }
}

extension Decoder {
    /// The facility of a log, which only syslog has.
    static let facility: @Sendable (Node, inout LogTarget, Decoder) -> Void = {
        node, target, decoder in
        let known = decoder.diagnostics.count
        let facility = Kind.syslogFacility.read(node, decoder)
        target.facility = facility ?? target.facility
        switch target.destination {
        case .syslog, .syslogUDP: return
        case .stdout, .file, .journald: break
        }
        let log = node.path.dropLast("facility".count)
        // A destination that is wrong may have been meant to be syslog.
        guard decoder.diagnostics.count == known,
            !decoder.diagnostics.contains(where: { $0.key == log + "to" })
        else { return }
        decoder.report(
            node.keyOrSelf, Complaint("is for syslog alone", accepted: "it beside `to: syslog`"))
    }
}
