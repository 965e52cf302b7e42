// Who the client is: what proxies say of it, whom the gate believes, and what is counted by it.

import Foundation
import Glibc
import TestSupport
import Testing

/// An address of this machine that no other client of a test has.
private func loopback(_ number: UInt8) -> Address { .inet("127.0.0.\(number)", 0) }

/// The configuration whose first listener takes PROXY headers.
private func behindProxy(_ configuration: String) -> String {
    configuration.replacing("\"\nbackends", with: "\"\n    proxy_protocol: true\nbackends")
}

private let greeting = "PROXY TCP4 203.0.113.9 198.51.100.1 56324 443\r\n"

extension `End to end` {
    struct `The client's identity` {
        private let backend: ScriptedBackend

        init() throws { backend = try ScriptedBackend.echo() }

        private func start(
            trusting: String, proxyProtocol: Bool = false, workers: Int = 1, rest: String = ""
        ) throws -> GateProcess {
            let text = configuration(
                backend.address, workers: workers, rest: "trusted_proxies: \(trusting)\n" + rest)
            return try GateProcess(proxyProtocol ? behindProxy(text) : text)
        }

        private func exchange(
            _ gate: GateProcess, from own: Address? = nil, _ bytes: String
        ) throws -> WireMessage {
            let client = try RawClient(gate.address, from: own)
            defer { client.close() }
            try client.send(bytes)
            return try client.readFinalAnswer()
        }

        private func lastRequest() throws -> WireMessage { try #require(backend.requests.last) }

        private func records(_ gate: GateProcess) -> [LogRecord] {
            ((try? gate.log.records()) ?? []).filter(\.isAboutRequest)
        }

        private func firstRecord(_ gate: GateProcess) throws -> LogRecord {
            try #require(records(gate).first)
        }

        @Test func `a peer is believed only if it is trusted`() throws {
            let gate = try start(trusting: "[127.0.0.2]")
            defer { end(gate) }
            let claim = request("GET", "/", "X-Forwarded-For: 203.0.113.9")
            _ = try exchange(gate, from: loopback(2), claim)
            #expect(try lastRequest().value("X-Forwarded-For") == "203.0.113.9, 127.0.0.2")
            _ = try exchange(gate, from: loopback(3), claim)
            #expect(try lastRequest().value("X-Forwarded-For") == "127.0.0.3")
            let blocked = request("PATCH", "/", "X-Forwarded-For: 203.0.113.9")
            _ = try exchange(gate, from: loopback(3), blocked)
            _ = try exchange(gate, from: loopback(2), blocked)
            #expect(eventually { records(gate).count == 2 })
            #expect(records(gate).map { $0["source.ip"] } == ["127.0.0.3", "127.0.0.2"])
            #expect(records(gate).map { $0["client.ip"] } == [nil, "203.0.113.9"])
        }

        @Test func `whoever comes by a Unix socket is trusted where the list says so`() throws {
            let directory = try TemporaryDirectory()
            for isTrusted in [true, false] {
                let path = directory.path("gate-\(isTrusted).sock")
                let text = configuration(
                    backend.address, listen: ["unix:\(path)"],
                    rest: "trusted_proxies: [\(isTrusted ? "unix, " : "")127.0.0.1]\n")
                let gate = try GateProcess(text)
                defer { end(gate) }
                let claim = ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"]
                _ = try RawClient.exchange(.unix(path), request("GET", "/", claim[0], claim[1]))
                let sent = try lastRequest()
                #expect(sent.value("X-Forwarded-For") == (isTrusted ? "203.0.113.9" : "unknown"))
                #expect(sent.value("X-Forwarded-Proto") == (isTrusted ? "https" : "http"))
                _ = try RawClient.exchange(.unix(path), request("PATCH", "/", claim[0]))
                #expect(eventually { records(gate).count == 1 })
                #expect(try firstRecord(gate)["client.ip"] == (isTrusted ? "203.0.113.9" : nil))
                #expect(try firstRecord(gate)["source.ip"] == nil)
            }
        }

        @Test func `the access log names the client of each request`() throws {
            let directory = try TemporaryDirectory()
            let file = directory.path("access.jsonl")
            let gate = try start(
                trusting: "[127.0.0.1]", rest: "log: {access: {to: file \(file)}}\n")
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            for address in ["203.0.113.9", "2001:db8::9"] {
                try client.send(request("GET", "/", "X-Forwarded-For: \(address)"))
                _ = try client.readFinalAnswer()
            }
            try client.send(request("GET"))
            _ = try client.readFinalAnswer()
            let lines = { (try? BlockLog(file: file).records()) ?? [] }
            #expect(eventually { lines().count == 3 })
            #expect(lines().map { $0["client.ip"] } == ["203.0.113.9", "2001:db8::9", nil])
            #expect(lines().map { $0["source.ip"] } == Array(repeating: "127.0.0.1", count: 3))
        }

        @Test func `a reload changes whom open connections are believed by`() throws {
            let gate = try start(trusting: "[]", workers: 2)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            for trusting in ["[127.0.0.1]", "[10.0.0.0/8]", "[127.0.0.0/8]"] {
                try gate.reload(
                    configuration(
                        backend.address, workers: 2, rest: "trusted_proxies: \(trusting)\n"))
                let expected = trusting.contains("127") ? "203.0.113.9, 127.0.0.1" : "127.0.0.1"
                #expect(
                    try eventually {
                        try client.send(request("GET", "/", "X-Forwarded-For: 203.0.113.9"))
                        _ = try client.readFinalAnswer()
                        return try lastRequest().value("X-Forwarded-For") == expected
                    })
            }
        }

