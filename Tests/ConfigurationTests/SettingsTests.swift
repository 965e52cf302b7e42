// What valid configurations come to.

import Digest
import Foundation
import HTTPSyntax
import Policy
import Testing

@testable import Configuration

/// Loads a configuration given as text; files beside it by name.
func load(
    _ text: String, files: [String: String] = [:], in surroundings: Surroundings = .machine
) throws -> LoadResult {
    let folder = try TemporaryFolder()
    for (name, content) in files { try folder.write(name, content) }
    return ConfigurationLoader.load(
        path: try folder.write("methodgate.yaml", text), in: surroundings)
}

/// The settings of a configuration that must be valid.
func settings(_ text: String, files: [String: String] = [:]) throws -> Settings {
    let result = try load(text, files: files)
    #expect(result.rendered() == "")
    return try #require(result.settings)
}

let listen = "listen:\n  - address: 127.0.0.1:8080\n"
let backend = "backends:\n  app: http://127.0.0.1:3000\n"
let smallest = listen + backend + "defaults:\n  methods: [GET, HEAD]\n"

struct SettingsTests {
    @Test func `the smallest configuration has the documented defaults`() throws {
        let settings = try settings(smallest)
        #expect(settings.listeners == [Listen(address: .ipv4(host: "127.0.0.1", port: 8080))])
        let timeouts = settings.timeouts
        #expect(timeouts.clientHead == 10_000)
        #expect(timeouts.clientContent == 30_000)
        #expect(timeouts.clientIdle == 75_000)
        #expect(timeouts.connect == 2_000)
        #expect(timeouts.response == 60_000)
        #expect(timeouts.tunnelIdle == 3_600_000)
        #expect(timeouts.upstreamIdle == 60_000)
        #expect(timeouts.log == 10_000)
        #expect(timeouts.drain == 30_000)
        let limits = settings.limits
        #expect(limits.requestHead == 32 << 10)
        #expect(limits.target == 8 << 10)
        #expect(limits.fields == 100)
        #expect(limits.responseHead == 64 << 10)
        #expect(limits.content == nil)
        #expect(limits.connections == nil)
        #expect(limits.connectionsPerClient == nil)
        #expect(settings.log == LogSettings())
        #expect(settings.log.blocks.destination == .stdout)
        #expect(settings.log.blocks.onFull == .block)
        #expect(settings.log.access == nil)
        #expect(settings.workers == nil)
        #expect(settings.warnings.isEmpty)
    }

    @Test func `every setting can be written`() throws {
        let settings = try settings(
            smallest + """
                timeouts: {client_head: 1s, client_content: 2s, client_idle: 3s, connect: 500ms,
                  response: 5m, tunnel_idle: 24h, upstream_idle: 1h, log: 7s, drain: 8s}
                limits: {request_head: 16KiB, target: 4KiB, fields: 50, response_head: 1MiB,
                  content: 2GiB, connections: 1000, connections_per_client: 10}
                log:
                  blocks: {to: file /var/log/b.jsonl, on_full: refuse, query: keep}
                  access: {to: "file /var/log/with blank.jsonl", on_full: drop}
                workers: 3
                """)
        let timeouts = settings.timeouts
        #expect(timeouts.clientHead == 1_000)
        #expect(timeouts.clientContent == 2_000)
        #expect(timeouts.clientIdle == 3_000)
        #expect(timeouts.connect == 500)
        #expect(timeouts.response == 300_000)
        #expect(timeouts.tunnelIdle == 86_400_000)
        #expect(timeouts.upstreamIdle == 3_600_000)
        #expect(timeouts.log == 7_000)
        #expect(timeouts.drain == 8_000)
        #expect(settings.limits.content == 2 << 30)
        #expect(settings.limits.connections == 1000)
        #expect(settings.limits.connectionsPerClient == 10)
        #expect(settings.log.blocks.destination == .file(path: "/var/log/b.jsonl"))
        #expect(settings.log.blocks.onFull == .refuse)
        #expect(settings.log.blocks.query == .keep)
        #expect(settings.log.access?.destination == .file(path: "/var/log/with blank.jsonl"))
        #expect(settings.log.access?.onFull == .drop)
        #expect(settings.workers == 3)
    }

    @Test func `an access log that does not say drops its records when full`() throws {
        #expect(try settings(smallest + "log: {access: {}}\n").log.access?.onFull == .drop)
    }

    @Test func `words that stand for a default can be written`() throws {
        let settings = try settings(
            smallest + """
                workers: auto
                limits: {content: none, connections: auto, connections_per_client: none}
                """)
        #expect(settings.workers == nil)
        #expect(settings.limits.connections == nil)
    }

    @Test func `every default in the tables can be read`() {
        _ = Keys.root.standard(Plan())
        _ = Keys.defaults.standard(RuleDraft())
        _ = Keys.blockLog.standard(LogTarget())
        _ = Keys.accessLog.standard(LogTarget())
    }

