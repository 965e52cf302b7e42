// TLS at the back: a backend must prove who it is, and an answer that was cut off is not whole.

import Foundation
import TLS
import TestSupport
import Testing

extension `End to end` {
    struct `TLS at the back` {
        private let fixture: TLSFixture

        init() throws {
            fixture = try TLSFixture()
            try fixture.writeCertificate(try TestTLS.certificate, as: "ca.pem")
        }

        /// A gate without TLS in front.
        private func gate(
            _ backend: ScriptedBackend, host: String = "127.0.0.1",
            tls: String? = "{ca: ca.pem}", rest: String = ""
        ) throws -> GateProcess {
            try fixture.gate(
                backend.address, tls: [], url: "https://\(host):\(backend.address.port)",
                backendTLS: tls, rest: rest)
        }

        @Test(arguments: [
            ("127.0.0.1", "{ca: ca.pem}", ""), ("localhost", "{ca: ca.pem}", "localhost"),
            ("127.0.0.1", "{ca: ca.pem, name: a.example}", "a.example"),
            ("127.0.0.1", "{ca: ca.pem, min_version: 1.3}", ""),
        ])
        func `requests go to a backend that proves its name`(
            _ host: String, _ tls: String, _ asked: String
        ) throws {
            let names = Collected<String>()
            let backend = try ScriptedBackend(tls: .server) { connection in
                names.append(connection.socket.tls?.serverName ?? "?")
                while let request = try connection.readRequest() {
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nContent-Length: \(request.content.count)\r\n\r\n")
                    try connection.send(request.content)
                }
            }
            defer { backend.stop() }
            let gate = try gate(backend, host: host, tls: tls)
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            let content = Bytes((0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            for _ in 0..<3 {
                try client.send(request("PUT", "/", "Content-Length: \(content.count)"))
                let sender = Thread { try? client.send(content) }
                sender.start()
                #expect(try client.readFinalAnswer().content == content)
            }
            // One connection, kept.
            #expect(names.all == [asked])
            #expect(backend.requests.allSatisfy { $0.value("X-Forwarded-Proto") == "http" })
        }

        @Test(arguments: [
            ("127.0.0.1", "{ca: other.pem}", "tls_certificate_error", "certificate"),
            ("127.0.0.1", "{}", "tls_certificate_error", "certificate"),
            (
                "127.0.0.1", "{ca: ca.pem, name: b.example}", "tls_certificate_error",
                "hostname mismatch"
            ),
            (
                "127.0.0.1", "{ca: ca.pem, name: 127.0.0.2}", "tls_certificate_error",
                "IP address mismatch"
            ),
        ])
        func `one that does not is 502, with the reason in the access log`(
            _ host: String, _ tls: String, _ error: String, _ reason: String
        ) throws {
            try fixture.writeCertificate(
                SelfSigned(commonName: "other", names: ["DNS:other.example"]), as: "other.pem")
            let backend = try ScriptedBackend.echo(tls: .server)
            defer { backend.stop() }
            let access = fixture.directory.path("access.log")
            let gate = try gate(
                backend, host: host, tls: tls, rest: "log: {access: {to: file \(access)}}")
            defer { end(gate) }
            let answer = try RawClient.exchange(gate.address, request("GET"))
            #expect(answer.status == 502)
            #expect(answer.value("Proxy-Status")?.contains("error=\(error)") == true)
            #expect(
                try eventually {
                    try BlockLog(file: access).records().contains {
                        $0["event.reason"]?.contains(reason) == true
                    }
                })
            #expect(backend.requests.isEmpty)
        }

        /// What is named is believed by itself, whoever has signed it.
        @Test func `its certificate or an intermediate authority may be what is named`() throws {
            let root = try Authority(named: "root")
            let middle = try Authority(named: "middle", by: root)
            let made = try TestTLS.certificate
            var server = try TestTLS.server
            server.signed = try middle.sign(made)
            let leaf = try #require(server.signed)
            let backend = try ScriptedBackend.echo(tls: server)
            defer { backend.stop() }
            for (named, status) in [(middle.pem, 200), (leaf, 200), (root.pem, 502)] {
                try fixture.write(named, as: "ca.pem")
                let gate = try gate(backend)
                defer { end(gate) }
                #expect(try RawClient.exchange(gate.address, request("GET")).status == status)
            }
        }

        @Test func `one whose version is too old is 502`() throws {
            var settings = try TestTLS.server
            settings.maximum = 0x0303
            let backend = try ScriptedBackend.echo(tls: settings)
            defer { backend.stop() }
            for (tls, status) in [("{ca: ca.pem, min_version: 1.3}", 502), ("{ca: ca.pem}", 200)] {
                let gate = try gate(backend, tls: tls)
                defer { end(gate) }
                let answer = try RawClient.exchange(gate.address, request("GET"))
                #expect(answer.status == status)
                #expect(
                    answer.value("Proxy-Status")?.contains("error=tls_alert_received")
                        == (status == 502 ? true : nil))
            }
            #expect(backend.requests.count == 1)
        }

