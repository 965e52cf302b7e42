// What one connection has in hand does not hold up another: it goes on in turns.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Turns of HTTP 2` {
        /// Requests, each taken back at once.
        private static func resets(
            _ count: Int, _ client: HTTP2Client, _ method: String = "GET", _ path: String = "/"
        ) -> Bytes {
            (0..<count).flatMap { _ in
                let stream = client.takeStream()
                return HTTP2Frame.headers(stream, HTTP2Field.request(method, path)).bytes
                    + HTTP2Frame.reset(stream).bytes
            }
        }

        @Test func `leave room for others while requests are taken back`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let rest = "  /shadow: {methods: [GET], mode: shadow}"
            let gate = try GateProcess(speaking(backend.address, rest: rest))
            defer { end(gate) }
            let flooder = try gate.connectHTTP2()
            defer { flooder.close() }
            let other = try gate.connect()
            defer { other.close() }
            // Both are known to the worker, and nothing has gone to the backend.
            #expect(try flooder.exchange(HTTP2Field.request("PATCH")).status == 405)
            try other.send(blocked)
            #expect(try other.readFinalAnswer().status == 405)
            try gate.whileStopped {
                try flooder.raw.send(Self.resets(50, flooder, "DELETE", "/shadow"))
                try other.send(request("PATCH", "/other"))
            }
            #expect(try other.readFinalAnswer().status == 405)
            // The worker's records are in the order of what it does.
            #expect(try eventually(within: 20) { try gate.log.records().count == 54 })
            let paths = try gate.log.records().dropFirst(3).map { $0["url.path"] }
            let place = paths.firstIndex(of: "/other")
            // It costs nothing before it is known to, for 32 frames at most.
            #expect(try #require(place) < 25)
            #expect(eventually(within: 20) { backend.connections.count == 50 })
        }

        /// What came in one write, however many turns that takes, and its end behind it.
        @Test(arguments: [false, true])
        func `go on until all that came is used`(_ endsThere: Bool) throws {
            try withHTTP2(try .echo()) { _, client throws in
                // It says nothing more behind its end.
                #expect(try client.exchange(HTTP2Field.request("PATCH")).status == 405)
                client.acknowledges = false
                for _ in 0..<(endsThere ? 1 : 5) { try Self.ask(client, endsThere) }
                #expect(client.goAways.isEmpty)
                if endsThere { #expect(try client.readToEnd()) }
            }
        }

        @Test func `go on with what TLS has decrypted already`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try TLSFixture().gate(backend.address)
            defer { end(gate) }
            let client = try gate.connectH2()
            defer { client.close() }
            for _ in 0..<5 { try Self.ask(client, false) }
            #expect(client.goAways.isEmpty)
        }

        @Test func `go on in a drain`() throws {
            try withHTTP2(try .echo()) { gate, client throws in
                #expect(try client.exchange(HTTP2Field.request("PATCH")).status == 405)
                var stream: UInt32 = 0
                try gate.whileStopped {
                    gate.process.signal(SIGTERM)
                    stream = try Self.send(client)
                }
                #expect(try client.readAnswer(stream).status == 200)
                #expect(try client.readToEnd())
                #expect(gate.process.waitForExit(within: 10) == .code(0))
            }
        }

        /// A request behind thirty that are taken back.
        private static func send(_ client: HTTP2Client) throws -> UInt32 {
            let others = resets(30, client)
            let stream = client.takeStream()
            let last = HTTP2Frame.headers(stream, HTTP2Field.request("GET", "/last"))
            try client.raw.send(others + last.bytes)
            return stream
        }

        private static func ask(_ client: HTTP2Client, _ endsThere: Bool) throws {
            let stream = try send(client)
            if endsThere { client.raw.halfClose() }
            #expect(try client.readAnswer(stream).status == 200)
        }

        @Test func `end the connections to the backend of whoever leaves, all of them`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(speaking(backend.address))
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            for _ in 0..<50 { try client.open(HTTP2Field.request("PUT"), ends: false) }
            #expect(eventually(within: 20) { backend.connections.count == 50 })
            let before = try gate.descriptors()
            client.raw.reset()
            #expect(eventually(within: 20) { backend.connections.allSatisfy(\.isAtEnd) })
            #expect(try eventually(within: 20) { try gate.descriptors() == before - 51 })
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
        }
    }
}
