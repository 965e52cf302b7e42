// Clients with whom TLS could not be set up: what the access log and the metrics say of them.

import Foundation
import Glibc
import TLS
import TestSupport
import Testing

extension `End to end` {
    struct `Failed handshakes` {
        private let fixture: TLSFixture
        private let file: String
        private let backend: ScriptedBackend

        init() throws {
            fixture = try TLSFixture()
            file = fixture.directory.path("access.jsonl")
            backend = try ScriptedBackend.echo()
            let own = try SelfSigned(commonName: "own", names: ["DNS:client.example"])
            try fixture.writeCertificate(own, as: "clients.pem")
        }

        private func gate(
            _ tls: [String] = [], _ listen: [String] = [], head: String = "500ms"
        ) throws -> GateProcess {
            try fixture.gate(
                backend.address, tls: ["certificate: front.pem"] + tls, listen: listen,
                rest: """
                    timeouts: {client_head: \(head)}
                    trusted_proxies: [127.0.0.1]
                    log: {blocks: {to: stdout}, access: {to: file \(file)}}
                    admin: {'address': '127.0.0.1:0'}
                    """)
        }

        /// The one line that comes, beside one count by the same word and none by another.
        private func record(_ gate: GateProcess, _ type: String) throws -> LogRecord {
            var records: [LogRecord] = []
            _ = try eventually {
                records = (try? BlockLog(file: file).records()) ?? []
                return !records.isEmpty
            }
            try #require(records.count == 1)
            let counts = try gate.metrics().split(separator: "\n").filter {
                $0.hasPrefix("methodgate_tls_failed_handshakes_total{") && !$0.hasSuffix(" 0")
            }
            #expect(
                counts == ["methodgate_tls_failed_handshakes_total{error_type=\"\(type)\"} 1"])
            let record = records[0]
            #expect(record["event.action"] == "handshake-failed")
            #expect(record["event.dataset"] == "methodgate.access")
            #expect(record["error.type"] == type)
            #expect(record["http.request.method"] == nil)
            #expect(record["http.response.status_code"] == nil)
            return record
        }

        private func fails(_ program: String, _ arguments: [String]) throws {
            let process = try ChildProcess("/usr/bin/\(program)", arguments)
            defer { process.stop(within: 0) }
            #expect(process.waitForExit(within: 20) != .code(0))
        }

        @Test func `who shows no certificate is told of with the name that was asked for`() throws {
            let gate = try gate(["client_auth: require", "client_ca: clients.pem"])
            defer { end(gate) }
            #expect(throws: (any Error).self) { try gate.exchange(request("GET")) }
            let record = try record(gate, "certificate")
            #expect(record["event.reason"] == "peer did not return a certificate")
            #expect(record["tls.client.server_name"] == "a.example")
            #expect(record["source.ip"] == "127.0.0.1")
            #expect(record["tls.version"] == nil)
        }

        @Test func `a stranger's certificate is told by what is wrong with it`() throws {
            let gate = try gate(["client_auth: require", "client_ca: clients.pem"])
            defer { end(gate) }
            var stranger = TestTLS()
            stranger.identity = try SelfSigned(commonName: "x", names: ["DNS:x.example"])
            let settings = stranger
            #expect(throws: (any Error).self) { try gate.exchange(request("GET"), tls: settings) }
            #expect(try record(gate, "certificate")["event.reason"] == "self-signed certificate")
        }

        @Test func `a version that is too old`() throws {
            let gate = try gate(["min_version: 1.3"])
            defer { end(gate) }
            var old = TestTLS()
            old.maximum = 0x0303
            let settings = old
            #expect(throws: (any Error).self) { try gate.exchange(request("GET"), tls: settings) }
            #expect(try record(gate, "version")["event.reason"] == "unsupported protocol")
        }

        @Test func `cipher suites and groups of which none is shared`() throws {
            let gate = try gate(["curves: [P-384]"])
            defer { end(gate) }
            try fails("openssl", ["s_client", "-connect", "\(gate.address)", "-groups", "X25519"])
            #expect(try record(gate, "cipher")["event.reason"] == "no suitable key share")
        }

        @Test func `protocols of which none is spoken`() throws {
            let gate = try gate()
            defer { end(gate) }
            var settings = TestTLS()
            settings.protocols = ["smtp"]
            let odd = settings
            #expect(throws: (any Error).self) { try gate.exchange(request("GET"), tls: odd) }
            #expect(
                try record(gate, "application_protocol")["event.reason"]
                    == "no application protocol")
        }

        @Test func `a client that does not believe the gate`() throws {
            let gate = try gate()
            defer { end(gate) }
            try fails("curl", ["-sS", "https://\(gate.address)/"])
            #expect(try record(gate, "alert")["event.reason"] == "tlsv1 alert unknown ca")
        }

        @Test func `one that goes away, and one that takes too long`() throws {
            for isGone in [true, false] {
                try? FileManager.default.removeItem(atPath: file)
                let gate = try gate()
                defer { end(gate) }
                let client = try gate.connect()
                defer { client.close() }
                try client.send([0x16, 0x03, 0x01, 0x01, 0x00, 0x01])
                if isGone { client.close() }
                let record = try record(gate, isGone ? "closed" : "timeout")
                #expect(record["tls.client.server_name"] == nil)
            }
        }

        @Test func `a client behind a proxy is told by its own address`() throws {
            let gate = try gate(["min_version: 1.3"], ["proxy_protocol: true"])
            defer { end(gate) }
            var old = TestTLS()
            old.maximum = 0x0303
            old.preamble = Bytes("PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n".utf8)
            let settings = old
            #expect(throws: (any Error).self) { try gate.exchange(request("GET"), tls: settings) }
            let record = try record(gate, "version")
            #expect(record["client.ip"] == "203.0.113.9")
            #expect(record["source.ip"] == "127.0.0.1")
        }

        @Test func `who says nothing leaves no line`() throws {
            let gate = try gate()
            defer { end(gate) }
            try gate.connect().close()
            #expect(try gate.exchange(request("GET")).status == 200)
            var records: [LogRecord] = []
            _ = try eventually {
                records = (try? BlockLog(file: file).records()) ?? []
                return !records.isEmpty
            }
            #expect(records.map { $0["event.action"] } == ["request-served"])
        }

        @Test func `one that a drain does not wait for is no failure`() throws {
            let gate = try gate(head: "20s")
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send([0x16, 0x03, 0x01, 0x01, 0x00, 0x01])
            #expect(try gate.exchange(request("GET")).status == 200)
            gate.process.signal(SIGTERM)
            #expect(gate.process.waitForExit(within: 15) == .code(0))
            let records = try BlockLog(file: file).records()
            #expect(records.map { $0["event.action"] } == ["request-served"])
        }

        @Test func `what is no TLS at all is no question of versions`() throws {
            let gate = try gate()
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(Bytes(repeating: 0, count: 40))
            _ = try record(gate, "other")
        }
    }
}