        // With TLS 1.3 the gate's handshake is complete before the backend has looked.
        @Test(arguments: [0x0303, 0x0304] as [Int32], [false, true])
        func `one that does not take the gate's certificate is 502, with the reason`(
            _ version: Int32, _ hasOne: Bool
        ) throws {
            try fixture.write(
                SelfSigned(commonName: "gate", names: ["DNS:gate.example"]), as: "gate.pem")
            var server = try TestTLS.server
            server.maximum = version
            server.demandsCertificate = true
            let backend = try ScriptedBackend.echo(tls: server)
            defer { backend.stop() }
            let access = fixture.directory.path("access.log")
            let own = hasOne ? ", certificate: gate.pem" : ""
            let gate = try gate(
                backend, tls: "{ca: ca.pem\(own)}", rest: "log: {access: {to: file \(access)}}")
            defer { end(gate) }
            let answer = try RawClient.exchange(gate.address, request("GET"))
            #expect(answer.status == 502)
            let error = try #require(answer.value("Proxy-Status"))
            let reason = hasOne ? "unknown ca" : "handshake failure"
            #expect(
                try eventually {
                    try BlockLog(file: access).records().contains {
                        let said = $0["event.reason"] ?? ""
                        if said.contains(reason) || said.contains("certificate required") {
                            return error.contains("error=tls_alert_received")
                        }
                        // A reset may overtake the alert.
                        return version == 0x0303 && said.contains("broke during the handshake")
                            && error.contains("error=tls_protocol_error")
                    }
                })
        }

