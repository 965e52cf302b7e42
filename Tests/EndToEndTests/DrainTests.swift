// The way out: what SIGTERM does to connections that carry something.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `A drain` {
        /// Answers each request when it is told to; until then it is known to have come.
        private static func held(_ go: Flag) throws -> ScriptedBackend {
            try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    _ = eventually { go.isRaised }
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\(request.target.suffix(2))")
                }
            }
        }

        private func isDraining(_ gate: GateProcess) -> Bool {
            eventually { gate.process.standardError.contains("draining") }
        }

        @Test func `says in the next answer that the connection ends`() throws {
            let go = Flag()
            let backend = try Self.held(go)
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET", "/a1"))
            #expect(eventually { backend.requests.count == 1 })
            gate.process.signal(SIGTERM)
            #expect(isDraining(gate))
            go.raise()
            let answer = try client.readFinalAnswer()
            #expect(answer.text == "a1")
            #expect(answer.value("Connection") == "close")
            #expect(try client.isClosed(within: 10))
            #expect(gate.process.waitForExit(within: 10) == .code(0))
        }

        @Test func `shortens what lingers since before it`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET", "/", "Connection: close"))
            #expect(try client.readFinalAnswer().status == 200)
            let elapsed = try seconds { () throws in
                gate.process.signal(SIGTERM)
                #expect(gate.process.waitForExit(within: 20) == .code(0))
            }
            #expect(elapsed < 3.5)
        }

        @Test func `waits for a moment only for content that nobody wants`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(speaking(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("PATCH", "/", "Content-Length: 10"))
            #expect(try client.readFinalAnswer().status == 405)
            let other = try gate.connectHTTP2()
            defer { other.close() }
            let stream = try other.open(HTTP2Field.request("PATCH"), ends: false)
            try other.readUntil { other.answers[stream]?.hasEnded == true }
            let elapsed = try seconds { () throws in
                gate.process.signal(SIGTERM)
                try other.readUntil { other.answers[stream]?.resetCode != nil }
                #expect(other.answers[stream]?.resetCode == 0)
                other.close()
                #expect(gate.process.waitForExit(within: 20) == .code(0))
            }
            #expect(elapsed < 5)
        }

        @Test func `answers all that a client has pipelined, and closes with the last`() throws {
            let go = Flag()
            let backend = try Self.held(go)
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            let batch =
                request("GET", "/a1") + blocked + request("GET", "/a2") + blocked
                + request("GET", "/a3")
            try client.send(batch)
            #expect(eventually { backend.requests.count == 1 })
            gate.process.signal(SIGTERM)
            #expect(isDraining(gate))
            go.raise()
            for (status, closes) in [
                (200, nil), (405, nil), (200, nil), (405, nil), (200, "close"),
            ] {
                let answer = try client.readFinalAnswer()
                #expect(answer.status == status)
                #expect(answer.value("Connection") == closes)
            }
            #expect(try client.isClosed(within: 10))
            #expect(gate.process.waitForExit(within: 10) == .code(0))
        }

        @Test func `closes with the last of pipelined requests where it is blocked`() throws {
            let go = Flag()
            let backend = try Self.held(go)
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET", "/a1") + blocked + blocked)
            #expect(eventually { backend.requests.count == 1 })
            gate.process.signal(SIGTERM)
            #expect(isDraining(gate))
            go.raise()
            let answers = try (0..<3).map { _ in try client.readFinalAnswer() }
            #expect(answers.map(\.status) == [200, 405, 405])
            #expect(answers.map { $0.value("Connection") } == [nil, nil, "close"])
            #expect(gate.process.waitForExit(within: 10) == .code(0))
        }

        @Test func `has an end for a client that always sends one more`() throws {
            // Slow enough that one is always under way: a connection without any just ends.
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    Thread.sleep(forTimeInterval: 0.02)
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            }
            defer { backend.stop() }
            let rest = "timeouts: {drain: 1s}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET"))
            var last: String?
            var isAsked = false
            for number in 0..<1_000_000 where last == nil {
                try client.send(request("GET"))
                last = try client.readFinalAnswer().value("Connection")
                guard number == 5 else { continue }
                gate.process.signal(SIGTERM)
                isAsked = true
            }
            #expect(isAsked)
            #expect(last == "close")
            #expect(gate.process.waitForExit(within: 10) == .code(0))
        }

        @Test func `ends as soon as nothing is left to do`() throws {
            let go = Flag()
            let backend = try Self.held(go)
            defer { backend.stop() }
            let rest = "timeouts: {drain: 60s}"
            let gate = try GateProcess(configuration(backend.address, workers: 2, rest: rest))
            defer { end(gate) }
            var idle: [RawClient] = []
            for _ in 0..<8 {
                let client = try gate.connect()
                try client.send(blocked)
                #expect(try client.readFinalAnswer().status == 405)
                idle.append(client)
            }
            let busy = try gate.connect(patience: 20)
            defer { busy.close() }
            try busy.send(request("GET", "/a1"))
            #expect(eventually { backend.requests.count == 1 })
            gate.process.signal(SIGTERM)
            for client in idle { #expect(try client.isClosed(within: 10)) }
            #expect(gate.process.exitStatus == nil)
            go.raise()
            #expect(try busy.readFinalAnswer().status == 200)
            busy.close()
            // Long before the drain's limit.
            #expect(gate.process.waitForExit(within: 20) == .code(0))
        }

        @Test func `cuts off a stream that outlasts it, and records that`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegun")
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let directory = try TemporaryDirectory()
            let file = directory.path("access.jsonl")
            let rest = """
                timeouts: {drain: 1s}
                log: {access: {to: file \(file)}}
                """
            let gate = try GateProcess(configuration(backend.address, rest: rest), in: directory)
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET"))
            #expect(try client.readHead().status == 200)
            gate.process.signal(SIGTERM)
            #expect(gate.process.waitForExit(within: 20) == .code(0))
            _ = try client.readToEnd()
            #expect(client.wasReset)
            let record = try #require(try BlockLog(file: file).records().first)
            #expect(record["event.reason"]?.contains("timeouts.drain") == true)
            #expect(record.integer("http.response.status_code") == 200)
            #expect(
                gate.process.standardError.contains(
                    "1 request or tunnel cut off: longer than timeouts.drain"))
        }
    }
}
