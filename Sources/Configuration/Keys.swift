// Every key there is, in the order of the reference. Add a key here and nowhere else: decoding,
// messages, schema and reference follow.

import HTTPSyntax
import Policy

enum Keys {
    private static let anyTimeout = 1...86_400_000

    // MARK: The main file and included ones

    static let root = Section<Plan>(
        "the configuration", name: "configuration",
        [
            Key(
                "listen", .list(.section(listener.info), atLeast: 1), isRequired: true,
                "Where clients are accepted.", decode: Decoder.listen),
            Key(
                "custom_methods", .list(.text(example: "methods"), atLeast: 0),
                standardText: "none",
                "Methods that are no typing errors, although they look like registered ones.",
                decode: Decoder.customMethods),
            Key(
                "backends",
                .map(
                    key: "names",
                    .either([
                        .text(example: AddressSyntax.backendAccepted), .section(backend.info),
                    ]), atLeast: 1), isRequired: true,
                "The servers that requests are forwarded to.",
                decode: Decoder.backends),
            Key(
                "defaults", defaults.shape, isRequired: true,
                "What a path gets that no rule names, and what rules inherit.",
                decode: Decoder.defaults),
            Key(
                "rules", rules, standardText: "none",
                "Path patterns and the methods they allow.",
                decode: Decoder.commonRules),
            Key(
                "hosts", hosts, standardText: "none",
                "Rules and defaults of one host, or of all hosts under a domain.",
                decode: Decoder.hosts),
            Key(
                "include",
                .either([
                    .text(example: "a path or pattern such as conf.d/*.yaml"),
                    .list(.text(example: "paths or patterns"), atLeast: 0),
                ]), standardText: "none",
                "Files with more rules and hosts; relative to the main file.",
                decode: Decoder.include),
            Key(
                "timeouts", timeouts.shape, standardText: "see below",
                "How long the gate waits.",
                decode: { timeouts.decode($0, into: &$1.timeouts, $2) }),
            Key(
                "limits", limits.shape, standardText: "see below",
                "How much the gate takes.", decode: Decoder.limits),
            Key(
                "log", log.shape, standardText: "see below", "The block log and the access log.",
                decode: { log.decode($0, into: &$1.log, $2) }),
            Key(
                "workers", .integer(1...512, or: "auto"), \.workers, default: "auto",
                "Threads that serve clients; `auto`: as many as there are CPUs."),
            Key(
                "trusted_proxies", .list(TrustedProxy.shape, atLeast: 0), standardText: "none",
                "Whose `X-Forwarded-*`, `Forwarded` and PROXY headers are believed; `unix`: whoever "
                    + "connects to a Unix socket.", decode: Decoder.trustedProxies),
            Key(
                "admin", admin.shape, standardText: "off",
                "The operator's endpoint: a dashboard at `/`, `/livez`, `/readyz`, `/metrics`.",
                decode: Decoder.admin),
            Key(
                "control", .controlSocket, \.control, default: "auto",
                "The Unix socket of `methodgate reload` and `methodgate status`; `auto`: "
                    + "`control.sock` in the runtime directory of a systemd service, else off."),
            Key(
                "reload_on_change", .boolean, \.reloadsOnChange, default: "false",
                "Whether the configuration is loaded again when its file, or the symbolic link "
                    + "above it, is replaced."),
        ])

    /// An included file: rules and hosts, and a word about what stands in the wrong file.
    static let included = Section<Plan>(
        "an included file", name: "included",
        root.keys.map { key in
            ["rules", "hosts"].contains(key.info.name) ? key : .misplaced(key.info.name)
        })

    static let rules = Shape.map(
        key: "patterns", .either([.methods, .section(rule.info)]), atLeast: 0)
    static let hosts = Shape.map(key: "host names", .section(host.info), atLeast: 0)

    static let admin = Section<AdminDraft>(
        "the admin endpoint", name: "admin",
        [
            Key(
                "address", .adminAddress, \.address, isRequired: true,
                "Where it is served. It answers anybody who reaches it: loopback or a Unix "
                    + "socket keep it private.")
        ])

    // MARK: listen, backends

    static let listener = Section<ListenDraft>(
        "listeners", name: "listener",
        [
            Key(
                "address", .listenAddress, \.address, isRequired: true,
                "An address and a port (0: any that is free), or the path of a Unix socket."),
            Key(
                "tls", listenTLS.shape, standardText: "none",
                "Clients speak TLS, after a PROXY header if there is one.",
                decode: { node, draft, decoder in draft.tls = decoder.listenTLS(node) }),
            Key(
                "h2c", .boolean, \.allowsHTTP2, default: "false",
                "Clients may speak HTTP/2 without TLS, as those do that know it beforehand; "
                    + "HTTP/1.1 is served as well."),
            Key(
                "proxy_protocol", .boolean, \.proxyProtocol, default: "false",
                "Each connection begins with a PROXY header, version 1 or 2, from one of "
                    + "`trusted_proxies`; others are closed."),
        ])