        @Test func `the system's authorities are asked, and again after a reload`() throws {
            let authorities = fixture.directory.path("system.pem")
            try fixture.writeCertificate(try TestTLS.certificate, as: "system.pem")
            let backend = try ScriptedBackend.echo(tls: .sharedServer)
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address, tls: [], url: "https://127.0.0.1:\(backend.address.port)",
                environment: ["SSL_CERT_FILE": authorities])
            defer { end(gate) }
            for _ in 0..<2 {
                #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            }
            try fixture.writeCertificate(
                SelfSigned(commonName: "other", names: ["DNS:other.example"]), as: "system.pem")
            try gate.reload(String(contentsOfFile: gate.configurationFile, encoding: .utf8))
            // Neither the connection that idles nor its session is believed any longer.
            #expect(
                try eventually {
                    try RawClient.exchange(gate.address, request("GET")).status == 502
                })
        }

        @Test func `one that need not prove anything is reached all the same`() throws {
            let backend = try ScriptedBackend.echo(tls: .server)
            defer { backend.stop() }
            let gate = try gate(backend, tls: "{verify: false}")
            defer { end(gate) }
            #expect(gate.process.standardError.contains("need not prove"))
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
        }

        @Test func `one that speaks plain HTTP is 502`() throws {
            let backend = try ScriptedBackend { connection in
                try connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let gate = try gate(backend)
            defer { end(gate) }
            let answer = try RawClient.exchange(gate.address, request("GET"))
            #expect(answer.status == 502)
            #expect(answer.value("Proxy-Status")?.contains("tls_protocol_error") == true)
        }

        @Test func `one that does not shake hands is 504 in time`() throws {
            let backend = try ScriptedBackend { connection in while try connection.fill() {} }
            defer { backend.stop() }
            let gate = try gate(backend, rest: "timeouts: {connect: 300ms}")
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 504)
        }

        @Test func `sessions are taken up again`() throws {
            let resumed = Collected<Bool>()
            let backend = try ScriptedBackend(tls: .sharedServer) { connection in
                resumed.append(connection.socket.tls?.isResumed ?? false)
                _ = try connection.readRequest()
                try connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            }
            defer { backend.stop() }
            let gate = try gate(backend)
            defer { end(gate) }
            for _ in 0..<4 {
                #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            }
            #expect(resumed.all == [false, true, true, true])
        }

        /// A session proves that a certificate was good once.
        @Test(arguments: [Int32(0x0303), 0x0304])
        func `a session is not taken up once the backend's certificate has expired`(
            _ version: Int32
        ) throws {
            let lifetime = 5
            let brief = try SelfSigned(
                commonName: "brief", names: ["IP:127.0.0.1"], to: lifetime)
            let expiry = time(nil) + lifetime
            try fixture.writeCertificate(brief, as: "ca.pem")
            var server = try TestTLS.sharedServer
            server.identity = brief
            server.maximum = version
            let resumed = Collected<Bool>()
            let backend = try ScriptedBackend(tls: server) { connection in
                resumed.append(connection.socket.tls?.isResumed ?? false)
                _ = try connection.readRequest()
                try connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            }
            defer { backend.stop() }
            let gate = try gate(backend)
            defer { end(gate) }
            for _ in 0..<2 {
                #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            }
            #expect(resumed.all == [false, true])
            #expect(eventually(within: 30) { time(nil) > expiry })
            let answer = try RawClient.exchange(gate.address, request("GET"))
            #expect(answer.status == 502)
            #expect(answer.value("Proxy-Status")?.contains("tls_certificate_error") == true)
        }

        @Test(arguments: [true, false])
        func `an answer that ends with the connection is whole only if TLS says so`(
            _ isWhole: Bool
        ) throws {
            let backend = try ScriptedBackend(tls: .server) { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\n\r\nthe beginning")
                if !isWhole {
                    connection.socket.cut()
                    while try connection.fill() {}
                }
            }
            defer { backend.stop() }
            let file = fixture.directory.path("access.jsonl")
            let gate = try gate(
                backend, rest: "log: {blocks: {to: stdout}, access: {to: file \(file)}}")
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            #expect(try client.readHead().status == 200)
            if isWhole {
                #expect(String(decoding: try client.readToEnd(), as: UTF8.self) == "the beginning")
                #expect(!client.wasReset)
            } else {
                _ = try? client.readToEnd()
                #expect(client.wasReset)
            }
            let isLogged = try eventually { try !BlockLog(file: file).lines.isEmpty }
            #expect(isLogged)
            let reason = try BlockLog(file: file).records().first?["event.reason"]
            #expect((reason ?? "").contains("close_notify") == !isWhole)
        }

        @Test func `the gate shows its own certificate`() throws {
            let own = try SelfSigned(commonName: "gate", names: ["DNS:gate.example"])
            try fixture.write(own, as: "gate.pem")
            let shown = Collected<Bytes>()
            var server = try TestTLS.server
            server.asksForCertificate = true
            let backend = try ScriptedBackend(tls: server) { connection in
                shown.append(connection.socket.tls?.peerFingerprint ?? [])
                while try connection.readRequest() != nil {
                    try connection.send("HTTP/1.1 204 No Content\r\n\r\n")
                }
            }
            defer { backend.stop() }
            let gate = try gate(backend, tls: "{ca: ca.pem, certificate: gate.pem}")
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 204)
            #expect(shown.all.map(\.isEmpty) == [false])
        }
    }
}