    @Test(arguments: [
        ("0.0.0.0:80", Address.ipv4(host: "0.0.0.0", port: 80)),
        ("127.0.0.1:0", .ipv4(host: "127.0.0.1", port: 0)),
        ("'[::]:8080'", .ipv6(host: "::", port: 8080)),
        ("'[2001:DB8:0:0::1]:65535'", .ipv6(host: "2001:db8::1", port: 65535)),
        ("unix:/run/gate.sock", .unix(path: "/run/gate.sock")),
    ])
    func `a listen address is read`(_ text: String, _ address: Address) throws {
        let settings = try settings(
            "listen: [{address: \(text)}]\n" + backend + "defaults: {methods: [GET]}\n")
        #expect(settings.listeners.map(\.address) == [address])
    }

    @Test func `nobody is believed unless the configuration says so`() throws {
        let settings = try settings(smallest)
        #expect(!settings.trustedProxies.contains(IPAddress(text: "127.0.0.1")))
        #expect(!settings.trustedProxies.contains(nil))
        #expect(!settings.listeners[0].proxyProtocol)
    }

    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1", "10.0.0.2"), ("10.0.0.0/8", "10.9.9.9", "11.0.0.1"),
        ("'2001:DB8::/32'", "2001:db8:1::1", "2001:db9::1"), ("'::1'", "::1", "::2"),
        ("'::1/128'", "::1", "127.0.0.1"), ("10.0.0.0/31", "10.0.0.1", "10.0.0.2"),
    ])
    func `a trusted proxy is read`(_ text: String, _ inside: String, _ outside: String) throws {
        let settings = try settings(smallest + "trusted_proxies: [\(text)]\n")
        #expect(settings.trustedProxies.contains(IPAddress(text: inside)))
        #expect(!settings.trustedProxies.contains(IPAddress(text: outside)))
        #expect(!settings.trustedProxies.contains(nil))
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "[10.0.0.1]"), ("127.0.0.1:8080", "[unix, 10.0.0.0/8]"),
        ("'[::]:8080'", "['fe80::/10']"), ("unix:/run/gate.sock", "[unix]"),
    ])
    func `a listener may take PROXY headers from trusted proxies`(
        _ address: String, _ proxies: String
    ) throws {
        let settings = try settings(
            "trusted_proxies: \(proxies)\nlisten: [{address: \(address), proxy_protocol: true}]\n"
                + backend + "defaults: {methods: [GET]}\n")
        #expect(settings.listeners[0].proxyProtocol)
        #expect(settings.trustedProxies.contains(nil) == proxies.contains("unix"))
    }

    @Test func `whoever trusts everybody is warned`() throws {
        let result = try load(smallest + "trusted_proxies: [10.0.0.0/8, 0.0.0.0/0, '::/0']\n")
        #expect(result.settings != nil && result.errorCount == 0)
        #expect(result.diagnostics.map(\.severity) == [.warning, .warning])
        #expect(result.diagnostics.map(\.key) == ["trusted_proxies[1]", "trusted_proxies[2]"])
        #expect(
            result.diagnostics.map(\.message) == [
                "0.0.0.0/0 is every IPv4 address: any client can say that it is another one",
                "::/0 is every IPv6 address: any client can say that it is another one",
            ])
    }

    @Test func `port 0 may be listened on twice`() throws {
        let settings = try settings(
            "listen: [{address: '127.0.0.1:0'}, {address: '127.0.0.1:0'}]\n" + backend
                + "defaults: {methods: [GET]}\n")
        #expect(settings.listeners.count == 2)
    }

    @Test(arguments: [
        ("http://10.0.0.1:3000", Address.ipv4(host: "10.0.0.1", port: 3000), "10.0.0.1:3000"),
        ("http://10.0.0.1", .ipv4(host: "10.0.0.1", port: 80), "10.0.0.1"),
        ("http://10.0.0.1:80", .ipv4(host: "10.0.0.1", port: 80), "10.0.0.1"),
        ("http://localhost:3000", .ipv4(host: "127.0.0.1", port: 3000), "localhost:3000"),
        ("http://[::1]:3000", .ipv6(host: "::1", port: 3000), "[::1]:3000"),
        ("http://[::1]", .ipv6(host: "::1", port: 80), "[::1]"),
        ("unix:/run/app.sock", .unix(path: "/run/app.sock"), "localhost"),
    ])
    func `a backend is read`(_ url: String, _ address: Address, _ authority: String) throws {
        let settings = try settings(
            listen + "backends: {app: '\(url)'}\ndefaults: {methods: [GET]}\n")
        #expect(
            settings.backends
                == [Backend(name: "app", address: address, authority: authority, readings: nil)])
    }

    @Test func `a byte-order mark and CRLF lines are fine`() throws {
        let text = "\u{FEFF}" + smallest.replacingOccurrences(of: "\n", with: "\r\n")
        #expect(try settings(text).listeners.count == 1)
    }

    @Test func `a byte-order mark moves no column`() throws {
        let result = try load("\u{FEFF}lisen: []\n" + backend + "defaults: {methods: any}\n")
        #expect(result.diagnostics.first?.column == 1)
        #expect(result.diagnostics.first?.sourceLine == "lisen: []")
    }

    @Test func `the digest is that of all bytes in load order`() throws {
        let files = [
            "conf.d/b.yaml": "rules: {/b: [GET]}\n", "conf.d/a.yaml": "rules: {/a: [GET]}\n",
        ]
        let main = smallest + "include: conf.d/*.yaml\n"
        let settings = try settings(main, files: files)
        let names = settings.files.map { URL(fileURLWithPath: $0).lastPathComponent }
        #expect(names == ["methodgate.yaml", "a.yaml", "b.yaml"])
        let bytes = Array((main + "rules: {/a: [GET]}\nrules: {/b: [GET]}\n").utf8)
        #expect(settings.policyDigest == bytes.withView { SHA256.digest(of: $0) })
    }

    @Test func `a pattern of files that matches none is fine`() throws {
        #expect(try settings(smallest + "include: conf.d/*.yaml\n").files.count == 1)
    }

    @Test(arguments: ["", "\n", "# nothing yet\n", "---\n", "~\n"])
    func `an included file without rules is a warning`(text: String) throws {
        let main = smallest + "include: conf.d/*.yaml\n"
        let result = try load(
            main, files: ["conf.d/a.yaml": text, "conf.d/b.yaml": "rules: {/b: [PUT]}\n"])
        #expect(result.diagnostics.map(\.message) == ["holds no configuration"])
        #expect(result.errorCount == 0)
        #expect(result.settings?.files.count == 3)
        #expect(result.settings?.policy.ruleCount == 2)
    }

    @Test func `a file that two patterns match is read once`() throws {
        let settings = try settings(
            smallest + "include: [conf.d/a.yaml, 'conf.d/*.yaml']\n",
            files: ["conf.d/a.yaml": "rules: {/a: [GET]}\n"])
        #expect(settings.files.count == 2)
    }

    @Test func `an override is checked by default, and no field of paths passes`() throws {
        let policy = try settings(smallest).policy
        #expect(policy.facts(0).overrides == .check)
        #expect(policy.facts(0).passedFields == [])
    }

    @Test(arguments: [
        ("check", OverrideMode.check), ("strip", .strip), ("deny", .deny), ("ignore", .ignore),
    ])
    func `the defaults say what is done about overrides`(
        _ word: String, _ mode: OverrideMode
    ) throws {
        #expect(try settings(smallest + "  override: \(word)\n").policy.facts(0).overrides == mode)
    }

    @Test func `unreadable files are named`() throws {
        let missing = ConfigurationLoader.load(path: "/nonexistent/methodgate.yaml")
        #expect(
            missing.rendered()
                == "/nonexistent/methodgate.yaml: cannot be opened: No such file or directory\n")
        #expect(ConfigurationLoader.load(path: "/tmp").rendered() == "/tmp: is a directory\n")
    }

    @Test func `only name servers that are away may make it load later`() throws {
        let names = "backends: {app: 'http://app.test', b: 'http://b.test'}\n"
        var asked: [Int] = []
        func mayLoadLater(_ defaults: String, _ answer: ResolvedName) throws -> Bool {
            var surroundings = Surroundings.machine
            surroundings.resolve = { _, left in
                asked.append(left)
                usleep(10_000)
                return answer
            }
            let text = listen + names + defaults
            return try load(text, in: surroundings).mayLoadLater
        }
        let away = ResolvedName.failure("away", isTransient: true)
        let defaults = "defaults: {methods: any, backend: app}\n"
        #expect(try mayLoadLater(defaults, away))
        // The names of a load share their time.
        #expect(asked.count == 2 && asked[0] > 9000 && asked[1] < asked[0])
        #expect(try !mayLoadLater(defaults + "unknown: 1\n", away))
        #expect(try !mayLoadLater(defaults, .failure("unknown")))
        #expect(try !mayLoadLater(defaults, .address("192.0.2.1", isIPv6: false)))
    }

    @Test func `a backend whose name does not resolve is refused`() throws {
        // The reason is the resolver's, and differs with the network the tests run in.
        let result = try load(
            listen + "backends: {app: 'http://no-such-host.invalid'}\ndefaults: {methods: any}\n")
        let finding = try #require(result.diagnostics.first)
        #expect(finding.key == "backends.app")
        #expect(finding.message.hasPrefix("'no-such-host.invalid' cannot be resolved: "))
        #expect(result.settings == nil)
    }
}
