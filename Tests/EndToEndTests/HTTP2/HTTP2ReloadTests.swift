// What a reload means for connections that are open: those that could not begin in the same way
// any more take no further requests, and all others notice nothing.

import Foundation
import TLS
import TestSupport
import Testing

/// A backend that answers `/slow` once the flag is raised, and all else at once.
private func waiting(for flag: Flag) throws -> ScriptedBackend {
    try ScriptedBackend { connection in
        while let request = try connection.readRequest() {
            if request.target == "/slow" { _ = eventually(within: 20) { flag.isRaised } }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }
}

extension GateProcess {
    /// Reloads, and waits until the configuration is in force.
    fileprivate func reloadAndWait(_ configuration: String) throws {
        func loads() throws -> Int {
            try log.records().count { $0["event.action"] == "configuration-loaded" }
        }
        // That of the start is there before anything listens, and read some time after.
        #expect(try eventually { try loads() > 0 })
        let before = try loads()
        try reload(configuration)
        #expect(try eventually { try loads() > before })
    }
}

extension `End to end` {
    struct `A reload of listeners` {
        private static let plain = ["certificate: front.pem"]
        private static let asking = plain + ["client_auth: request", "client_ca: clients.pem"]
        private static let changes: [[String]] = [
            ["certificate: other.pem"], plain + ["h2: false"], plain + ["min_version: 1.3"],
            asking,
            plain + ["ciphers: [TLS_AES_128_GCM_SHA256]"],
            plain + ["certificates:", "  - {certificate: other.pem, names: [b.example]}"], [],
        ]

        private func fixture() throws -> TLSFixture {
            let fixture = try TLSFixture()
            let other = try SelfSigned(commonName: "other", names: ["DNS:a.example"])
            try fixture.write(other, as: "other.pem")
            try fixture.writeCertificate(other, as: "clients.pem")
            return fixture
        }

        @Test(
            arguments: changes.map { (plain, $0) } + [
                (asking, asking + ["forward_client_subject: true"])
            ])
        func `that changes TLS lets connections of HTTP 2 finish what runs, and end`(
            _ before: [String], _ tls: [String]
        ) throws {
            let flag = Flag()
            let backend = try waiting(for: flag)
            defer { backend.stop() }
            let fixture = try fixture()
            let gate = try fixture.gate(backend.address, tls: before)
            defer { end(gate) }
            let client = try gate.connectH2()
            defer { client.close() }
            let running = try client.open(HTTP2Field.request("GET", "/slow"))
            #expect(eventually(within: 10) { backend.requests.count == 1 })
            try gate.reload(fixture.configuration(backend.address, tls: tls))
            try client.readUntil { client.goAways.count == 2 }
            #expect(client.goAways.map(\.last) == [0x7fff_ffff, running])
            #expect(client.goAways.map(\.code) == [0, 0])
            flag.raise()
            #expect(try client.readAnswer(running).status == 200)
            #expect(try client.readToEnd())
        }

        @Test func `that changes something else leaves all connections alone`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try fixture()
            let tls = Self.changes[5] + ["client_auth: request", "client_ca: clients.pem"]
            let gate = try fixture.gate(backend.address, tls: tls)
            defer { end(gate) }
            let client = try gate.connectH2()
            defer { client.close() }
            let old = try gate.connect(tls: TestTLS())
            defer { old.close() }
            for rest in ["limits: {fields: 90}", "timeouts: {client_head: 9s}"] {
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                try old.send(request("GET"))
                let answer = try old.readFinalAnswer()
                #expect(answer.status == 200 && answer.value("Connection") == nil)
                try gate.reloadAndWait(
                    fixture.configuration(backend.address, tls: tls, rest: rest))
            }
            #expect(try client.exchange(HTTP2Field.request()).status == 200)
            #expect(client.goAways.isEmpty)
        }

        @Test func `that changes TLS ends connections of HTTP 1 behind their next answer`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try fixture()
            let gate = try fixture.gate(backend.address, tls: Self.plain)
            defer { end(gate) }
            let clients = try [request("GET"), blocked].map { text in
                let client = try gate.connect(tls: TestTLS())
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().value("Connection") == nil)
                return (client, text)
            }
            try gate.reloadAndWait(
                fixture.configuration(backend.address, tls: ["certificate: other.pem"]))
            for (client, text) in clients {
                try client.send(text)
                let answer = try client.readFinalAnswer(to: String(text.prefix { $0 != " " }))
                #expect(answer.status == (text == blocked ? 405 : 200))
                #expect(answer.value("Connection") == "close")
                #expect(try client.isClosed(within: 5))
                client.close()
            }
        }

        @Test(arguments: [false, true])
        func `that has no place for a connection of h2c any more ends it`(_ isGone: Bool) throws {
            let flag = Flag()
            let backend = try waiting(for: flag)
            defer { backend.stop() }
            let gate = try GateProcess(speaking(backend.address))
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            defer { client.close() }
            // One that has not said yet what it speaks.
            let silent = try gate.connect()
            defer { silent.close() }
            let running = try client.open(HTTP2Field.request("GET", "/slow"))
            #expect(eventually(within: 10) { backend.requests.count == 1 })
            let text =
                isGone
                ? speaking(backend.address).replacing("127.0.0.1:0", with: "127.0.0.2:0")
                : configuration(backend.address)
            try gate.reload(text)
            try client.readUntil { client.goAways.count == 2 }
            flag.raise()
            #expect(try client.readAnswer(running).status == 200)
            #expect(try client.readToEnd())
            try silent.send(HTTP2Frame.preface)
            #expect(try silent.readFinalAnswer().status == 505)
        }
    }
}
