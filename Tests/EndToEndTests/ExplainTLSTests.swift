// What `explain` says of a URL's connection is what a client of the running gate meets: by which
// scheme, for which name, and who must show a certificate.

import Foundation
import TLS
import TestSupport
import Testing

extension `End to end` {
    struct `Explain, by what connection` {
        private let fixture: TLSFixture
        private let own: SelfSigned

        init() throws {
            fixture = try TLSFixture()
            own = try SelfSigned(commonName: "client", names: ["DNS:client.example"])
            try fixture.writeCertificate(own, as: "clients.pem")
            let admin = try SelfSigned(
                commonName: "admin", names: ["DNS:admin.example", "DNS:*.admin.example"])
            try fixture.write(admin, as: "admin.pem")
        }

        private struct Explained {
            let json: [String: Any]
            let text: String
            var isBlocked: Bool? { json["blocked"] as? Bool }
            var status: Int? { json["status"] as? Int }
            var tls: [String: Any]? { json["tls"] as? [String: Any] }
            var listener: String? { json["listener"] as? String }
            var asked: String? { tls?["client_certificate"] as? String }
            /// Of the certificate that is shown first.
            var subject: String? {
                let list = tls?["certificates"] as? [[String: Any]]
                return list?.first?["subject"] as? String
            }
        }

        private func explain(_ url: String, _ fields: [String] = []) throws -> Explained {
            let arguments =
                ["explain", "-c", fixture.directory.path("methodgate.yaml"), "GET", url]
                + fields.flatMap { ["--header", $0] }
            let text = try ChildProcess(GateProcess.binary(), arguments)
            let json = try ChildProcess(GateProcess.binary(), arguments + ["--json"])
            defer {
                text.stop(within: 0)
                json.stop(within: 0)
            }
            let status = text.waitForExit(within: 30)
            #expect(status == json.waitForExit(within: 30))
            let object = try JSONSerialization.jsonObject(with: Data(json.standardOutput))
            let members = try #require(object as? [String: Any])
            let isBlocked = members["blocked"] as? Bool
            #expect(status == .code(isBlocked == true ? 1 : 0))
            return Explained(
                json: members, text: String(decoding: text.standardOutput, as: UTF8.self))
        }

        private static let asking = [
            "certificate: front.pem", "certificates:",
            "  - {certificate: admin.pem, client_auth: require, client_ca: clients.pem}",
        ]
        /// The other way round: whoever names nobody must show one.
        private static let guarded = [
            "certificate: front.pem", "client_auth: require", "client_ca: clients.pem",
            "certificates:", "  - {certificate: admin.pem, client_auth: none}",
        ]

        /// The host of the URL, what the client asks for, and the Host line.
        private static let hosts: [(url: String, name: String?, host: String)] = [
            ("a.example", "a.example", "a.example"), ("a.example", "a.example", "admin.example"),
            ("admin.example", "admin.example", "admin.example"),
            ("admin.example", "admin.example", "a.example"),
            ("ADMIN.example.", "admin.example", "Admin.Example.:443"),
            ("x.admin.example:8443", "x.admin.example", "admin.example"),
            ("x.y.admin.example", "x.y.admin.example", "x.y.admin.example"),
            ("x.y.admin.example", "x.y.admin.example", "b.example"),
            ("127.0.0.1", nil, "127.0.0.1"), ("127.0.0.1", nil, "admin.example"),
            ("[::1]:443", nil, "[::1]:443"), ("other.example", "other.example", "a.example"),
            ("b@a.example", "a.example", "a.example"),
            ("admin.example:", "admin.example", "admin.example:"),
            ("admin.example:99999", "admin.example", "admin.example"),
        ]

        @Test(arguments: [asking, guarded])
        func `https is what the gate does for that name`(_ tls: [String]) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(backend.address, tls: tls)
            defer { end(gate) }
            var statuses: Set<Int> = []
            for (url, name, host) in Self.hosts {
                let explained = try explain("https://\(url)/x", ["Host: \(host)"])
                let text = "GET /x HTTP/1.1\r\nHost: \(host)\r\n\r\n"
                var settings = TestTLS(name: name)
                let bare = settings
                settings.identity = own
                let client = try gate.connect(tls: settings)
                defer { client.close() }
                try client.send(text)
                let status = try client.readFinalAnswer().status
                #expect(explained.isBlocked == (status != 200), "\(url) \(host)")
                #expect(explained.status == (status == 200 ? nil : status), "\(url) \(host)")
                statuses.insert(status)
                #expect(explained.tls?["server_name"] as? String == name)
                // Whose certificate it shows, and whether it wants one.
                let shown = try #require(client.socket.tls).peerFingerprint
                let isFirst = try shown == frontFingerprint(gate)
                #expect(explained.subject == (isFirst ? "CN=a.example" : "CN=admin"))
                let isServed = (try? gate.exchange(text, tls: bare)) != nil
                #expect(explained.asked == (isServed ? "none" : "require"), "\(url) \(host)")
                #expect(explained.text.contains("must show a certificate") != isServed)
            }
            #expect(statuses == [200, 421])
        }

        private func frontFingerprint(_ gate: GateProcess) throws -> Bytes {
            var settings = TestTLS(name: nil)
            settings.identity = own
            let client = try gate.connect(tls: settings)
            defer { client.close() }
            return try #require(client.socket.tls).peerFingerprint
        }

