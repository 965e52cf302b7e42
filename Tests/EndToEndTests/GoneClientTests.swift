// Clients that are gone when an answer of the gate's own is due, with more of their requests read.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Clients that are gone` {
        /// Waits for requests and answers none.
        private func silent() throws -> ScriptedBackend {
            try ScriptedBackend { connection in
                while try connection.readRequest() != nil {}
            }
        }

        /// More than is read ahead of the answer to the first of them.
        private static let pipeline = String(
            repeating: request("GET", "/" + String(repeating: "a", count: 1000)), count: 200)

        private func expectService(_ gate: GateProcess) throws {
            for _ in 0..<20 {
                let answer = try RawClient.exchange(gate.address, blocked)
                #expect(answer.status == 405)
            }
        }

        @Test func `cost nothing where a backend is too slow for them`() throws {
            let backend = try silent()
            defer { backend.stop() }
            let gate = try GateProcess(
                configuration(backend.address, rest: "timeouts: {response: 300ms}"))
            defer { end(gate) }
            for _ in 0..<10 {
                let client = try gate.connect()
                try client.send(request("GET"))
                #expect(eventually { backend.connections.contains { !$0.received.isEmpty } })
                try? client.send(Self.pipeline)
                client.reset()
            }
            // Past the deadline of all of them, and of what would have followed.
            Thread.sleep(forTimeInterval: 1)
            try expectService(gate)
        }

        @Test func `cost nothing where a backend is away`() throws {
            let folder = try TemporaryDirectory()
            let away = folder.path("nobody.sock")
            let text = configuration(.unix(away))
            let gate = try GateProcess(text, in: folder)
            defer { end(gate) }
            for count in 0..<40 {
                let client = try gate.connect()
                try? client.send(String(repeating: request("GET"), count: 1 + count % 4))
                client.reset()
            }
            try expectService(gate)
        }
    }
}
