// Nobody gets into a tunnel that is not in the log, whatever happens to the process or the log.

import Foundation
import Glibc
import TestSupport
import Testing

private func log(to file: String, _ onFull: String, patience: String = "500ms") -> String {
    """
    timeouts: {log: \(patience), drain: 1s}
    log: {blocks: {to: file \(file), on_full: \(onFull)}}
    """
}

extension `End to end` {
    struct `The log of tunnels` {
        private let backend: ScriptedBackend
        private let directory: TemporaryDirectory
        private var file: String { directory.path("blocks.jsonl") }

        init() throws {
            backend = try echoing()
            directory = try TemporaryDirectory()
        }

        private func start(_ rest: String, workers: Int = 1) throws -> GateProcess {
            try GateProcess(granting(backend.address, rest, workers: workers), in: directory)
        }

        @Test func `holds every start a client saw, though the gate is killed`() throws {
            let gate = try start(log(to: file, "block"), workers: 2)
            let seen = Collected<String>()
            let killer = Thread {
                _ = eventually { seen.count > 50 }
                gate.process.signal(SIGKILL)
            }
            killer.start()
            let errors = inThreads(4) { thread in
                for number in 0... {
                    let client = try gate.connect()
                    defer { client.close() }
                    let id = "\(thread)-\(number)"
                    try client.send(handshake.replacing("abc-1", with: id))
                    guard try client.readAnswer().status == 101 else { continue }
                    seen.append(id)
                    _ = try client.isEchoed("hello")
                }
            }
            #expect(errors.count == 4)
            #expect(gate.process.waitForExit(within: 20) == .signal(SIGKILL))
            let whole = try BlockLog(lines: BlockLog(file: file).lines).records()
                .filter { $0["event.action"] == "tunnel-started" }
                .compactMap { $0["http.request.id"] }
            #expect(seen.count > 50)
            #expect(Set(seen.all).subtracting(whole).isEmpty)
        }

        @Test(arguments: [true, false])
        func `stands in the access log as served, however the tunnel ends`(
            isOrderly: Bool
        ) throws {
            let access = directory.path("access.jsonl")
            let gate = try start("log: {access: {to: file \(access)}}")
            defer { end(gate) }
            let client = try gate.tunnel()
            defer { client.close() }
            #expect(try client.isEchoed("hello"))
            if isOrderly {
                client.halfClose()
                _ = try client.readToEnd()
            } else {
                client.reset()
            }
            #expect(eventually { (try? BlockLog(file: access).lines.count) == 1 })
            let record = try #require(try BlockLog(file: access).records().first)
            #expect(record["event.action"] == "request-served")
            #expect(record["methodgate.answered_by"] == "backend")
            #expect(record.integer("http.response.status_code") == 101)
        }

        @Test func `has an end for every start, chained in each worker`() throws {
            let gate = try start(log(to: file, "block"), workers: 2)
            let errors = inThreads(4) { _ in
                for number in 0..<25 {
                    let client = try gate.tunnel()
                    #expect(try client.isEchoed("hello"))
                    if number.isMultiple(of: 3) { client.reset() } else { client.close() }
                }
            }
            #expect(errors.isEmpty)
            end(gate)
            let whole = try BlockLog(file: file)
            try whole.verifyChain()
            let records = try whole.records()
            let starts = records.filter { $0["event.action"] == "tunnel-started" }
            let ends = records.filter { $0["event.action"] == "tunnel-ended" }
            #expect(starts.count == 100 && ends.count == 100)
            #expect(Set(starts.compactMap { $0["event.id"] }).count == 100)
            #expect(
                Set(starts.compactMap { $0["event.id"] }) == Set(ends.compactMap { $0["event.id"] })
            )
        }

        @Test func `that takes nothing closes a tunnel unseen with on_full block`() throws {
            let gate = try start(log(to: "/dev/full", "block"))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(handshake + "early")
            let elapsed = try seconds { () throws in #expect(try client.readToEnd().isEmpty) }
            #expect(elapsed > 0.3 && elapsed < 8)
            #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
            #expect(
                backend.connections.allSatisfy { !String(latin1: $0.received).contains("early") })
        }

        @Test func `that takes nothing is a 503 with on_full refuse`() throws {
            let gate = try start(log(to: "/dev/full", "refuse"))
            defer { end(gate) }
            for _ in 0..<2 {
                let client = try gate.connect()
                defer { client.close() }
                try client.send(handshake)
                let answer = try client.readAnswer()
                #expect(answer.status == 503)
                #expect(answer.values("Upgrade").isEmpty)
                #expect(try client.isClosed(within: 8))
            }
            #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
        }

