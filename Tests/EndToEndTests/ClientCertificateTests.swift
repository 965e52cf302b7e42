// Clients that show a certificate, and those that should.

import Foundation
import TLS
import TestSupport
import Testing

extension `End to end` {
    struct `Client certificates` {
        private let fixture: TLSFixture
        private let own: SelfSigned

        init() throws {
            fixture = try TLSFixture()
            own = try SelfSigned(commonName: "Käthe", names: ["DNS:client.example"])
            // Whoever signs himself is his own authority.
            try fixture.writeCertificate(own, as: "clients.pem")
            let inner = try SelfSigned(commonName: "inner", names: ["DNS:inner.example"])
            try fixture.write(inner, as: "inner.pem")
        }

        private func client(_ name: String = "a.example") -> TestTLS {
            var settings = TestTLS(name: name)
            settings.identity = own
            return settings
        }

        @Test func `one that is required is shown, logged and forwarded`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "client_auth: require", "client_ca: clients.pem",
                    "forward_client_subject: true",
                ])
            defer { end(gate) }
            #expect(throws: (any Error).self) { try gate.exchange(request("GET")) }
            let forged = request("GET", "/", "X-Client-Subject: CN=root", "X_Client_Subject: CN=r")
            #expect(try gate.exchange(forged, tls: client()).status == 200)
            let forwarded = try #require(backend.requests.first)
            #expect(forwarded.values("X-Client-Subject") == ["CN=K\\C3\\A4the"])
            #expect(forwarded.values("X_Client_Subject").isEmpty)
            #expect(try gate.exchange(blocked, tls: client()).status == 405)
            #expect(try gate.blockRecord()["tls.client.subject"] == "CN=K\\C3\\A4the")
            #expect(backend.requests.count == 1)
        }

        @Test func `one that is requested may be missing, but not be a stranger's`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "client_auth: request", "client_ca: clients.pem",
                ])
            defer { end(gate) }
            #expect(try gate.exchange(request("GET")).status == 200)
            var stranger = TestTLS()
            stranger.identity = try SelfSigned(commonName: "x", names: ["DNS:x.example"])
            let settings = stranger
            #expect(throws: (any Error).self) { try gate.exchange(request("GET"), tls: settings) }
            #expect(try gate.exchange(request("GET"), tls: client()).status == 200)
            // Not asked to be told.
            #expect(backend.requests.allSatisfy { $0.values("X-Client-Subject").isEmpty })
        }

        /// Otherwise who needs no certificate for one name would get at the other.
        @Test func `a request for a host that asks more is misdirected`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "certificates:",
                    "  - {certificate: inner.pem, client_auth: require, client_ca: clients.pem}",
                ])
            defer { end(gate) }
            let inner = "GET / HTTP/1.1\r\nHost: inner.example:443\r\n\r\n"
            #expect(throws: (any Error).self) {
                try gate.exchange(inner, tls: TestTLS(name: "inner.example"))
            }
            #expect(try gate.exchange(inner, tls: client("inner.example")).status == 200)
            for host in ["inner.example", "INNER.example.:443"] {
                let connection = try gate.connect(tls: TestTLS())
                defer { connection.close() }
                try connection.send("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                let answer = try connection.readFinalAnswer()
                #expect(answer.status == 421)
                #expect(answer.value("Methodgate-Event") != nil)
                // The connection stays good for its own name.
                try connection.send(request("GET"))
                #expect(try connection.readFinalAnswer().status == 200)
            }
            let absolute = "GET http://inner.example/ HTTP/1.1\r\nHost: inner.example\r\n\r\n"
            #expect(try gate.exchange(absolute).status == 421)
            // And the other way round: the answer to the one is not for the other.
            #expect(try gate.exchange(request("GET"), tls: client("inner.example")).status == 421)
            #expect(backend.requests.count == 3)
        }

        /// A rule's wildcard covers any number of labels, a certificate's one.
        @Test func `a host of more labels than the wildcard of one that asks more is, too`() throws
        {
            let admin = try SelfSigned(
                commonName: "admin", names: ["DNS:*.admin.example", "DNS:x.y.admin.example"])
            try fixture.write(admin, as: "admin.pem")
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "certificates:",
                    "  - {certificate: admin.pem, client_auth: require, client_ca: clients.pem}",
                    "  - {certificate: inner.pem, names: [\"*.open.admin.example\"]}",
                ])
            defer { end(gate) }
            func status(_ host: String, by tls: TestTLS = TestTLS(name: nil)) throws -> Int {
                try gate.exchange("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n", tls: tls).status
            }
            for host in ["a", "a.b", "a.b.c", "x.y", "A.B"] {
                #expect(try status("\(host).admin.example") == 421)
                #expect(try status("\(host).admin.example", by: client("a.admin.example")) == 200)
            }
            // Neither covers the domain itself, and the longest wildcard counts.
            for host in ["admin.example", "xadmin.example", "a.open.admin.example"] {
                #expect(try status(host) == 200)
            }
        }

        /// Else it would be answered 421 by whatever connection it came.
        @Test func `a name of more labels than the wildcard of one that asks more is asked, too`()
            throws
        {
            let admin = try SelfSigned(commonName: "admin", names: ["DNS:*.admin.example"])
            try fixture.write(admin, as: "admin.pem")
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "certificates:",
                    "  - {certificate: admin.pem, client_auth: require, client_ca: clients.pem}",
                    "  - {certificate: inner.pem, names: [\"*.open.admin.example\"]}",
                ])
            defer { end(gate) }
            func status(_ host: String, _ tls: TestTLS) throws -> Int {
                try gate.exchange("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n", tls: tls).status
            }
            for host in ["a.admin.example", "a.b.admin.example", "a.b.c.admin.example"] {
                #expect(throws: (any Error).self) { try status(host, TestTLS(name: host)) }
                #expect(try status(host, client(host)) == 200)
            }
            for host in ["admin.example", "a.b.open.admin.example"] {
                #expect(try status(host, TestTLS(name: host)) == 200)
            }
        }

        /// Who names no host asks for none that another entry has.
        @Test func `a request without a host belongs to whichever name asks for certificates`()
            throws
        {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let asks = "client_auth: require, client_ca: clients.pem"
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "certificates:",
                    "  - {certificate: inner.pem, \(asks)}",
                ])
            defer { end(gate) }
            let bare = "GET / HTTP/1.0\r\n\r\n"
            #expect(try gate.exchange(bare, tls: client("inner.example")).status == 200)
            #expect(try gate.exchange(bare).status == 200)
            // But not to one that asks for less than what the names of nobody ask for.
            let other = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "client_auth: require", "client_ca: clients.pem",
                    "certificates:", "  - {certificate: inner.pem, client_auth: none}",
                ])
            defer { end(other) }
            #expect(try other.exchange(bare, tls: TestTLS(name: "inner.example")).status == 421)
            #expect(try other.exchange(bare, tls: client()).status == 200)
        }

        /// As SPIFFE has them.
        @Test(arguments: [
            (["DNS:a.example", "URI:spiffe://x.example/a"], "URI:spiffe://x.example/a"),
            (["email:a@a.example", "DNS:A.example"], "DNS:A.example"),
            (["IP:127.0.0.1", "email:a@a.example"], "email:a@a.example"),
            (["URI:a:b\r\nc d\\\u{e4}"], #"URI:a:b\0D\0Ac\20d\5C\C3\A4"#),
        ])
        func `one without a subject is told by another name in it`(
            _ names: [String], _ told: String
        ) throws {
            let authority = try Authority(named: "clients")
            try fixture.write(authority.pem, as: "clients.pem")
            let made = try SelfSigned(commonName: "", names: names)
            var settings = TestTLS()
            settings.identity = made
            settings.signed = try authority.sign(made)
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "client_auth: require", "client_ca: clients.pem",
                    "forward_client_subject: true",
                ])
            defer { end(gate) }
            #expect(try gate.exchange(request("GET"), tls: settings).status == 200)
            #expect(backend.requests.first?.values("X-Client-Subject") == [told])
            #expect(try gate.exchange(blocked, tls: settings).status == 405)
            #expect(try gate.blockRecord()["tls.client.subject"] == told)
        }

        @Test(arguments: [Int32(0x0303), 0x0304])
        func `a session without a certificate is not taken up where one is required`(
            _ version: Int32
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "certificates:",
                    "  - {certificate: inner.pem, client_auth: require, client_ca: clients.pem}",
                ])
            defer { end(gate) }
            var settings = TestTLS()
            settings.maximum = version
            let first = try gate.connect(tls: settings)
            try first.send(request("GET"))
            #expect(try first.readFinalAnswer().status == 200)
            settings.session = try #require(first.socket.tls?.ticket)
            first.close()
            settings.name = "inner.example"
            let crossing = settings
            #expect(throws: (any Error).self) {
                try gate.exchange("GET / HTTP/1.1\r\nHost: inner.example\r\n\r\n", tls: crossing)
            }
            #expect(backend.requests.count == 1)
        }

        /// A ticket holds the client's certificate, and each connection brings a new one.
        @Test(arguments: [Int32(0x0303), 0x0304])
        func `a session is not taken up once its certificate has expired`(
            _ version: Int32
        ) throws {
            let authority = try Authority(named: "clients")
            try fixture.write(authority.pem, as: "clients.pem")
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "client_auth: require", "client_ca: clients.pem",
                ])
            defer { end(gate) }
            let lifetime = 5
            let brief = try SelfSigned(
                commonName: "brief", names: ["DNS:client.example"], to: lifetime)
            let expiry = time(nil) + lifetime
            var settings = TestTLS()
            settings.maximum = version
            settings.identity = brief
            settings.signed = try authority.sign(brief)
            func isResumed() throws -> Bool? {
                let client = try gate.connect(tls: settings)
                defer { client.close() }
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().status == 200)
                settings.session = client.socket.tls?.ticket
                return client.socket.tls?.isResumed
            }
            for isLater in [false, true, true] { #expect(try isResumed() == isLater) }
            #expect(eventually(within: 30) { time(nil) > expiry })
            let late = settings
            #expect(throws: (any Error).self) { try gate.exchange(request("GET"), tls: late) }
            #expect(backend.requests.count == 3)
            // Who has another certificate by now shows it.
            settings.identity = own
            settings.signed = try authority.sign(own)
            #expect(try isResumed() == false)
            #expect(try isResumed() == true)
        }

        @Test func `an authority that another has signed is one by itself`() throws {
            let root = try Authority(named: "root")
            let middle = try Authority(named: "middle", by: root)
            // And one that may sign nobody stands for itself.
            let pinned = try SelfSigned(commonName: "pinned", names: ["DNS:p.example"])
            let signed = try root.sign(pinned)
            try fixture.write(middle.pem + signed + own.certificate, as: "clients.pem")
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: front.pem", "client_auth: require", "client_ca: clients.pem",
                ])
            defer { end(gate) }
            let other = try SelfSigned(commonName: "other", names: ["DNS:o.example"])
            let cases: [(SelfSigned, Bytes, isGood: Bool)] = try [
                (other, middle.sign(other), true), (pinned, signed, true),
                (other, root.sign(other), false), (other, Authority(own).sign(other), false),
                (own, own.certificate, true),
            ]
            for (made, signed, isGood) in cases {
                var settings = TestTLS()
                settings.identity = made
                settings.signed = signed
                let shown = settings
                if isGood {
                    #expect(try gate.exchange(request("GET"), tls: shown).status == 200)
                } else {
                    #expect(throws: (any Error).self) {
                        try gate.exchange(request("GET"), tls: shown)
                    }
                }
            }
        }
    }
}
