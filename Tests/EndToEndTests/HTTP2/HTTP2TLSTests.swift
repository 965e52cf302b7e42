// HTTP/2 over TLS: who gets it, what is said of it, and other people's clients.

import Foundation
import TLS
import TestSupport
import Testing

extension GateProcess {
    /// A client that has agreed on h2.
    func connectH2(
        _ tls: TestTLS = TestTLS(), settings: [(UInt16, UInt32)] = [], patience: Double = 15
    ) throws -> HTTP2Client {
        var tls = tls
        tls.protocols = ["h2"]
        return try HTTP2Client(address, settings: settings, patience: patience, tls: tls)
    }
}

/// The fields of a request by `https`.
private func fields(
    _ method: String = "GET", _ path: String = "/", authority: String = "a.example",
    _ others: [HTTP2Field] = []
) -> [HTTP2Field] {
    HTTP2Field.request(method, path, authority: authority, others).map {
        $0.description == ":scheme: http" ? HTTP2Field(":scheme", "https") : $0
    }
}

extension `End to end` {
    struct `HTTP 2 over TLS` {
        private func withGate(
            _ tls: [String] = ["certificate: front.pem"], backend: ScriptedBackend? = nil,
            rest: String = "", _ work: (GateProcess, ScriptedBackend) throws -> Void
        ) throws {
            let backend = try backend ?? .echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address, tls: tls, rest: rest)
            defer { end(gate) }
            try work(gate, backend)
        }