        @Test func `plain HTTP where all listeners speak TLS is refused`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(backend.address)
            defer { end(gate) }
            for fields in [[], ["X : malformed"], ["Expect: something"]] {
                let explained = try explain("http://a.example/", fields)
                let text =
                    "GET / HTTP/1.1\r\nHost: a.example\r\n"
                    + fields.map { $0 + "\r\n" }.joined() + "\r\n"
                let answer = try RawClient.exchange(gate.address, text)
                #expect(answer.status == 400)
                #expect(explained.status == answer.status)
                let reason = try #require(explained.json["reason"] as? String)
                #expect(answer.text.contains(reason))
                #expect(explained.tls == nil)
            }
            // A path does not say by what it comes.
            #expect(try explain("/").isBlocked == false)
        }

        /// Clients may speak TLS to what is in front of the gate.
        @Test func `https where no listener speaks TLS says so, and goes on`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(backend.address, tls: [])
            defer { end(gate) }
            let explained = try explain("https://a.example/")
            #expect(explained.isBlocked == false)
            #expect(explained.json["tls"] is NSNull)
            #expect(explained.text.contains("no listener speaks it"))
            #expect(throws: (any Error).self) { try gate.exchange(request("GET")) }
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
        }

        @Test func `of several listeners it says which is taken, and what differs`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let asks = "{certificate: admin.pem, client_auth: require, client_ca: clients.pem}"
            let plain = configuration(backend.address).replacingOccurrences(
                of: "backends:",
                with: """
                      - address: 127.0.0.2:0
                        tls: {certificate: front.pem}
                      - address: 127.0.0.3:0
                        tls: {certificate: front.pem, certificates: [\(asks)]}
                    backends:
                    """)
            let gate = try GateProcess(plain, in: fixture.directory)
            defer { end(gate) }
            // The file has other ports than the gate, whose port 0 is any.
            let ports = gate.addresses.map { "\($0)" }
            #expect(ports.count == 3)
            func status(_ index: Int, _ name: String, _ host: String) throws -> Int? {
                var settings = TestTLS(name: name)
                settings.identity = own
                let text = "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n"
                return try RawClient.exchange(
                    gate.addresses[index], text, tls: index == 0 ? nil : settings
                ).status
            }
            let first = try explain("https://a.example/", ["Host: admin.example"])
            #expect(first.listener == "127.0.0.2:0")
            #expect(first.isBlocked == false)
            #expect(try status(1, "a.example", "admin.example") == 200)
            #expect(first.text.contains("  besides  127.0.0.3:0: CN=a.example (EC)"))
            #expect(first.text.contains("refused with 421\n"))
            #expect(try status(2, "a.example", "admin.example") == 421)
            // Nothing differs for a name that both treat alike.
            let same = try explain("https://a.example/")
            #expect(same.json["other_listeners"] == nil)
            #expect(!same.text.contains("besides"))
            let open = try explain("http://a.example/")
            #expect(open.listener == "127.0.0.1:0")
            #expect(open.isBlocked == false)
            #expect(open.text.contains("  besides  127.0.0.2:0: refused with 400\n"))
        }

        @Test func `a port of the URL that a listener has chooses it`() throws {
            let text = """
                listen:
                  - address: 127.0.0.1:8080
                  - address: 127.0.0.1:8443
                    tls: {certificate: front.pem}
                  - address: "[::1]:443"
                    tls: {certificate: admin.pem}
                backends: {app: "http://127.0.0.1:3000"}
                defaults: {methods: [GET]}

                """
            try text.write(
                toFile: fixture.directory.path("methodgate.yaml"), atomically: true,
                encoding: .utf8)
            #expect(try explain("https://a.example/").listener == "[::1]:443")
            #expect(try explain("https://a.example:8443/").listener == "127.0.0.1:8443")
            // What is in front may have other ports.
            #expect(try explain("https://a.example:9443/").listener == "127.0.0.1:8443")
            #expect(try explain("http://a.example/").listener == "127.0.0.1:8080")
            let wrong = try explain("http://a.example:8443/")
            #expect(wrong.status == 400)
            let none = try explain("https://a.example:8080/")
            #expect(none.text.contains("no listener of port 8080 speaks it"))
        }

        /// Whoever has made a certificate has chosen what stands in it.
        @Test func `names are harmless to a terminal, and few`() throws {
            let names = ["DNS:\u{1b}[31m.example"] + (1...3000).map { "DNS:a\($0).example" }
            let odd = try SelfSigned(commonName: "b", names: names)
            try fixture.write(odd, as: "front.pem")
            try fixture.configuration(Address("127.0.0.1:3000")!, tls: ["certificate: front.pem"])
                .write(
                    toFile: fixture.directory.path("methodgate.yaml"), atomically: true,
                    encoding: .utf8)
            let explained = try explain("https://b.example/")
            #expect(
                explained.text.contains(
                    "tls      CN=b (EC) for \u{FFFD}[31m.example, a1.example, a2.example and 2998 "
                        + "more\n"))
            let list = explained.tls?["certificates"] as? [[String: Any]]
            #expect((list?.first?["names"] as? [String])?.count == 3001)
        }
    }
}