        // MARK: PROXY protocol

        @Test func `a stranger is not heard on a listener for PROXY headers`() throws {
            let gate = try start(trusting: "[127.0.0.2]", proxyProtocol: true)
            defer { end(gate) }
            let stranger = try RawClient(gate.address, from: loopback(3))
            defer { stranger.close() }
            #expect(try stranger.isClosed(within: 8))
            let proxy = try exchange(gate, from: loopback(2), greeting + request("GET"))
            #expect(proxy.status == 200)
            #expect(try lastRequest().value("X-Forwarded-For") == "203.0.113.9")
            #expect(eventually { records(gate).count == 1 })
            let record = try firstRecord(gate)
            #expect(record["event.action"] == "malformed-request")
            #expect(record["event.reason"] == "a PROXY header is taken from trusted_proxies alone")
            #expect(record["source.ip"] == "127.0.0.3")
        }

        @Test func `a header that does not come in time ends the connection`() throws {
            let gate = try start(
                trusting: "[127.0.0.1]", proxyProtocol: true,
                rest: "timeouts: {client_head: 500ms, client_idle: 20s}\n")
            defer { end(gate) }
            let silent = try gate.connect()
            let slow = try gate.connect()
            let served = try gate.connect()
            defer { for client in [silent, slow, served] { client.close() } }
            try slow.send(String(greeting.prefix(20)))
            try served.send(greeting)
            #expect(try silent.isClosed(within: 8))
            #expect(try slow.isClosed(within: 8))
            // The header has come: what follows has the time of an idle connection.
            #expect(try served.isOpenAndSilent(for: 0.6))
            try served.send(request("GET"))
            #expect(try served.readFinalAnswer().status == 200)
            #expect(eventually { records(gate).count == 1 })
            #expect(
                records(gate).map { $0["event.reason"] }
                    == ["the PROXY header did not arrive in time"])
        }

        @Test func `a health check that only connects leaves no trace`() throws {
            let gate = try start(trusting: "[127.0.0.1]", proxyProtocol: true)
            defer { end(gate) }
            let check = try gate.connect()
            check.halfClose()
            #expect(try check.isClosed(within: 8))
            let reset = try gate.connect()
            reset.reset()
            #expect(try exchange(gate, greeting + request("PATCH")).status == 405)
            #expect(eventually { records(gate).count == 1 })
        }

        @Test func `a connection that is reset behind its header is not kept`() throws {
            let gate = try start(trusting: "[127.0.0.1]", proxyProtocol: true)
            defer { end(gate) }
            #expect(try exchange(gate, greeting + request("GET")).status == 200)
            #expect(eventually { backend.connections.count == 1 })
            let before = try gate.descriptors()
            for _ in 0..<20 {
                let check = try gate.connect()
                try check.send(greeting)
                check.reset()
            }
            #expect(try eventually(within: 20) { try gate.descriptors() <= before })
        }

