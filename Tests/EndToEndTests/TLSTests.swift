// TLS in front: what is spoken, which certificate answers, and what is said of it.

import Foundation
import Glibc
import TLS
import TestSupport
import Testing

extension `End to end` {
    struct `TLS in front` {
        @Test(arguments: [Int32(0x0303), 0x0304])
        func `is served, and records and backends are told`(_ version: Int32) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address)
            defer { end(gate) }
            var settings = TestTLS()
            settings.maximum = version
            settings.protocols = ["http/1.1"]
            let client = try gate.connect(tls: settings)
            defer { client.close() }
            try client.send(request("GET", "/a"))
            #expect(try client.readFinalAnswer().text == "GET /a HTTP/1.1\n")
            let forwarded = try #require(backend.requests.first)
            #expect(forwarded.value("X-Forwarded-Proto") == "https")
            #expect(forwarded.value("Forwarded")?.contains("proto=https") == true)
            try client.send(blocked)
            #expect(try client.readFinalAnswer(to: "PATCH").status == 405)
            let record = try gate.blockRecord()
            #expect(record["tls.version"] == (version == 0x0304 ? "1.3" : "1.2"))
            #expect(record["tls.version_protocol"] == "tls")
            #expect(record["tls.cipher"] == client.socket.tls?.cipher)
            #expect(record["tls.client.server_name"] == "a.example")
            #expect(client.socket.tls?.applicationProtocol == "http/1.1")
        }

        @Test func `a version that is too old gets no connection, and metrics count it`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(
                backend.address, tls: ["certificate: front.pem", "min_version: 1.3"],
                rest: "admin: {'address': '127.0.0.1:0'}")
            defer { end(gate) }
            var settings = TestTLS()
            settings.maximum = 0x0303
            let old = settings
            #expect(throws: (any Error).self) { try gate.exchange(request("GET"), tls: old) }
            #expect(backend.requests.isEmpty)
            var new = TestTLS()
            for _ in 0..<2 {
                let client = try gate.connect(tls: new)
                defer { client.close() }
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().status == 200)
                #expect(client.socket.tls?.version == "TLSv1.3")
                new.session = client.socket.tls?.ticket
            }
            let metrics = try gate.metrics()
            for line in [
                "handshakes_total{version=\"1.2\",resumed=\"false\"} 0",
                "handshakes_total{version=\"1.3\",resumed=\"false\"} 1",
                "handshakes_total{version=\"1.3\",resumed=\"true\"} 1",
                "failed_handshakes_total{error_type=\"version\"} 1",
            ] { #expect(metrics.contains("\nmethodgate_tls_\(line)\n"), "\(line)") }
        }

        @Test(arguments: [Int32(0x0303), 0x0304])
        func `the access log says by what a request came`(_ version: Int32) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let file = fixture.directory.path("access.jsonl")
            let gate = try fixture.gate(
                backend.address, rest: "log: {blocks: {to: stdout}, access: {to: file \(file)}}")
            defer { end(gate) }
            var settings = TestTLS(name: "localhost")
            settings.maximum = version
            let client = try gate.connect(tls: settings)
            defer { client.close() }
            for text in [request("GET"), blocked] {
                try client.send(text)
                _ = try client.readFinalAnswer(to: String(text.prefix { $0 != " " }))
            }
            var records: [LogRecord] = []
            _ = try eventually {
                records = try BlockLog(file: file).records()
                return records.count >= 2
            }
            #expect(records.count == 2)
            for record in records {
                #expect(record["tls.version"] == (version == 0x0304 ? "1.3" : "1.2"))
                #expect(record["tls.version_protocol"] == "tls")
                #expect(record["tls.cipher"] == client.socket.tls?.cipher)
                #expect(record["tls.client.server_name"] == "localhost")
            }
        }

        @Test func `many requests of one segment are answered in their order`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address)
            defer { end(gate) }
            let client = try gate.connect(patience: 20, tls: TestTLS())
            defer { client.close() }
            // More than one record, and more than one read.
            let count = 3000
            let sender = Thread {
                try? client.send((0..<count).map { request("GET", "/\($0)") }.joined())
            }
            sender.start()
            for number in 0..<count {
                #expect(try client.readFinalAnswer().text == "GET /\(number) HTTP/1.1\n")
            }
        }

        @Test func `the name that is asked for chooses the certificate`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let other = try SelfSigned(
                commonName: "b", names: ["DNS:b.example", "DNS:*.b.example"])
            let third = try SelfSigned(commonName: "c", names: ["DNS:c.example"])
            try fixture.write(other, as: "b.pem")
            try fixture.write(third, as: "c.pem")
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "certificates:", "  - certificate: b.pem",
                    "  - {certificate: c.pem, names: [\"*.c.example\", d.example]}",
                ])
            defer { end(gate) }
            func fingerprint(_ name: String?) throws -> Bytes {
                let client = try gate.connect(tls: TestTLS(name: name))
                defer { client.close() }
                return try #require(client.socket.tls).peerFingerprint
            }
            let (first, second) = try (fingerprint(nil), fingerprint("b.example"))
            let last = try fingerprint("d.example")
            #expect(Set([first, second, last]).count == 3)
            #expect(try fingerprint("B.EXAMPLE") == second)
            #expect(try fingerprint("x.b.example") == second)
            #expect(try fingerprint("x.c.example") == last)
            for name in ["a.example", "c.example", "x.y.b.example", "localhost", "e.example"] {
                #expect(try fingerprint(name) == first)
            }
        }

        @Test(arguments: [Int32(0x0303), 0x0304])
        func `sessions are taken up again, by any worker and after a reload`(
            _ version: Int32
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let gate = try fixture.gate(backend.address, workers: 2)
            defer { end(gate) }
            var settings = TestTLS()
            settings.maximum = version
            for round in 0..<12 {
                let client = try gate.connect(tls: settings)
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().status == 200)
                #expect(client.socket.tls?.isResumed == (round > 0))
                settings.session = client.socket.tls?.ticket
                client.close()
                if round == 6 {
                    try gate.reload(fixture.configuration(backend.address, workers: 2))
                    #expect(
                        try eventually {
                            try gate.log.records().count {
                                $0["event.action"] == "configuration-loaded"
                            } == 4
                        })
                }
            }
        }

        /// RFC 6066 §3: of TLS 1.2, one for another name is not taken up at all.
        @Test(arguments: [Int32(0x0303), 0x0304])
        func `records have the name that is asked for where a session is taken up, too`(
            _ version: Int32
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address)
            defer { end(gate) }
            var settings = TestTLS()
            settings.maximum = version
            let isNew = version == 0x0304
            let rounds: [(name: String?, isResumed: Bool)] = [
                ("a.example", false), ("a.example", true), ("A.example", isNew),
                ("A.example", true), ("localhost", isNew), (nil, isNew), (nil, true),
                ("no name", isNew), ("no name", true),
            ]
            for (count, round) in rounds.enumerated() {
                settings.name = round.name
                let client = try gate.connect(tls: settings)
                defer { client.close() }
                try client.send(blocked)
                #expect(try client.readFinalAnswer(to: "PATCH").status == 405)
                #expect(client.socket.tls?.isResumed == round.isResumed, "round \(count)")
                settings.session = client.socket.tls?.ticket
                var records: [LogRecord] = []
                #expect(
                    try eventually {
                        records = try gate.log.records().filter(\.isAboutRequest)
                        return records.count == count + 1
                    })
                #expect(records.last?["tls.client.server_name"] == round.name, "round \(count)")
            }
        }

        /// What a listener takes, what the client's newest version is, and the suite that they agree
        /// on; nil: none.
        static let suites: [(tls: [String], maximum: Int32, agreed: String?)] = [
            // Suites of TLS 1.2 alone leave TLS 1.3 as it is.
            (
                ["ciphers: [ECDHE-RSA-AES256-GCM-SHA384]"], 0x0303,
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
            ),
            (["ciphers: [ECDHE-RSA-AES256-GCM-SHA384]"], 0x0304, "TLS_AES_128_GCM_SHA256"),
            (
                ["ciphers: [ECDHE-RSA-AES256-GCM-SHA384]", "min_version: 1.3"], 0x0304,
                "TLS_AES_128_GCM_SHA256"
            ),
            // Those of TLS 1.3 are the only ones of it, and by themselves there is no TLS 1.2.
            (
                ["ciphers: [TLS_AES_256_GCM_SHA384, ECDHE-RSA-AES256-GCM-SHA384]"], 0x0304,
                "TLS_AES_256_GCM_SHA384"
            ),
            (["ciphers: [TLS_AES_256_GCM_SHA384]"], 0x0304, "TLS_AES_256_GCM_SHA384"),
            (["ciphers: [TLS_AES_256_GCM_SHA384]"], 0x0303, nil),
            // Diffie-Hellman without curves, by OpenSSL's own parameters.
            (
                ["ciphers: [DHE-RSA-AES128-GCM-SHA256]"], 0x0303,
                "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"
            ),
        ]

        @Test(arguments: suites)
        func `the suites that are named are agreed on`(
            _ suite: (tls: [String], maximum: Int32, agreed: String?)
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"], .rsa)
            try fixture.write(made, as: "rsa.pem")
            let gate = try fixture.gate(
                backend.address, tls: ["certificate: rsa.pem"] + suite.tls)
            defer { end(gate) }
            var settings = TestTLS()
            settings.maximum = suite.maximum
            guard let agreed = suite.agreed else {
                let old = settings
                #expect(throws: (any Error).self) { try gate.connect(tls: old) }
                return
            }
            let client = try gate.connect(tls: settings)
            defer { client.close() }
            #expect(client.socket.tls?.cipher == agreed)
            try client.send(request("GET"))
            #expect(try client.readFinalAnswer().status == 200)
        }

        @Test func `suites that are for no key of the listener are warned of`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            for (suite, isSaid) in [
                ("ECDHE-RSA-AES128-GCM-SHA256", true), ("ECDHE-ECDSA-AES128-GCM-SHA256", false),
            ] {
                let gate = try TLSFixture().gate(
                    backend.address, tls: ["certificate: front.pem", "ciphers: [\(suite)]"])
                defer { end(gate) }
                let said = gate.process.standardError
                #expect(said.contains("is for the key (EC)") == isSaid)
                #expect(try gate.exchange(request("GET")).status == 200)
            }
        }

        @Test func `a new certificate is used from the reload on, and no request is lost`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let gate = try fixture.gate(backend.address)
            defer { end(gate) }
            let old = try gate.connect(tls: TestTLS())
            defer { old.close() }
            let before = old.socket.tls?.peerFingerprint
            let isOver = Flag()
            let served = Collected<Int>()
            let group = DispatchGroup()
            let failures = Collected<any Error>()
            for _ in 0..<2 {
                group.enter()
                Thread.detachNewThread {
                    while !isOver.isRaised {
                        do {
                            served.append(try gate.exchange(request("GET")).status)
                        } catch { failures.append(error) }
                    }
                    group.leave()
                }
            }
            for round in 1...5 {
                try fixture.write(
                    SelfSigned(commonName: "round \(round)", names: ["DNS:a.example"]),
                    as: "front.pem")
                try gate.reload(fixture.configuration(backend.address))
                #expect(
                    try eventually {
                        let client = try gate.connect(tls: TestTLS())
                        defer { client.close() }
                        return client.socket.tls?.peerFingerprint != before
                    })
            }
            #expect(eventually { served.count > 50 })
            isOver.raise()
            group.wait()
            #expect(failures.all.isEmpty)
            #expect(served.all.allSatisfy { $0 == 200 })
            try old.send(request("GET"))
            #expect(try old.readFinalAnswer().status == 200)
        }

        @Test func `a key may be a credential of the service`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let secrets = try TemporaryDirectory()
            try fixture.writeCertificate(TestTLS.certificate, as: "site.pem")
            try Data(TestTLS.certificate.key).write(
                to: URL(fileURLWithPath: secrets.path("site-key")))
            let text = fixture.configuration(
                backend.address,
                tls: ["certificate: site.pem", "key: ${CREDENTIALS_DIRECTORY}/site-key"])
            let gate = try GateProcess(
                text, in: fixture.directory,
                environment: ["CREDENTIALS_DIRECTORY": secrets.path])
            defer { end(gate) }
            #expect(try gate.exchange(request("GET")).status == 200)
            // Elsewhere it is looked for where systemd keeps it.
            let elsewhere = try GateProcess.command("check", "-c", gate.configurationFile)
            #expect(elsewhere.status == .code(2))
            #expect(
                elsewhere.errors.contains(
                    "'/run/credentials/methodgate.service/site-key' cannot be opened"))
            // So it is where the variable is empty, and of a unit's own no more is said than is known.
            for (folder, place, words) in [
                ("", "methodgate.service", "credentials of a unit are there while it runs"),
                (
                    "/run/credentials/no.service", "no.service",
                    "has the unit a LoadCredential= of that name?"
                ),
            ] {
                let check = try ChildProcess(
                    GateProcess.binary(), ["check", "-c", gate.configurationFile],
                    environment: ["CREDENTIALS_DIRECTORY": folder])
                #expect(check.waitForExit(within: 30) == .code(2))
                #expect(
                    check.standardError.contains(
                        "'/run/credentials/\(place)/site-key' cannot be opened: No such file or "
                            + "directory: \(words)"))
            }
        }

        @Test func `a bad certificate changes nothing`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let gate = try fixture.gate(backend.address)
            defer { end(gate) }
            try Data("no certificate".utf8).write(
                to: URL(fileURLWithPath: fixture.directory.path("front.pem")))
            try gate.reload(fixture.configuration(backend.address))
            #expect(eventually { gate.process.standardError.contains("reload failed") })
            #expect(gate.process.standardError.contains("holds no certificate in PEM form"))
            #expect(try gate.exchange(request("GET")).status == 200)
        }

        @Test func `plain HTTP gets an answer that says so, and a record`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(
                request(
                    "GET", "/a?b", "Accept: text/plain", "User-Agent: probe/1", "X-Request-Id: 7"))
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 400)
            #expect(answer.text.contains("https://"))
            #expect(try client.isClosed(within: 5))
            #expect(!client.wasReset)
            let record = try gate.blockRecord()
            #expect(record["event.id"] == answer.value("Methodgate-Event"))
            #expect(record["tls.version"] == nil)
            for (name, text) in [
                ("url.domain", "a.example"), ("url.path", "/a"), ("user_agent.original", "probe/1"),
                ("http.request.id", "7"), ("http.version", "1.1"), ("source.ip", "127.0.0.1"),
            ] { #expect(record[name] == text, "\(name)") }
            #expect(backend.requests.isEmpty)
        }

        /// HTTP/2's preface, and heads that would be refused for themselves.
        @Test(arguments: [
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ])
        func `so does any that is no request of HTTP 1`(_ text: String) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address, listen: [])
            defer { end(gate) }
            let answer = try RawClient.exchange(gate.address, text)
            #expect(answer.status == 400)
            #expect(answer.text.contains("https://"))
            let record = try gate.blockRecord()
            #expect(record["event.reason"]?.contains("port for TLS") == true)
            #expect(backend.requests.isEmpty)
        }

        @Test func `who does not finish the handshake is closed`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(
                backend.address, rest: "timeouts: {client_head: 300ms}")
            defer { end(gate) }
            let silent = try gate.connect()
            defer { silent.close() }
            let slow = try gate.connect()
            defer { slow.close() }
            try slow.send(Self.endless)
            #expect(try silent.isClosed(within: 10))
            #expect(try slow.isClosed(within: 10))
            #expect(try gate.exchange(request("GET")).status == 200)
        }

        /// The beginning of a record of 16 KiB with a hello that is as long.
        private static let endless: Bytes = [0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3F, 0xFC]

        /// The time is for all of it: each byte would give it anew otherwise.
        @Test func `nor does it help to go on with it byte by byte`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(
                backend.address, rest: "timeouts: {client_head: 1s}")
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(Self.endless)
            let start = Deadline.now
            var isClosed = false
            // Long beyond the limit, and never still for as long.
            for _ in 0..<100 {
                do { try client.send([0x03]) } catch { isClosed = true }
                isClosed = try isClosed || client.isClosed(within: 0.1)
                if isClosed { break }
            }
            #expect(isClosed)
            #expect(Deadline.now - start > 500_000_000)
            #expect(Deadline.now - start < 8_000_000_000)
        }

        @Test func `TLS may follow a PROXY header, in one segment too`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(
                backend.address, listen: ["proxy_protocol: true"],
                rest: "trusted_proxies: [127.0.0.1]")
            defer { end(gate) }
            var settings = TestTLS()
            settings.preamble = Bytes("PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n".utf8)
            #expect(try gate.exchange(request("GET"), tls: settings).status == 200)
            let forwarded = try #require(backend.requests.first)
            #expect(forwarded.value("X-Forwarded-For") == "203.0.113.9")
            #expect(forwarded.value("X-Forwarded-Proto") == "https")
        }

        @Test func `a tunnel that was cut off is told from one that ended`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        + "Connection: Upgrade\r\n"
                        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address)
            defer { end(gate) }
            for isCut in [false, true] {
                let client = try gate.connect(tls: TestTLS())
                defer { client.close() }
                try client.send(
                    request(
                        "GET", "/ws", "Upgrade: websocket", "Connection: Upgrade",
                        "Sec-WebSocket-Version: 13",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
                #expect(try client.readHead().status == 101)
                try client.send("hello")
                if isCut { client.socket.cut() } else { client.halfClose() }
                let reason =
                    isCut ? "the client's connection broke" : "the client ended the tunnel"
                #expect(
                    try eventually {
                        try gate.log.records().contains { $0["event.reason"] == reason }
                    })
            }
        }
    }
}
