// Answers that begin and do not come to their end: the access log and the metrics say why.

import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `An answer that is cut short` {
        private let directory: TemporaryDirectory
        private var file: String { directory.path("access.jsonl") }
        private var rest: String {
            """
            timeouts: {response: 500ms, client_content: 500ms, drain: 500ms}
            log: {blocks: {to: stdout}, access: {to: file \(file)}}
            admin: {'address': "unix:\(directory.path("admin.sock"))"}
            """
        }

        init() throws { directory = try TemporaryDirectory() }

        private func record() throws -> LogRecord {
            _ = try eventually { try !BlockLog(file: file).lines.isEmpty }
            return try #require(try BlockLog(file: file).records().first)
        }

        /// What the metrics count, once they do.
        private func expectCount(_ name: String) throws {
            let admin = Address.unix(directory.path("admin.sock"))
            let line = "methodgate_cut_answers_total{reason=\"\(name)\"} 1\n"
            let isCounted = try eventually {
                let page = try RawClient.exchange(admin, request("GET", "/metrics", "Accept: */*"))
                return page.text.contains(line)
            }
            #expect(isCounted, "\(name) is not counted")
        }

        private static let counted = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
        private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

        @Test(
            arguments: [
                (counted, 0, "the backend closed amid its answer", "backend_closed"),
                (
                    counted, 2, "the backend stopped amid its answer (timeouts.response)",
                    "backend_timeout"
                ),
                (chunked + "2\r\nok\r\nzz\r\n", 0, "malformed chunk size", "backend_error"),
                (chunked + "0\r\n: x\r\n\r\n", 0, "a field without a name", "backend_error"),
            ] as [(String, Double, String, String)])
        func `by the backend says how`(
            _ answer: String, _ pause: Double, _ reason: String, _ name: String
        ) throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send(answer)
                connection.wait(pause)
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, rest: rest), in: directory)
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET"))
            _ = try client.readToEnd()
            #expect(client.wasReset)
            let record = try record()
            #expect(record["event.action"] == "request-served")
            #expect(record.integer("http.response.status_code") == 200)
            #expect(record["event.reason"] == reason)
            try expectCount(name)
        }

        @Test func `by a client that takes nothing says so`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
                while true { try connection.send(Bytes(repeating: 0x61, count: 1 << 16)) }
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, rest: rest), in: directory)
            defer { end(gate) }
            let client = try RawClient(gate.address, receiveBuffer: 8192)
            defer { client.close() }
            try client.send(request("GET"))
            #expect(
                try record()["event.reason"]
                    == "the client stopped taking the answer (timeouts.client_content)")
            try expectCount("client_timeout")
        }

        @Test func `over HTTP 2 before its head has gone is none`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send(Self.chunked + "zz\r\n")
                connection.wait(1)
            }
            defer { backend.stop() }
            let gate = try GateProcess(speaking(backend.address, rest: rest), in: directory)
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            defer { client.close() }
            let answer = try client.exchange(HTTP2Field.request())
            #expect(answer.resetCode == 2)
            let record = try record()
            #expect(answer.message == nil && record.integer("http.response.status_code") == nil)
            #expect(record["event.action"] == "request-aborted")
            #expect(record["event.reason"] == "malformed chunk size")
            try expectCount("backend_error")
        }

        /// Over HTTP/2, an answer that has begun and does not go on.
        private func withBegunAnswer(
            _ fields: [HTTP2Field] = HTTP2Field.request(), ends: Bool = true,
            _ work: (HTTP2Client, UInt32) throws -> Void
        ) throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readHead()
                try connection.send(Self.counted)
                connection.wait(5)
            }
            defer { backend.stop() }
            let gate = try GateProcess(speaking(backend.address, rest: rest), in: directory)
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            defer { client.close() }
            let stream = try client.open(fields, ends: ends)
            try client.readUntil { client.answers[stream]?.message != nil }
            try work(client, stream)
        }

        @Test func `by a client's reset says so`() throws {
            try withBegunAnswer { client, stream throws in
                try client.send(.reset(stream))
                let record = try record()
                #expect(record["event.reason"] == "the client was gone before the answer's end")
                #expect(record.integer("http.response.status_code") == 200)
                try expectCount("client_gone")
            }
        }

        /// Neither a plain end nor TLS's own: the rest is missing, and nothing in it says so.
        @Test func `is reset where the client ends amid its content`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readHead()
                try connection.send("HTTP/1.1 200 OK\r\n\r\nabc")
                connection.wait(5)
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, rest: rest), in: directory)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Content-Length: 10") + "abc")
            _ = try client.readHead()
            client.halfClose()
            _ = try client.readToEnd()
            #expect(client.wasReset)
            #expect(try record()["event.reason"] == "the client ended amid its content")
            try expectCount("request_error")
        }

        @Test func `by more content than was announced says so over HTTP 2`() throws {
            let length = HTTP2Field("content-length", "2")
            let fields = HTTP2Field.request("POST", "/post/x", [length])
            try withBegunAnswer(fields, ends: false) { client, stream throws in
                try client.send(.data(stream, Bytes("abc".utf8)))
                #expect(
                    try record()["event.reason"] == "more content than Content-Length says")
                try expectCount("request_error")
            }
        }

        @Test func `by a client that breaks HTTP 2 does not say that it was gone`() throws {
            try withBegunAnswer { client, _ throws in
                // PING belongs to no stream.
                try client.send(HTTP2Frame(6, stream: 3, Bytes(repeating: 0, count: 8)))
                #expect(
                    try record()["event.reason"]
                        == "the client broke HTTP/2, or asked too much of it")
                try expectCount("request_error")
            }
        }

        /// Its line is written when the gate has all of the answer.
        @Test func `by a window that stays shut is counted, though the backend has done its part`()
            throws
        {
            let gate = try GateProcess(speaking(sizing().address, rest: rest), in: directory)
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            defer { client.close() }
            client.acknowledges = false
            let answer = try client.exchange(HTTP2Field.request("GET", "/100000"))
            #expect(answer.resetCode != nil)
            try expectCount("client_timeout")
        }
    }
}
