// What the metrics say of TLS.

import Foundation
import TLS
import TestSupport
import Testing

extension `End to end` {
    struct `Metrics of TLS` {
        @Test func `tell versions, cipher suites and names apart`() throws {
            let fixture = try TLSFixture()
            let other = try SelfSigned(commonName: "b", names: ["DNS:b.example"])
            try fixture.write(other, as: "b.pem")
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: ["certificate: front.pem", "certificates:", "  - certificate: b.pem"],
                rest: "admin: {'address': '127.0.0.1:0'}")
            defer { end(gate) }
            let line = try #require(
                gate.process.standardError.split(separator: "\n").first {
                    $0.contains("admin endpoint on ")
                })
            let admin = try #require(Address(line.split(separator: " ").last ?? ""))

            for name in ["a.example", "b.example", "b.example", nil] {
                var settings = TestTLS(name: name)
                settings.maximum = name == nil ? 0x0303 : 0x0304
                let client = try gate.connect(tls: settings)
                defer { client.close() }
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().status == 200)
            }
            let failed = try gate.connect()
            defer { failed.close() }
            try failed.send(Bytes([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]))
            _ = try? failed.readToEnd()
            // As a load balancer looks whether somebody is there: no handshake was tried.
            try gate.connect().close()

            let page = try RawClient.exchange(
                admin, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            ).text
            for expected in [
                "handshakes_total{version=\"1.3\",resumed=\"false\"} 3",
                "handshakes_total{version=\"1.2\",resumed=\"false\"} 1",
                "failed_handshakes_total{error_type=\"other\"} 1",
                "server_names_total{server_name=\"none\"} 1",
                "server_names_total{server_name=\"default\"} 1",
                "server_names_total{server_name=\"listed\"} 2",
                "ciphers_total{cipher=\"other\"} 0",
            ] {
                #expect(page.contains("methodgate_tls_\(expected)\n"), "\(expected)")
            }
            // Of both versions some suite that is counted by its name.
            let counts = page.split(separator: "\n").filter { $0.contains("_tls_ciphers_total{") }
                .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
            #expect(counts.reduce(0, +) == 4)
        }
    }
}