        @Test(arguments: [Int32(0x0303), 0x0304])
        func `is spoken with who asks for it, and records and backends are told`(
            _ version: Int32
        ) throws {
            let own = try SelfSigned(commonName: "client", names: ["DNS:client.example"])
            let fixture = try TLSFixture()
            try fixture.writeCertificate(own, as: "clients.pem")
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "client_auth: request", "client_ca: clients.pem",
                    "forward_client_subject: true",
                ])
            defer { end(gate) }
            var settings = TestTLS()
            settings.maximum = version
            settings.identity = own
            let client = try gate.connectH2(settings)
            defer { client.close() }
            #expect(client.raw.socket.tls?.applicationProtocol == "h2")
            #expect(try client.exchange(fields("GET", "/a")).message?.text == "GET /a HTTP/1.1\n")
            let forwarded = try #require(backend.requests.first)
            #expect(forwarded.value("Via") == "2.0 methodgate")
            #expect(forwarded.value("X-Forwarded-Proto") == "https")
            #expect(forwarded.value("Forwarded")?.contains("proto=https") == true)
            #expect(forwarded.values("X-Client-Subject") == ["CN=client"])
            #expect(try client.exchange(fields("PATCH")).status == 405)
            let record = try gate.blockRecord()
            #expect(record["http.version"] == "2")
            #expect(record["tls.version"] == (version == 0x0304 ? "1.3" : "1.2"))
            #expect(record["tls.version_protocol"] == "tls")
            #expect(record["tls.cipher"] == client.raw.socket.tls?.cipher)
            #expect(record["tls.client.server_name"] == "a.example")
            #expect(record["tls.client.subject"] == "CN=client")
        }

        /// What a listener takes, what a client offers, and what they agree on; nil: nothing. Of
        /// suites that are named, TLS 1.2 speaks.
        static let offers: [(tls: [String], offered: [String], agreed: String?)] = [
            ([], ["http/1.1", "h2"], "h2"), ([], ["http/1.1"], "http/1.1"), ([], [], ""),
            ([], ["spdy/1"], nil), (["h2: false"], ["h2", "http/1.1"], "http/1.1"),
            (["h2: false"], ["h2"], nil),
            // RFC 9113 §9.2.2: not with CBC.
            (["ciphers: [ECDHE-ECDSA-AES128-SHA256]"], ["h2", "http/1.1"], "http/1.1"),
            (["ciphers: [ECDHE-ECDSA-AES128-SHA256]"], ["h2"], nil),
            (["ciphers: [ECDHE-ECDSA-AES128-GCM-SHA256]"], ["h2", "http/1.1"], "h2"),
        ]

        @Test(arguments: offers)
        func `is agreed on by ALPN`(
            _ offer: (tls: [String], offered: [String], agreed: String?)
        ) throws {
            try withGate(["certificate: front.pem"] + offer.tls) { gate, _ throws in
                var settings = TestTLS()
                settings.protocols = offer.offered
                if offer.tls.contains(where: { $0.hasPrefix("ciphers") }) {
                    settings.maximum = 0x0303
                }
                guard let agreed = offer.agreed else {
                    #expect(throws: (any Error).self) { try gate.connect(tls: settings) }
                    return
                }
                let client = try gate.connect(tls: settings)
                defer { client.close() }
                #expect(client.socket.tls?.applicationProtocol == agreed)
                guard agreed != "h2" else { return }
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().status == 200)
            }
        }

        /// Otherwise who needs no certificate for one name would get at the other.
        @Test func `a request for a host that asks more is misdirected, others go on`() throws {
            let fixture = try TLSFixture()
            let own = try SelfSigned(commonName: "client", names: ["DNS:client.example"])
            try fixture.writeCertificate(own, as: "clients.pem")
            try fixture.write(
                try SelfSigned(commonName: "inner", names: ["DNS:inner.example"]), as: "inner.pem")
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "certificates:",
                    "  - {certificate: inner.pem, client_auth: require, client_ca: clients.pem}",
                ])
            defer { end(gate) }
            let client = try gate.connectH2()
            defer { client.close() }
            let inner = try client.exchange(fields("GET", "/", authority: "inner.example"))
            #expect(inner.status == 421)
            #expect(inner.message?.value("methodgate-event") != nil)
            #expect(try client.exchange(fields()).status == 200)
            #expect(backend.requests.count == 1)
        }

        @Test func `what is no preface ends the connection`() throws {
            try withGate { gate, backend throws in
                var settings = TestTLS()
                settings.protocols = ["h2"]
                let client = try gate.connect(tls: settings)
                defer { client.close() }
                try client.send(request("GET"))
                let bytes = try client.readToEnd()
                #expect(!bytes.starts(with: Bytes("HTTP".utf8)))
                #expect(backend.requests.isEmpty)
                // And the preface is none where HTTP/1.1 was agreed on.
                settings.protocols = ["http/1.1"]
                let other = try gate.connect(tls: settings)
                defer { other.close() }
                try other.send(HTTP2Frame.preface)
                #expect(try other.readFinalAnswer().status == 505)
            }
        }

        @Test func `content passes both ways as it is`() throws {
            let blob = Bytes((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
            let backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nContent-Length: \(request.content.count)\r\n\r\n")
                    try connection.send(request.content)
                }
            }
            try withGate(backend: backend) { gate, _ throws in
                let client = try gate.connectH2(patience: 30)
                defer { client.close() }
                let answer = try client.exchange(fields("PUT", "/blob"), content: blob)
                #expect(answer.message?.content == blob)
            }
        }

        @Test func `a drain is told, and what runs is finished`() throws {
            let flag = Flag()
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    _ = eventually(within: 20) { flag.isRaised }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address)
            defer { end(gate) }
            let idle = try gate.connectH2()
            defer { idle.close() }
            let client = try gate.connectH2()
            defer { client.close() }
            let running = try client.open(fields("GET", "/slow"))
            #expect(eventually(within: 10) { backend.requests.count == 1 })
            gate.process.signal(SIGTERM)
            try client.readUntil { client.goAways.count == 2 }
            try idle.readUntil { idle.goAways.count == 2 }
            #expect(try idle.readToEnd())
            flag.raise()
            #expect(try client.readAnswer(running).status == 200)
            #expect(try client.readToEnd())
            #expect(gate.process.waitForExit(within: 10) == .code(0))
        }

        @Test func `a connection without a preface is ended in time`() throws {
            try withGate(rest: "timeouts: {client_idle: 1s}") { gate, _ throws in
                var settings = TestTLS()
                settings.protocols = ["h2"]
                let client = try gate.connect(tls: settings)
                defer { client.close() }
                // SETTINGS, and two GOAWAY.
                #expect(try client.readToEnd().count < 200)
                #expect(!client.wasReset)
            }
        }

        @Test func `metrics count connections, requests and floods`() throws {
            try withGate(rest: "admin: {'address': '127.0.0.1:0'}") { gate, _ throws in
                let client = try gate.connectH2()
                defer { client.close() }
                for _ in 0..<3 { #expect(try client.exchange(fields()).status == 200) }
                let flood = try gate.connectH2()
                defer { flood.close() }
                let ping = HTTP2Frame(HTTP2Frame.Kind.ping, Bytes(repeating: 0, count: 8)).bytes
                try? flood.raw.send(Bytes((0..<3000).flatMap { _ in ping }))
                #expect((try? flood.readToEnd()) != nil)
                #expect(flood.goAways.last?.code == 11)
                let metrics = try gate.metrics()
                #expect(metrics.contains("methodgate_http2_connections_total 2\n"))
                #expect(metrics.contains("methodgate_http2_requests_total 3\n"))
                #expect(metrics.contains("methodgate_http2_floods_total 1\n"))
            }
        }

        // MARK: Other people's clients

        /// Runs a program; what it printed.
        private func run(_ program: String, _ arguments: [String]) throws -> String {
            let process = try ChildProcess("/usr/bin/\(program)", arguments)
            defer { process.stop(within: 0) }
            #expect(process.waitForExit(within: 40) == .code(0), "\(process.standardError)")
            return String(decoding: process.standardOutput, as: UTF8.self)
        }

        @Test func `curl speaks it without being asked to`() throws {
            try withGate { gate, _ throws in
                let plain = ["-sS", "-m", "10", "-k", "-w", " %{http_version} %{http_code}"]
                let url = "https://\(gate.address)/curl"
                #expect(try run("curl", plain + [url]) == "GET /curl HTTP/1.1\n 2 200")
                #expect(
                    try run("curl", plain + ["--http1.1", url]) == "GET /curl HTTP/1.1\n 1.1 200")
                let refused = try run("curl", plain + ["-i", "-X", "PATCH", "-d", "x", url])
                #expect(refused.hasPrefix("HTTP/2 405 \r\n"))
                #expect(refused.contains("\r\nallow: GET, HEAD, PUT, DELETE\r\n"))
                let upload = try TemporaryDirectory()
                let path = upload.path("content")
                try Data(count: 3 << 20).write(to: URL(fileURLWithPath: path))
                let sent = try run("curl", plain + ["--data-binary", "@\(path)", "-X", "PUT", url])
                #expect(sent == "PUT /curl HTTP/1.1\n 2 200")
            }
        }

        @Test func `h2load gets every answer, over many streams and connections`() throws {
            try withGate { gate, _ throws in
                let said = try run(
                    "h2load", ["-n2000", "-c4", "-m50", "-t1", "https://\(gate.address)/a"])
                #expect(said.contains("Application protocol: h2\n"))
                #expect(said.contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx"))
            }
        }

        /// Windows of a hundred streams are more than the gate takes in at once.
        @Test func `h2load uploads on a hundred streams at a time`() throws {
            try withGate { gate, _ throws in
                let directory = try TemporaryDirectory()
                let path = directory.path("content")
                try Data(count: 100_000).write(to: URL(fileURLWithPath: path))
                for _ in 0..<5 {
                    let said = try run(
                        "h2load",
                        [
                            "-n100", "-c1", "-m100", "-t1", "-d", path, "-H", ":method: PUT",
                            "https://\(gate.address)/a",
                        ])
                    #expect(said.contains("status codes: 100 2xx, 0 3xx, 0 4xx, 0 5xx"))
                }
            }
        }

        /// Debian's own Python has the modules.
        private static let hasHTTPX: Bool = {
            let process = try? ChildProcess("/usr/bin/python3", ["-c", "import httpx, h2"])
            let isThere = process?.waitForExit(within: 30) == .code(0)
            if !isThere { print("SKIPPED: httpx is not tried without python3-httpx, python3-h2") }
            return isThere
        }()

        // Uploads by themselves: one that waits for its window while another request reads may miss
        // that it has opened, and waits for ever (httpcore 0.16, `_wait_for_outgoing_flow`).
        @Test(.enabled(if: hasHTTPX, "python3-httpx or python3-h2 is missing"))
        func `httpx has many requests under way at once, then uploads, taken and refused`() throws {
            let script = """
                import asyncio, httpx, sys
                async def main(url):
                    async with httpx.AsyncClient(http2=True, verify=False) as client:
                        answers = await asyncio.gather(
                            *[client.get(f"{url}/n{number}") for number in range(50)])
                        answers.append(await client.put(f"{url}/up", content=bytes(3000000)))
                        answers.append(await client.patch(f"{url}/no", content=bytes(100000)))
                        assert all(answer.http_version == "HTTP/2" for answer in answers)
                        texts = [answer.text for answer in answers[:51]]
                        assert texts == [f"GET /n{n} HTTP/1.1\\n" for n in range(50)] + [
                            "PUT /up HTTP/1.1\\n"], texts
                        assert answers[51].status_code == 405, answers[51]
                        assert answers[51].headers["allow"] == "GET, HEAD, PUT, DELETE"
                asyncio.run(main(sys.argv[1]))
                """
            try withGate { gate, _ throws in
                _ = try run("python3", ["-c", script, "https://\(gate.address)"])
            }
        }
    }
}