        @Test func `a reload turns PROXY headers on and off for what comes next`() throws {
            let plain = configuration(backend.address, rest: "trusted_proxies: [127.0.0.1]\n")
            let gate = try GateProcess(plain)
            defer { end(gate) }
            let address = "\(gate.address)"
            let old = try gate.connect()
            defer { old.close() }
            let listening = plain.replacing("127.0.0.1:0", with: address)
            try gate.reload(behindProxy(listening))
            #expect(
                eventually { (try? exchange(gate, greeting + request("GET")).status) == 200 })
            try old.send(request("GET"))
            #expect(try old.readFinalAnswer().status == 200)
            try gate.reload(listening)
            #expect(eventually { (try? exchange(gate, request("GET")).status) == 200 })
        }

        @Test func `a drain waits a moment for the header, and for the request behind it`() throws {
            let gate = try start(trusting: "[127.0.0.1]", proxyProtocol: true)
            defer { gate.stop() }
            let silent = try gate.connect()
            let late = try gate.connect()
            defer { for client in [silent, late] { client.close() } }
            #expect(try exchange(gate, greeting + request("GET")).status == 200)
            gate.process.signal(SIGTERM)
            #expect(eventually { (try? Socket.connect(to: gate.address)) == nil })
            try late.send(greeting)
            try late.send(request("GET"))
            #expect(try late.readFinalAnswer().value("Connection") == "close")
            #expect(try silent.isClosed(within: 8))
            #expect(gate.process.waitForExit(within: 20) == .code(0))
        }

        // MARK: limits.connections_per_client

        /// Whether a connection that sends `bytes` is served; it stays open.
        private func isServed(
            _ gate: GateProcess, from own: Address, _ bytes: String,
            keeping clients: inout [RawClient]
        ) throws -> Bool {
            let client = try RawClient(gate.address, from: own)
            clients.append(client)
            do {
                try client.send(bytes)
                return try client.readFinalAnswer().status == 200
            } catch { return false }
        }

        @Test func `a trusted proxy may have any number of connections`() throws {
            let gate = try start(
                trusting: "[127.0.0.2]", workers: 2, rest: "limits: {connections_per_client: 2}\n")
            defer { end(gate) }
            var clients: [RawClient] = []
            defer { for client in clients { client.close() } }
            for _ in 0..<5 {
                #expect(
                    try isServed(gate, from: loopback(2), request("GET"), keeping: &clients))
            }
            for number in 0..<3 {
                let isServed = try isServed(
                    gate, from: loopback(3), request("GET"), keeping: &clients)
                #expect(isServed == (number < 2))
            }
        }

        @Test func `connections are counted by whom a PROXY header names`() throws {
            let gate = try start(
                trusting: "[127.0.0.2, 10.0.0.0/8]", proxyProtocol: true, workers: 2,
                rest: "limits: {connections_per_client: 2}\n")
            defer { end(gate) }
            func header(_ address: String) -> String {
                greeting.replacing("203.0.113.9", with: address) + request("GET")
            }
            var clients: [RawClient] = []
            defer { for client in clients { client.close() } }
            for (address, most) in [("203.0.113.9", 2), ("203.0.113.10", 2), ("10.9.9.9", 4)] {
                for number in 0..<4 {
                    let isServed = try isServed(
                        gate, from: loopback(2), header(address), keeping: &clients)
                    #expect(isServed == (number < most), "\(address) \(number)")
                }
            }
            clients[0].close()
            #expect(
                try eventually {
                    try isServed(
                        gate, from: loopback(2), header("203.0.113.9"), keeping: &clients)
                })
        }

        @Test func `connections from before a limit was set are counted under it`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, workers: 2))
            defer { end(gate) }
            var clients: [RawClient] = []
            defer { for client in clients { client.close() } }
            for _ in 0..<6 {
                #expect(
                    try isServed(gate, from: loopback(2), request("GET"), keeping: &clients))
            }
            let limits = "limits: {connections_per_client: 6}"
            try gate.reload(configuration(backend.address, workers: 2, rest: limits))
            // Both workers have it when both have recorded it, at the start and now.
            #expect(
                try eventually { try gate.log.records().count { !$0.isAboutRequest } == 4 })
            #expect(
                try !isServed(gate, from: loopback(2), request("GET"), keeping: &clients))
            #expect(try isServed(gate, from: loopback(3), request("GET"), keeping: &clients))
            // One that leaves makes room for one.
            clients[0].close()
            #expect(
                try eventually {
                    try isServed(gate, from: loopback(2), request("GET"), keeping: &clients)
                })
            #expect(
                try !isServed(gate, from: loopback(2), request("GET"), keeping: &clients))
        }

        // MARK: Other people's programs

        /// Runs curl and gives its output.
        private func curl(_ arguments: [String]) throws -> String {
            let process = try ChildProcess("/usr/bin/curl", ["-sS", "-m", "10"] + arguments)
            defer { process.stop(within: 0) }
            #expect(process.waitForExit(within: 15) == .code(0), "\(process.standardError)")
            return String(decoding: process.standardOutput, as: UTF8.self)
        }

        @Test func `curl speaks the PROXY protocol`() throws {
            let gate = try start(trusting: "[127.0.0.0/29]", proxyProtocol: true)
            defer { end(gate) }
            let url = "http://\(gate.address)"
            let arguments = [
                "--haproxy-protocol", "--interface", "127.0.0.4", url + "/a", url + "/b",
            ]
            #expect(try curl(arguments) == "GET /a HTTP/1.1\nGET /b HTTP/1.1\n")
            #expect(try lastRequest().value("X-Forwarded-For") == "127.0.0.4")
        }

        @Test(arguments: [
            "send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id",
        ])
        func `HAProxy says who its clients are`(_ options: String) throws {
            let gate = try start(trusting: "[127.0.0.1]", proxyProtocol: true)
            defer { end(gate) }
            let haproxy = try HAProxy(mode: "tcp", "server gate \(gate.address) \(options)")
            defer { haproxy.stop() }
            let arguments = ["--interface", "127.0.0.5", "http://\(haproxy.address)/x"]
            #expect(try curl(arguments) == "GET /x HTTP/1.1\n")
            let sent = try lastRequest()
            #expect(sent.value("X-Forwarded-For") == "127.0.0.5")
            #expect(sent.value("Forwarded")?.hasPrefix("for=127.0.0.5;proto=http") == true)
            _ = try curl(["-X", "PATCH"] + arguments)
            #expect(eventually { records(gate).count == 1 })
            #expect(try firstRecord(gate)["source.ip"] == "127.0.0.1")
            #expect(try firstRecord(gate)["client.ip"] == "127.0.0.5")
        }

        @Test func `HAProxy's X-Forwarded-For is continued, its client's own is not`() throws {
            let gate = try start(trusting: "[127.0.0.1]")
            defer { end(gate) }
            let haproxy = try HAProxy(
                mode: "http", "option forwardfor", "server gate \(gate.address)")
            defer { haproxy.stop() }
            let arguments = [
                "--interface", "127.0.0.5", "-H", "X-Forwarded-For: 192.0.2.66",
                "http://\(haproxy.address)/x",
            ]
            #expect(try curl(arguments) == "GET /x HTTP/1.1\n")
            #expect(try lastRequest().values("X-Forwarded-For") == ["127.0.0.5, 127.0.0.1"])
            _ = try curl(["-X", "PATCH"] + arguments)
            #expect(eventually { records(gate).count == 1 })
            #expect(try firstRecord(gate)["client.ip"] == "127.0.0.5")
        }
    }
}

/// Debian's HAProxy in the foreground, in front of one server.
private final class HAProxy {
    let address: Address
    private let process: ChildProcess
    private let directory: TemporaryDirectory

    init(mode: String, _ lines: String...) throws {
        directory = try TemporaryDirectory()
        // It does not say which port it got, so it gets one that was free a moment ago.
        let probe = try Socket.listen(on: .loopback)
        address = probe.localAddress
        probe.close()
        let text = """
            defaults
              mode \(mode)
              timeout connect 2s
              timeout client 10s
              timeout server 10s
            listen front
              bind \(address)
              \(lines.joined(separator: "\n  "))

            """
        let file = directory.path("haproxy.cfg")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        process = try ChildProcess("/usr/sbin/haproxy", ["-db", "-q", "-f", file])
        let address = address
        guard eventually(within: 5, { (try? Socket.connect(to: address)) != nil }) else {
            process.stop(within: 0)
            throw LaunchError("haproxy: \(process.standardError)")
        }
    }

    func stop() { process.stop() }
}