    static let backend = Section<BackendDraft>(
        "backends", name: "backend",
        [
            Key(
                "url", .backendURL, \.url, isRequired: true,
                "Where the backend is: a host name is resolved when the configuration is loaded."),
            Key(
                "readings", .readings, \.readings, standardText: "as in `defaults`",
                "As in `defaults`, for the rules of this backend that do not say."),
            Key(
                "protocol", .backendProtocol, \.isHTTP2,
                standardText: "`http1`, of `h2c://` `h2`",
                "`h2`: HTTP/2 by ALPN on `https://`, without TLS on `unix:` (`h2c://` says it "
                    + "itself). `http1`: HTTP/1.1."),
            .later("servers", instead: "one url"),
            .later("balance", instead: "one url"),
            .later("health", instead: "one url"),
            Key(
                "tls", backendTLS.shape, standardText: "see below",
                "How an `https://` backend proves who it is, and what the gate shows it.",
                decode: { node, draft, _ in draft.tls = node }),
            .later("timeouts", instead: "the timeouts at the top"),
        ])

    // MARK: timeouts, limits, log

    static let timeouts = Section<Timeouts>(
        "timeouts", name: "timeouts",
        [
            Key(
                "client_head", .duration(anyTimeout), \.clientHead, default: "10s",
                "For a request's head, from its first byte to its last."),
            Key(
                "client_content", .duration(anyTimeout), \.clientContent, default: "30s",
                "Since a client last sent or took content."),
            Key(
                "client_idle", .duration(anyTimeout), \.clientIdle, default: "75s",
                "Between two requests of a connection."),
            Key(
                "connect", .duration(anyTimeout), \.connect, default: "2s",
                "For a connection to a backend."),
            Key(
                "response", .duration(anyTimeout), \.response, default: "60s",
                "Since a backend last sent or took anything of an exchange."),
            Key(
                "tunnel_idle", .duration(anyTimeout), \.tunnelIdle, default: "1h",
                "Since anything last passed through a tunnel, in either direction."),
            Key(
                "upstream_idle", .duration(anyTimeout), \.upstreamIdle, default: "60s",
                "A pooled connection to a backend is kept that long."),
            Key(
                "log", .duration(anyTimeout), \.log, default: "10s",
                "A rejected request waits that long for a log with `on_full: block`."),
            Key(
                "drain", .duration(anyTimeout), \.drain, default: "30s",
                "Exchanges that run may end that long after SIGTERM."),
        ])

    static let limits = Section<Limits>(
        "limits", name: "limits",
        [
            Key(
                "request_head", .size(1 << 10...1 << 20), \.requestHead, default: "32KiB",
                "Of a request's head; beyond: 431."),
            Key(
                "target", .size(128...1 << 16), \.target, default: "8KiB",
                "Of a request target; beyond: 414."),
            Key(
                "fields", .integer(8...1000), \.fields, default: "100",
                "Field lines of a head; beyond: 431, from a backend 502."),
            Key(
                "response_head", .size(1 << 10...1 << 20), \.responseHead, default: "64KiB",
                "Of a response's head; beyond: 502."),
            Key(
                "content", .size(0...1 << 40, or: "none"), \.content, default: "none",
                "Of a request's content; beyond: 413."),
            Key(
                "connections", .integer(1...1_000_000, or: "auto"), \.connections, default: "auto",
                "Clients at a time; more wait in the kernel's queue. `auto`: what the limit of "
                    + "descriptors allows."),
            Key(
                "connections_per_client", .integer(1...1_000_000, or: "none"),
                \.connectionsPerClient, default: "none", "Connections of one client address."),
        ])

    static let log = Section<LogSettings>(
        "logs", name: "log",
        [
            Key(
                "blocks", blockLog.shape, standardText: "to stdout", "One record a block.",
                decode: { node, log, decoder in blockLog.decode(node, into: &log.blocks, decoder) }),
            Key(
                "access", accessLog.kind(LogTarget()), \.access, standardText: "off",
                "One record for each request, whoever answered it."),
        ])

    static let blockLog = Section<LogTarget>("a log", name: "block_log", logKeys(isAccess: false))
    static let accessLog = Section<LogTarget>("a log", name: "access_log", logKeys(isAccess: true))

    private static func logKeys(isAccess: Bool) -> [Key<LogTarget>] {
        [
            Key(
                "to", .logDestination, \.destination, default: "stdout",
                "`stdout`, `file` and a path, which may be a FIFO, `journald` or `syslog`."),
            Key(
                "facility", Kind.syslogFacility.shape, standardText: "`local0`",
                "The facility of messages to syslog.", decode: Decoder.facility),
            isAccess
                ? Key(
                    "on_full", .accessOnFull, \.onFull, default: "drop",
                    "When the destination takes no more, the record is dropped: what has passed "
                        + "cannot wait.")
                : Key(
                    "on_full",
                    .words([("block", .block), ("refuse", .refuse), ("drop", .drop)]), \.onFull,
                    default: "block",
                    "When the destination takes no more, a rejected request "
                        + "waits, gets 503, or its record is dropped and counted."),
            Key(
                "query", .words([("redact", .redact), ("keep", .keep)]), \.query,
                default: "redact", "Whether a target's query stands in the records."),
        ]
    }
}
