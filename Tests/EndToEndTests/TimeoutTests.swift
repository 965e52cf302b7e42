// Deadlines: one slow party costs only itself.

import TestSupport
import Testing

extension `End to end` {
    struct `A client's time` {
        private let backend: ScriptedBackend
        private let gate: GateProcess

        init() throws {
            backend = try ScriptedBackend.echo()
            let rest = """
                timeouts:
                  client_head: 500ms
                  client_content: 500ms
                  client_idle: 500ms
                """
            gate = try GateProcess(configuration(backend.address, rest: rest))
        }

        @Test func `for a head is limited: 408`() throws {
            let client = try gate.connect()
            defer { client.close() }
            try client.send("GET / HTTP/1.1\r\nHost:")
            let elapsed = try seconds { () throws in
                let answer = try client.readFinalAnswer()
                #expect(answer.status == 408)
                #expect(answer.value("Connection") == "close")
                #expect(answer.value("Cache-Control") == "no-store")
                #expect(try client.isClosed(within: 8))
            }
            #expect(elapsed > 0.3 && elapsed < 8)
        }

        @Test func `for a head is limited in total, however it trickles`() throws {
            let client = try gate.connect()
            defer { client.close() }
            try client.send("GET / HTTP/1.1\r\nHost: a.example\r\nX: ")
            let elapsed = try seconds { () throws in
                do {
                    for _ in 0..<80 {
                        try client.send("a")
                        if try !client.isOpenAndSilent(for: 0.1) { break }
                    }
                } catch is SocketError {}
                #expect(try client.readFinalAnswer().status == 408)
            }
            // While it still trickles.
            #expect(elapsed < 7)
        }

        @Test func `between requests is limited, without a word`() throws {
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            #expect(try client.readFinalAnswer().status == 200)
            let elapsed = try seconds { () throws in #expect(try client.isClosed(within: 8)) }
            #expect(elapsed > 0.3 && elapsed < 8)
        }

        @Test func `before the first byte is limited, without a word`() throws {
            let client = try gate.connect()
            defer { client.close() }
            #expect(try client.isClosed(within: 8))
        }

        @Test func `for content is limited from its last progress`() throws {
            // More than the limit in all, and a quarter of it at a time: a machine may be slow.
            let gate = try GateProcess(
                configuration(backend.address, rest: "timeouts: {client_content: 2s}"))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Content-Length: 10"))
            for _ in 0..<5 {
                try client.send("a")
                #expect(try client.isOpenAndSilent(for: 0.5))
            }
            let elapsed = try seconds { () throws in
                #expect(try client.readFinalAnswer().status == 408)
                #expect(try client.isClosed(within: 8))
            }
            #expect(elapsed < 8)
            #expect(backend.requests.isEmpty)
            #expect(eventually { backend.connections.allSatisfy(\.isAtEnd) })
        }

        @Test func `to send what is drained is limited`() throws {
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("PATCH", "/", "Content-Length: 10"))
            #expect(try client.readFinalAnswer().status == 405)
            #expect(try client.isClosed(within: 8))
        }

        @Test func `does not count while a backend works`() throws {
            let slow = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                connection.wait(1.5)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            defer { slow.stop() }
            let rest = "timeouts: {client_head: 500ms, client_content: 500ms, client_idle: 500ms}"
            let gate = try GateProcess(configuration(slow.address, rest: rest))
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, request("GET")).text == "ok")
        }
    }
}

extension RawClient {
    /// Whether nothing comes and the connection stays open for that time.
    func isOpenAndSilent(for seconds: Double) throws -> Bool {
        try !isClosed(within: seconds) && buffer.isEmpty
    }
}
