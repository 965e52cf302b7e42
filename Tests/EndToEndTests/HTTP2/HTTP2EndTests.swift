// Ends of connections: a drain, floods, and tunnels.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Connections of HTTP 2` {
        @Test func `are told of a drain, finish what runs, and end`() throws {
            let flag = Flag()
            let backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    if request.target == "/slow" { _ = eventually(within: 20) { flag.isRaised } }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            defer { backend.stop() }
            let gate = try GateProcess(speaking(backend.address))
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            defer { client.close() }
            client.acknowledges = false
            let running = try client.open(HTTP2Field.request("GET", "/slow"))
            #expect(eventually(within: 10) { backend.requests.count == 1 })
            gate.process.signal(SIGTERM)
            try client.readUntil { !client.goAways.isEmpty }
            #expect(client.goAways[0].last == 0x7fff_ffff)
            // It was on its way when the client heard of it.
            let late = try client.open(HTTP2Field.request("GET", "/late"))
            #expect(try client.readAnswer(late).status == 200)
            let ping = try #require(client.others.last { $0.kind == 6 })
            try client.send(HTTP2Frame(6, flags: 1, ping.payload))
            try client.readUntil { client.goAways.count == 2 }
            #expect(client.goAways[1].last == late && client.goAways[1].code == 0)
            flag.raise()
            #expect(try client.readAnswer(running).status == 200)
            #expect(try client.readToEnd())
            #expect(gate.process.waitForExit(within: 10) == .code(0))
        }

        /// What is sent over and over, how often, and the code that ends it.
        @Test(arguments: ["rapid reset", "PING", "SETTINGS", "empty DATA", "CONTINUATION"])
        func `are ended by a flood, and others notice nothing`(_ kind: String) throws {
            try withHTTP2(try .echo()) { gate, other throws in
                #expect(try other.exchange(HTTP2Field.request()).status == 200)
                let before = try gate.memory().anonymous
                let client = try gate.connectHTTP2(patience: 30)
                defer { client.close() }
                let sender = Flag()
                Thread.detachNewThread {
                    defer { sender.raise() }
                    for number in 0..<400 {
                        guard (try? Self.flood(kind, number, client)) != nil else { return }
                    }
                }
                #expect(try other.exchange(HTTP2Field.request()).status == 200)
                _ = try? client.readToEnd()
                #expect(client.goAways.last?.code == 11, "\(client.goAways)")
                #expect(try other.exchange(HTTP2Field.request()).status == 200)
                #expect(try gate.memory().anonymous - before < 8 << 20)
                client.raw.reset()
                #expect(eventually(within: 30) { sender.isRaised })
            }
        }

        private static func flood(_ kind: String, _ number: Int, _ client: HTTP2Client) throws {
            let frames: [HTTP2Frame] = (0..<100).flatMap { index -> [HTTP2Frame] in
                let stream = UInt32(number * 200 + index * 2 + 1)
                switch kind {
                case "rapid reset":
                    return [.headers(stream, HTTP2Field.request()), .reset(stream)]
                case "PING": return [HTTP2Frame(6, Bytes(repeating: 0, count: 8))]
                case "SETTINGS": return [.settings([(4, UInt32(index))])]
                case "empty DATA":
                    let begin = HTTP2Frame.headers(1, HTTP2Field.request("PUT"), ends: false)
                    return stream == 1 ? [begin] : [.data(1, [], ends: false)]
                default:
                    let line = HTTP2Field.encode([HTTP2Field("a", "b")])
                    let begin = HTTP2Frame(1, stream: 1, HTTP2Field.encode(HTTP2Field.request()))
                    return stream == 1 ? [begin] : [HTTP2Frame(9, stream: 1, line)]
                }
            }
            try client.raw.send(frames.flatMap(\.bytes))
        }

        /// Statuses of the backend, and what the client gets.
        @Test(arguments: [(200, 502), (204, 502), (403, 403), (0, 403)])
        func `do not take what a refused tunnel carries for a request`(
            _ status: Int, _ expected: Int
        ) throws {
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    let length = status == 204 ? "" : "Content-Length: 0\r\n"
                    try connection.send("HTTP/1.1 \(status) Some\r\n\(length)\r\n")
                }
            }
            defer { backend.stop() }
            // Without a status no rule grants it.
            let rule = status == 0 ? "" : "  /: {methods: [GET], upgrade: [websocket]}"
            let gate = try GateProcess(speaking(backend.address, rest: rule))
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            defer { client.close() }
            let fields = [
                HTTP2Field(":method", "CONNECT"), HTTP2Field(":protocol", "websocket"),
                HTTP2Field(":scheme", "http"), HTTP2Field(":path", "/"),
                HTTP2Field(":authority", "a.example"), HTTP2Field("sec-websocket-version", "13"),
            ]
            let smuggled = HTTP2Frame.data(
                1, Bytes("GET /second HTTP/1.1\r\nHost: a.example\r\n\r\n".utf8), ends: false)
            // Together with the request, and behind the answer.
            let stream = client.takeStream()
            try client.send(.headers(stream, fields, ends: false), smuggled)
            #expect(try client.readAnswer(stream).status == expected)
            try client.send(smuggled)
            #expect(try client.exchange(HTTP2Field.request("GET", "/last")).status != 0)
            #expect(backend.requests.allSatisfy { $0.target != "/second" })
            let records = try gate.log.records()
            #expect(records.allSatisfy { $0["url.path"] != "/second" })
        }

        @Test func `carry WebSocket where a rule grants it`() throws {
            let backend = try ScriptedBackend { connection in
                guard let head = try connection.readRequest() else { return }
                let proof = webSocketProof(of: head.value("Sec-WebSocket-Key") ?? "")
                try connection.send(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                        + "Upgrade: websocket\r\nSec-WebSocket-Accept: \(proof)\r\n\r\n")
                connection.keepsBytes = false
                while true {
                    let bytes = try connection.readRaw(1)
                    guard !bytes.isEmpty else { return }
                    try connection.send(
                        bytes + (try connection.readRaw(connection.unfinished.count)))
                }
            }
            defer { backend.stop() }
            let text = granting(backend.address)
                .replacing("127.0.0.1:0\"\n", with: "127.0.0.1:0\"\n    h2c: true\n")
            let gate = try GateProcess(text)
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            defer { client.close() }
            let ask = [
                HTTP2Field(":protocol", "websocket"), HTTP2Field("sec-websocket-version", "13"),
            ]
            // HTTP/2 has the pseudo-fields in front.
            func fields(_ path: String) -> [HTTP2Field] {
                let fields = HTTP2Field.request("CONNECT", path, [])
                return fields + ask
            }
            let stream = try client.open(fields("/ws/room"), ends: false)
            try client.readUntil { client.answers[stream]?.message != nil }
            #expect(client.answers[stream]?.status == 200)
            #expect(client.answers[stream]?.message?.value("sec-websocket-accept") == nil)
            let blob = Bytes((0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
            try client.sendContent(blob, on: stream, ends: false)
            #expect(try client.readContent(stream, blob.count) == blob)
            try client.send(.data(stream, []))
            let answer = try client.readAnswer(stream)
            #expect(answer.hasEnded && answer.resetCode == nil)
            let records = try gate.tunnelRecords(2)
            #expect(records.map { $0["event.action"] } == ["tunnel-started", "tunnel-ended"])
            #expect(records[0]["http.request.method"] == "GET")
            #expect(records[0]["http.version"] == "2")
            let refused = try client.open(fields("/elsewhere"), ends: false)
            #expect(try client.readAnswer(refused).status == 403)
            let isNamed = try eventually {
                try gate.log.records().contains {
                    $0.integer("http.response.status_code") == 403 && $0["rule.id"] == "default"
                        && $0["event.action"] == "method-blocked"
                        && $0["methodgate.mode"] == "enforce"
                }
            }
            #expect(isNamed)
            let unknown = try client.open(
                HTTP2Field.request("CONNECT", "/ws/x", [HTTP2Field(":protocol", "h3")]),
                ends: false)
            #expect(try client.readAnswer(unknown).status == 501)
        }
    }
}
