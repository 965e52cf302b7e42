// The operator's side of a running gate: probes, metrics, and reloads that say what came of them.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `The operator` {
        /// A gate with an admin endpoint and a control socket in its folder.
        private func observed(
            _ backend: Address, more: String = "", rules: String = "",
            _ body: (GateProcess, Address) throws -> Void
        ) throws {
            let folder = try TemporaryDirectory()
            let text = """
                admin: {'address': '127.0.0.1:0'}
                control: \(folder.path("control.sock"))
                \(more)
                \(configuration(backend, workers: 2, rest: rules))
                """
            let gate = try GateProcess(text, in: folder)
            defer { end(gate) }
            var line: Substring?
            _ = eventually(within: 20) {
                let said = gate.process.standardError.split(separator: "\n")
                line = said.first { $0.contains("admin endpoint on ") }
                return line != nil
            }
            try body(gate, try #require(Address(line?.split(separator: " ").last ?? "")))
        }

        private func get(
            _ path: String, _ admin: Address, fields: String = ""
        ) throws -> WireMessage {
            try RawClient.exchange(
                admin, "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)Connection: close\r\n\r\n")
        }

        private func text(_ message: WireMessage) -> String {
            String(decoding: message.content, as: UTF8.self)
        }

        @Test func `reads what was forwarded and what was blocked, by rule`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address) { gate, admin in
                for method in ["GET", "GET", "PATCH", "BREW"] {
                    _ = try RawClient.exchange(gate.address, request(method))
                }
                let page = text(try get("/metrics", admin))
                #expect(page.hasSuffix("# EOF\n"))
                let lines = page.split(separator: "\n").filter {
                    $0.hasPrefix("methodgate_requests_total")
                }
                #expect(lines.contains { $0.contains("\"GET\",decision=\"forwarded\"} 2") })
                #expect(lines.contains { $0.contains("\"PATCH\",decision=\"blocked\"} 1") })
                #expect(lines.contains { $0.contains("\"_OTHER\",decision=\"blocked\"} 1") })
                #expect(page.contains("methodgate_upstream_answers_total{status=\"2xx\"} 2\n"))
                #expect(page.contains("methodgate_upstream_response_seconds_count 2\n"))
                #expect(page.contains("methodgate_blocks_total{action=\"method-blocked\"} 2\n"))
            }
        }

        /// A path that has no meaning under any rule, and an OPTIONS that the gate answers.
        @Test func `counts for no rule what none of them decided`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address, rules: "  /options: [OPTIONS]") { gate, admin in
                let strange = request("GET", "/%2525252561")
                #expect(try RawClient.exchange(gate.address, strange).status == 400)
                let options = request("OPTIONS", "/options", "Max-Forwards: 0")
                #expect(try RawClient.exchange(gate.address, options).status == 204)
                let page = text(try get("/metrics", admin))
                #expect(!page.contains("\nmethodgate_requests_total{"))
                #expect(page.contains("\nmethodgate_malformed_requests_total 1\n"))
            }
        }

        @Test func `keeps its counts over a reload`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address) { gate, admin in
                _ = try RawClient.exchange(gate.address, request("GET"))
                let socket = gate.directory.path("control.sock")
                let done = try GateProcess.command("reload", "--control", socket)
                #expect(done.status == .code(0))
                _ = try RawClient.exchange(gate.address, request("GET"))
                let isCounted = try eventually(within: 20) {
                    text(try get("/metrics", admin)).contains("\"GET\",decision=\"forwarded\"} 2")
                }
                #expect(isCounted)
            }
        }

        @Test func `is told why a reload failed, and traffic goes on`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address) { gate, admin in
                let good = try String(contentsOfFile: gate.configurationFile, encoding: .utf8)
                try (good + "\nnonsense: 1\n").write(
                    toFile: gate.configurationFile, atomically: true, encoding: .utf8)
                let socket = gate.directory.path("control.sock")
                let failed = try GateProcess.command("reload", "--control", socket)
                #expect(failed.status == .code(1))
                #expect(failed.errors.contains("nonsense"))
                #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
                #expect(try get("/readyz", admin).status == 200)
                #expect(text(try get("/metrics", admin)).contains("last_reload_successful 0\n"))
                let status = try GateProcess.command("status", "--control", socket)
                #expect(status.output.contains("\"last_reload_failure\": \""))
                try good.write(
                    toFile: gate.configurationFile, atomically: true, encoding: .utf8)
                #expect(
                    try GateProcess.command("reload", "--control", socket).status == .code(0))
                #expect(text(try get("/metrics", admin)).contains("last_reload_successful 1\n"))
            }
        }

        @Test func `may move a socket and take that back at once, and none is left`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address) { gate, _ in
                let first = gate.directory.path("control.sock")
                let second = gate.directory.path("other.sock")
                let text = try String(contentsOfFile: gate.configurationFile, encoding: .utf8)
                let moved = text.replacingOccurrences(of: first, with: second)
                for (socket, next) in [(first, moved), (second, text), (first, moved)] {
                    try next.write(
                        toFile: gate.configurationFile, atomically: true, encoding: .utf8)
                    let done = try GateProcess.command("reload", "--control", socket)
                    #expect(done.status == .code(0), "\(done.errors)")
                    #expect(!FileManager.default.fileExists(atPath: socket))
                }
                #expect(
                    try GateProcess.command("status", "--control", second).status == .code(0))
                gate.process.signal(SIGTERM)
                #expect(gate.process.waitForExit(within: 20) == .code(0))
                #expect(!FileManager.default.fileExists(atPath: second))
            }
        }

        @Test func `gets a changed file loaded without asking`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address, more: "reload_on_change: true") { gate, _ in
                #expect(try RawClient.exchange(gate.address, request("PATCH")).status == 405)
                let old = try String(contentsOfFile: gate.configurationFile, encoding: .utf8)
                try old.replacingOccurrences(of: "[GET", with: "[PATCH, GET").write(
                    toFile: gate.configurationFile, atomically: true, encoding: .utf8)
                let isTaken = try eventually(within: 20) {
                    try RawClient.exchange(gate.address, request("PATCH")).status == 200
                }
                #expect(isTaken)
            }
        }

        /// As Kubernetes mounts a ConfigMap: the file is a link into `..data`, which is a link to a
        /// folder; an update makes another folder and swaps that link.
        @Test func `gets a swapped ConfigMap loaded, with both digests in the log`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address, more: "reload_on_change: true") { gate, _ in
                let files = FileManager.default
                let folder = gate.directory
                let text = try String(contentsOfFile: gate.configurationFile, encoding: .utf8)
                func swap(_ name: String, _ text: String) throws {
                    try files.createDirectory(
                        atPath: folder.path(name), withIntermediateDirectories: false)
                    try text.write(
                        toFile: folder.path(name + "/methodgate.yaml"), atomically: false,
                        encoding: .utf8)
                    try files.createSymbolicLink(
                        atPath: folder.path("..new"), withDestinationPath: name)
                    #expect(rename(folder.path("..new"), folder.path("..data")) == 0)
                }
                func isLoaded(_ count: Int) -> Bool {
                    eventually(within: 20) {
                        gate.process.standardError.components(separatedBy: "reloaded ").count
                            == count + 1
                    }
                }
                try swap("..1", text.replacing("[GET", with: "[PATCH, GET"))
                try files.createSymbolicLink(
                    atPath: folder.path("link"), withDestinationPath: "..data/methodgate.yaml")
                #expect(rename(folder.path("link"), gate.configurationFile) == 0)
                #expect(isLoaded(1))
                try swap("..2", "nonsense: 1\n" + text)
                #expect(
                    eventually(within: 20) {
                        gate.process.standardError.contains("reload failed")
                    })
                func answers(_ status: Int) throws -> Bool {
                    try eventually(within: 20) {
                        try RawClient.exchange(gate.address, request("PATCH")).status == status
                    }
                }
                #expect(try answers(200))
                try swap("..3", text.replacing("[GET", with: "[BREW, GET"))
                #expect(isLoaded(2))
                #expect(try answers(405))
                var loads: [LogRecord] = []
                _ = try eventually {
                    loads = try gate.log.records().filter {
                        $0["event.action"] == "configuration-loaded"
                            && $0["methodgate.stream"]?.hasSuffix("/0") == true
                    }
                    return loads.count == 3
                }
                let digests = loads.map { $0["methodgate.policy_sha256"] }
                #expect(digests.count == 3 && Set(digests).count == 3)
                #expect(
                    loads.map { $0["methodgate.previous_policy_sha256"] }
                        == [nil] + digests.dropLast())
            }
        }

        @Test(arguments: [
            ("/nothing", "GET", 404), ("/metrics", "POST", 405), ("/reload", "POST", 404),
        ])
        func `cannot change anything by the admin endpoint`(
            path: String, method: String, status: Int
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address) { _, admin in
                let answer = try RawClient.exchange(
                    admin,
                    "\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                        + "Connection: close\r\n\r\n")
                #expect(answer.status == status)
                #expect((answer.value("Allow") != nil) == (status == 405))
            }
        }

        @Test func `sees state, rules and the last blocks on one page that loads nothing else`()
            throws
        {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let folder = try TemporaryDirectory()
            let log = "log: {'blocks': {'to': 'file \(folder.path("blocks.jsonl"))'}}"
            try observed(backend.address, more: log) { gate, admin in
                _ = try RawClient.exchange(gate.address, request("GET"))
                let attack = "<script>alert(1)</script>"
                _ = try RawClient.exchange(
                    gate.address,
                    "BREW /it's HTTP/1.1\r\nHost: a\r\nUser-Agent: \(attack)\r\n\r\n")
                let answer = try get("/", admin)
                let page = text(answer)
                #expect(answer.value("Content-Type") == "text/html; charset=utf-8")
                #expect(
                    answer.value("Content-Security-Policy")?.hasPrefix("default-src 'none';")
                        == true)
                #expect(page.contains("<span class=\"good\">serving</span>"))
                #expect(page.contains("<td>method-blocked</td>"))
                #expect(page.contains("/it&#39;s"))
                #expect(!page.contains("<script"))
                #expect(!page.contains("http://") && !page.contains("https://"))
                let sheet = try get("/style.css", admin)
                #expect(sheet.value("Content-Type") == "text/css; charset=utf-8")
            }
        }

        @Test func `gets metrics in the older format where it can read nothing else`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address) { _, admin in
                let answer = try get(
                    "/metrics", admin, fields: "Accept: text/plain;version=0.0.4;q=1,*/*;q=0.1\r\n")
                #expect(answer.value("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
                #expect(text(answer).contains("# TYPE methodgate_blocks_total counter\n"))
                #expect(!text(answer).contains("# EOF"))
            }
        }

        @Test func `is told to send traffic elsewhere while the gate drains`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                // Never answered.
                try connection.fill()
            }
            defer { backend.stop() }
            try observed(backend.address) { gate, admin in
                let client = try gate.connect()
                try client.send(request("GET"))
                #expect(eventually(within: 10) { !backend.requests.isEmpty })
                gate.process.signal(SIGTERM)
                let isSaid = try eventually(within: 10) { try get("/readyz", admin).status == 503 }
                #expect(isSaid)
                #expect(text(try get("/readyz", admin)) == "draining\n")
                #expect(try get("/livez", admin).status == 200)
                #expect(text(try get("/", admin)).contains("draining"))
                client.close()
            }
        }

        @Test func `may keep connections open while the gate ends`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address) { gate, admin in
                let asked = try RawClient(admin)
                try asked.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try asked.readAnswer().status == 200)
                let silent = try RawClient(admin)
                let within = try RawClient(admin)
                try within.send("GET /metrics HTTP/1.1\r\nHo")
                // The answer says that the gate has met the connections opened before.
                #expect(try get("/livez", admin).status == 200)
                gate.stop()
                #expect(gate.process.exitStatus == .code(0))
                for client in [asked, silent, within] { client.close() }
            }
        }

        @Test func `sees the rules that block most where there are very many`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let rules = (0..<400).map { "  /many/r\($0): [GET]\n" }.joined()
            let folder = try TemporaryDirectory()
            let gate = try GateProcess(
                "admin: {'address': 'unix:\(folder.path("admin.sock"))'}\n"
                    + configuration(backend.address, rest: rules), in: folder)
            defer { end(gate) }
            _ = try RawClient.exchange(gate.address, request("PATCH", "/many/r399"))
            _ = try RawClient.exchange(gate.address, request("GET", "/many/r398"))
            let page = text(try get("/", .unix(folder.path("admin.sock"))))
            #expect(page.contains("These are the 300 of 402 rules with the most blocks"))
            let shown = page.matches(of: #/<td>many-r(\d+)</td>/#).map { String($0.output.1) }
            #expect(shown.prefix(3) == ["399", "398", "0"])
            // Standard output cannot be read back.
            #expect(page.contains("They go to standard output"))
        }

        @Test func `sees tunnels begin and end`() throws {
            let backend = try echoing()
            defer { backend.stop() }
            let rule = "  /ws/{rest...}: {methods: [GET], upgrade: [websocket]}"
            try observed(backend.address, rules: rule) { gate, admin in
                let clients = try (0..<3).map { _ in try gate.tunnel() }
                let page = text(try get("/metrics", admin))
                #expect(page.contains("\nmethodgate_tunnels_total 3\n"))
                #expect(page.contains("methodgate_upstream_answers_total{status=\"1xx\"} 3\n"))
                #expect(page.contains("\nmethodgate_open_tunnels 3\n"))
                for client in clients { client.close() }
                let isSeen = try eventually {
                    let page = text(try get("/metrics", admin))
                    return page.contains("\nmethodgate_tunnels_total 3\n")
                        && page.contains("\nmethodgate_open_tunnels 0\n")
                }
                #expect(isSeen)
            }
        }

        @Test func `sees how many connections there may be`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try observed(backend.address, more: "limits: {connections: 10}") { _, admin in
                let page = text(try get("/metrics", admin))
                #expect(page.contains("\nmethodgate_open_client_connections_limit 10\n"))
            }
        }

        @Test func `gets a clear answer where no gate runs`() throws {
            let status = try GateProcess.command("status", "--control", "/nonexistent/socket")
            #expect(status.status == .code(2))
            #expect(status.errors.contains("is the gate running there?"))
        }
    }
}