        @Test func `that takes nothing is passed by with on_full drop`() throws {
            let gate = try start(log(to: "/dev/full", "drop"))
            defer { end(gate) }
            let client = try gate.tunnel()
            defer { client.close() }
            #expect(try client.isEchoed("hello"))
        }

        /// A gate whose log has had its first record, and then has no room.
        private func stuck(
            _ onFull: String, _ descriptor: Int32, _ other: ScriptedBackend? = nil
        ) throws -> GateProcess {
            let rest = log(to: file, onFull, patience: "10s")
            let gate = try GateProcess(
                granting((other ?? backend).address, rest), in: directory)
            var first = Bytes()
            #expect(try RawClient.exchange(gate.address, blocked).status == 405)
            LogPipe.drain(descriptor, &first)
            LogPipe.fill(descriptor)
            return gate
        }

        @Test func `holds both directions back until there is room`() throws {
            let descriptor = try LogPipe.make(at: file)
            defer { close(descriptor) }
            let heard = Collected<Bytes>()
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send(accepted + "hello")
                heard.append(try connection.readRaw(5))
                heard.append(try connection.readRaw(4))
            }
            defer { backend.stop() }
            let gate = try stuck("block", descriptor, backend)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(handshake + "early")
            usleep(200_000)
            try client.send("late")
            #expect(try !client.isClosed(within: 0.4))
            #expect(client.buffer.isEmpty && heard.count == 0)
            var written = Bytes()
            LogPipe.drain(descriptor, &written)
            #expect(try client.readAnswer().status == 101)
            #expect(try client.readRaw(5) == Bytes("hello".utf8))
            #expect(eventually { heard.all == [Bytes("early".utf8), Bytes("late".utf8)] })
            LogPipe.drain(descriptor, &written)
            let records = try BlockLog(written).records()
            #expect(records.first?["event.action"] == "tunnel-started")
        }

        @Test func `holds an end back that came meanwhile`() throws {
            let descriptor = try LogPipe.make(at: file)
            defer { close(descriptor) }
            let heard = Collected<Bytes>()
            let backend = try switching { connection in
                heard.append(try connection.readRaw(.max))
            }
            defer { backend.stop() }
            let gate = try stuck("block", descriptor, backend)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(handshake + "early")
            usleep(200_000)
            client.halfClose()
            usleep(200_000)
            #expect(heard.count == 0)
            var written = Bytes()
            LogPipe.drain(descriptor, &written)
            #expect(try client.readAnswer().status == 101)
            #expect(try client.readToEnd().isEmpty)
            #expect(heard.all == [Bytes("early".utf8)])
        }

        @Test func `takes a switch that waited back for a 503`() throws {
            let descriptor = try LogPipe.make(at: file)
            defer { close(descriptor) }
            let gate = try stuck("refuse", descriptor)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(handshake)
            #expect(try client.readAnswer().status == 503)
            #expect(try client.isClosed(within: 8))
            var written = Bytes()
            LogPipe.drain(descriptor, &written)
            #expect(
                try eventually {
                    _ = try RawClient.exchange(gate.address, blocked)
                    LogPipe.drain(descriptor, &written)
                    return try BlockLog(written).records()
                        .contains { $0["event.action"] == "method-blocked" }
                })
            let records = try BlockLog(written).records()
            // Its start is the one that was dropped; what never began has no end.
            #expect(records.first?["event.action"] == "records-dropped")
            #expect(records.first?.integer("methodgate.dropped_total") == 1)
            #expect(!records.contains { $0["event.action"]?.hasPrefix("tunnel-") == true })
        }

        @Test func `counts a start that was dropped, and has the end`() throws {
            let descriptor = try LogPipe.make(at: file)
            defer { close(descriptor) }
            let gate = try stuck("drop", descriptor)
            defer { end(gate) }
            let client = try gate.tunnel()
            #expect(try client.isEchoed("hello"))
            var written = Bytes()
            LogPipe.drain(descriptor, &written)
            usleep(300_000)
            client.close()
            #expect(
                try eventually {
                    LogPipe.drain(descriptor, &written)
                    return try BlockLog(written).records()
                        .contains { $0["event.action"] == "tunnel-ended" }
                })
            let records = try BlockLog(written).records()
            #expect(records.map { $0["event.action"] } == ["records-dropped", "tunnel-ended"])
            #expect(records.last?.integer("methodgate.dropped_total") == 1)
        }
    }
}
