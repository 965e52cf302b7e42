import Configuration
import Gateway
import HTTPSyntax
import TLS

// By which listener the request of a URL comes, and what its client meets there before anything of
// the request is read. The contexts that are asked are those the gate accepts clients with.

/// The connection that a URL is asked for by.
struct ExplainedConnection {
    /// The URL says `https`.
    let isTLS: Bool
    /// What the client asks for (SNI), in lower case; nil: no name, since the URL has an address
    /// (RFC 6066 §3).
    let serverName: String?
    /// The port that the URL says, or its scheme, if any listener has it.
    private let port: UInt16?
    /// Where it may come: the listeners of that port, else all of them, since what is in front of
    /// them may have other ports. In the order of the file.
    private let listeners: [Listen]
    /// There are several to choose from.
    private let isChosen: Bool

    /// - Parameter authority: `host[:port]` of the URL.
    init(isTLS: Bool, authority: String, _ settings: Settings) {
        self.isTLS = isTLS
        let (host, written) = Self.split(authority)
        serverName = isTLS ? Self.serverName(host) : nil
        let asked = written ?? (isTLS ? 443 : 80)
        let same = settings.listeners.filter { $0.address.port == asked }
        port = same.isEmpty ? nil : asked
        listeners = same.isEmpty ? settings.listeners : same
        isChosen = settings.listeners.count > 1
    }

    /// Behind the last colon stands a port, as for the gate, also where that is empty (RFC 3986
    /// §3.2.3) or none.
    private static func split(_ authority: String) -> (host: String, port: UInt16?) {
        guard let colon = authority.lastIndex(of: ":"), authority.last != "]" else {
            return (authority, nil)
        }
        return (String(authority[..<colon]), UInt16(authority[authority.index(after: colon)...]))
    }

    private static func serverName(_ host: String) -> String? {
        let name = host.lowercased()
        let isAddress = name.hasPrefix("[") || name.withView { IPAddress($0) != nil }
        guard !isAddress else { return nil }
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    /// The one that the request is judged by: the first that speaks what the URL says.
    private var taken: Listen? { listeners.first { ($0.tls != nil) == isTLS } }

    private func entry(_ context: TLSServerContext) -> Int {
        context.entry(for: Array((serverName ?? "").utf8))
    }

    /// Why the gate answers before any rule is asked, whatever the request says.
    var refusal: Refusal? { !isTLS && taken == nil ? .plainHTTP : nil }

    /// Whether a request for that host does not belong to this connection.
    func isMisdirected(host: ByteView) -> Bool {
        taken.map { isMisdirected(host.bytes, by: $0) } ?? false
    }

    private func isMisdirected(_ host: [UInt8], by listen: Listen) -> Bool {
        guard isTLS, let context = listen.tls?.context else { return false }
        return context.isDivided(entry(context), host)
    }

    // MARK: In words

    // `host` is the request's; nil where it could not be read.

    /// What is met at a listener.
    private struct Meeting: Equatable {
        /// Nil: plain HTTP.
        let tls: TLSEntryFacts?
        /// Of the gate's answer that no rule decides; nil: none.
        let refusal: UInt16?
    }

    private func meeting(_ listen: Listen, host: ByteView?) -> Meeting {
        guard isTLS, let context = listen.tls?.context else {
            return Meeting(
                tls: nil, refusal: listen.tls == nil ? nil : Refusal.plainHTTP.status)
        }
        return Meeting(
            tls: context.facts(entry(context)),
            refusal: host.map { isMisdirected($0.bytes, by: listen) } == true
                ? Refusal.misdirected.status : nil)
    }

    /// Those by which something else would become of it: where the URL says `https`, among the
    /// ones for TLS.
    private func others(host: ByteView?) -> [(Listen, Meeting)] {
        guard let taken else { return [] }
        let own = meeting(taken, host: host)
        return listeners.filter { !isTLS || $0.tls != nil }
            .map { ($0, meeting($0, host: host)) }.filter { $0.1 != own }
    }

    /// Lines below the verdict.
    func text(host: ByteView?) -> String {
        var text = ""
        if let taken {
            if isChosen { text += "  listener \(taken.address.text)\n" }
            if let tls = meeting(taken, host: host).tls {
                text += "  tls      \(Self.words(tls))\n"
            }
        } else if isTLS {
            let place = port.map { " of port \($0)" } ?? ""
            text += "  tls      no listener\(place) speaks it: it must end in front of the gate\n"
        }
        for (listen, meeting) in others(host: host) {
            var words = meeting.tls.map { [Self.words($0)] } ?? []
            if let status = meeting.refusal { words.append("refused with \(status)") }
            if words.isEmpty { words.append("plain HTTP") }
            text += "  besides  \(listen.address.text): \(words.joined(separator: "; "))\n"
        }
        return text
    }

    private static func words(_ facts: TLSEntryFacts) -> String {
        let certificates = facts.certificates.map { item in
            // Whoever made the certificate has chosen them.
            let names = item.names.isEmpty ? "" : " for \(Printable.list(item.names))"
            let subject =
                item.subject.isEmpty ? "a certificate" : Printable.text(item.subject, limit: 200)
            return "\(subject) (\(item.keyKind))\(names)"
        }
        let shown = certificates.joined(separator: ", or ")
        return switch facts.clients {
        case .none: shown
        case .request: "\(shown); the client may show a certificate, which must be good then"
        case .require: "\(shown); the client must show a certificate"
        }
    }

    /// The same for programs: `listener`, and with https `tls`, which is null where no listener
    /// speaks it.
    func members(host: ByteView?) -> [(String, JSON)] {
        var members: [(String, JSON)] = []
        if let taken { members.append(("listener", .string(taken.address.text))) }
        if isTLS {
            let facts = taken.flatMap { meeting($0, host: host).tls }
            members.append(("tls", facts.map(json) ?? .null))
        }
        let others = others(host: host).map { listen, meeting in
            var other: [(String, JSON)] = [("listener", .string(listen.address.text))]
            if let status = meeting.refusal { other.append(("status", .number(Int(status)))) }
            if let tls = meeting.tls { other.append(("tls", json(tls))) }
            return JSON.object(other)
        }
        if !others.isEmpty { members.append(("other_listeners", .array(others))) }
        return members
    }

    private func json(_ facts: TLSEntryFacts) -> JSON {
        let certificates = facts.certificates.map { item in
            JSON.object([
                ("subject", .string(item.subject)), ("key", .string(item.keyKind)),
                ("names", .array(item.names.map(JSON.string))),
            ])
        }
        return .object([
            ("server_name", serverName.map(JSON.string) ?? .null),
            ("certificates", .array(certificates)),
            ("client_certificate", .string("\(facts.clients)")),
        ])
    }
}

extension Address {
    /// Of TCP; nil where it has none of its own.
    fileprivate var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port): port
        case .unix, .systemd: nil
        }
    }
}
