// Backends that are slow and never stop: the time for an answer runs from their last progress.

import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `A slow backend` {
        /// A quarter of `response`, for which a machine may be late.
        private static let pause = 0.25
        private static let rest = "timeouts: {response: 1s}"

        struct Pieces: Sendable, CustomTestStringConvertible {
            var begin = ""
            var pieces: [String]
            var end: String

            var testDescription: String { begin + (pieces.first ?? "") }
        }

        private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

        @Test(arguments: [
            Pieces(
                pieces: "HTTP/1.1".map(String.init), end: " 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            Pieces(
                begin: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ",
                pieces: Array(repeating: "value", count: 8), end: "\r\n\r\nok"),
            Pieces(
                begin: chunked + "2\r\nok\r\n0\r\n",
                pieces: Array(repeating: "X: trailer\r\n", count: 8), end: "\r\n"),
            Pieces(
                begin: chunked, pieces: Array(repeating: "0", count: 8),
                end: "2\r\nok\r\n0\r\n\r\n"),
        ])
        func `may take longer than response for a head or trailers`(_ part: Pieces) throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send(part.begin)
                for piece in part.pieces {
                    connection.wait(Self.pause)
                    try connection.send(piece)
                }
                try connection.send(part.end)
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, rest: Self.rest))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET"))
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 200 && answer.text == "ok")
        }

        private static let head = [HTTP2Field(":status", "200"), HTTP2Field("a", "some value")]

        @Test(
            arguments: [
                // A HEADERS frame byte by byte, the same in many CONTINUATION frames, and trailers.
                ([], HTTP2Frame.section(1, head, ends: false).flatMap(\.bytes).map { [$0] }, 1),
                ([], HTTP2Frame.section(1, head, ends: false, by: 4).map(\.bytes), 1),
                (
                    HTTP2Frame.headers(1, head, ends: false).bytes,
                    HTTP2Frame.section(1, [HTTP2Field("t", "some value")], by: 2).map(\.bytes), 0
                ),
            ] as [(Bytes, [Bytes], Int)])
        func `of HTTP 2 may, too`(_ begin: Bytes, _ pieces: [Bytes], _ content: Int) throws {
            let backend = try ScriptedBackend.http2 { side in
                guard try side.readRequest() != nil else { return }
                try side.connection.send(begin)
                for piece in pieces {
                    try side.connection.send(piece)
                    side.connection.wait(2.4 / Double(pieces.count))
                }
                if content > 0 { try side.send(.data(1, Bytes("ok".utf8))) }
                while try side.readFrame() {}
            }
            try withHTTP2Backend(backend, rest: Self.rest) { _, client throws in
                let answer = try client.exchange(HTTP2Field.request())
                #expect(answer.status == 200 && answer.resetCode == nil)
            }
        }

        @Test func `of HTTP 2 may open its window slowly behind the whole request`() throws {
            let count = 20_000
            let backend = try ScriptedBackend.http2(settings: [(4, 2000)]) { side in
                guard try side.readRequest() != nil else { return }
                try side.answer(1, 200, "ok")
                side.acknowledges = false
                try side.readUntil { side[3]?.content.isEmpty == false }
                for _ in 0..<9 {
                    side.connection.wait(Self.pause)
                    try side.send(.windowUpdate(3, 2000))
                }
                guard try side.readRequest()?.content.count == count else { return }
                try side.answer(3, 200, "ok")
                while try side.readFrame() {}
            }
            try withHTTP2Backend(backend, rest: Self.rest) { _, client throws in
                // So that the window is known.
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                let answer = try client.exchange(
                    HTTP2Field.request("POST", "/post/x"),
                    content: Bytes(repeating: 0x61, count: count))
                #expect(answer.status == 200)
            }
        }

        /// What the kernel holds of a request: some for the backend, the rest for the gate.
        @Test func `may read a request slowly that the kernel holds, and one that does not is 504`()
            throws
        {
            let count = 1 << 20
            let backend = try ScriptedBackend { connection in
                connection.keepsBytes = false
                let head = try #require(try connection.readHead())
                var taken = connection.takeContent(after: head).count
                if head.startLine.contains("/stuck") { return connection.wait(6) }
                while taken < count {
                    let deadline = TestSupport.Deadline(seconds: 5)
                    taken += try connection.socket.read(atMost: 16384, deadline).count
                    connection.wait(0.05)
                }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, rest: Self.rest))
            defer { end(gate) }
            for (path, status) in [("/post/slow", 200), ("/post/stuck", 504)] {
                let client = try gate.connect(patience: 20)
                defer { client.close() }
                try client.send(request("POST", path, "Content-Length: \(count)"))
                try client.send(Bytes(repeating: 0x61, count: count))
                #expect(try client.readFinalAnswer().status == status)
            }
        }

        /// What waits until a connection is made is no progress once it has gone.
        @Test func `that says nothing has its time once, for a POST on a new connection, too`()
            throws
        {
            let backend = try ScriptedBackend.http2 { side in while try side.readFrame() {} }
            try withHTTP2Backend(backend, rest: Self.rest) { gate, _ throws in
                let client = try gate.connect(patience: 20)
                defer { client.close() }
                let start = ContinuousClock.now
                try client.send(request("POST", "/post/x", "Content-Length: 10") + "0123456789")
                #expect(try client.readFinalAnswer().status == 504)
                #expect(ContinuousClock.now - start < .seconds(1.9))
            }
        }

        @Test func `of HTTP 2 whose window is shut from the start has its time once`() throws {
            let backend = try ScriptedBackend.http2(settings: [(4, 0)]) { side in
                guard try side.readRequest() != nil else { return }
                try side.answer(1, 200, "ok")
                while try side.readFrame() {}
            }
            try withHTTP2Backend(backend, rest: Self.rest) { _, client throws in
                // So that the window is known.
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                let start = ContinuousClock.now
                let post = HTTP2Field.request("POST", "/post/x")
                #expect(try client.exchange(post, content: Bytes("0123456789".utf8)).status == 504)
                #expect(ContinuousClock.now - start < .seconds(1.9))
            }
        }

        /// Nothing else comes through before its section has ended.
        @Test func `whose fields do not end gets no further requests on that connection`() throws {
            let connections = Flag()
            let backend = try ScriptedBackend.http2 { side in
                guard let request = try side.readRequest() else { return }
                if connections.isRaised {
                    try side.answer(request.stream, 200, "ok")
                    while try side.readFrame() {}
                    return
                }
                connections.raise()
                let long = HTTP2Field("x", String(repeating: "y", count: 200))
                for byte in HTTP2Frame.headers(1, Self.head + [long], ends: false).bytes {
                    try side.connection.send([byte])
                    side.connection.wait(Self.pause / 2)
                }
            }
            try withHTTP2Backend(backend, rest: Self.rest) { _, client throws in
                _ = try client.open(HTTP2Field.request("GET", "/first"))
                #expect(eventually(within: 10) { connections.isRaised })
                #expect(try client.exchange(HTTP2Field.request()).status == 504)
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
            }
        }
    }
}
