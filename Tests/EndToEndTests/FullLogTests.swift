// What is told of records that a full log costs, and what clients are answered whose records it
// was full in the middle of.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `A full log` {
        private let backend: ScriptedBackend
        private let directory: TemporaryDirectory
        private var file: String { directory.path("blocks.jsonl") }
        private var access: String { directory.path("access.jsonl") }

        init() throws {
            backend = try ScriptedBackend.echo()
            directory = try TemporaryDirectory()
        }

        private func rest(_ onFull: String) -> String {
            """
            timeouts: {log: 10s, drain: 1s}
            log:
              blocks: {to: file \(file), on_full: \(onFull)}
              access: {to: file \(access)}
            """
        }

        private func start(_ onFull: String) throws -> GateProcess {
            try GateProcess(configuration(backend.address, rest: rest(onFull)), in: directory)
        }

        private func accessLines() -> [LogRecord] {
            (try? BlockLog(file: access).records()) ?? []
        }

        /// Of requests that nobody was answered.
        private func expectUnanswered(_ lines: [LogRecord], _ ids: [String?]) {
            #expect(lines.map { $0["event.id"] } == ids)
            for line in lines {
                #expect(line["event.action"] == "method-blocked")
                #expect(line.values["http.response.status_code"] == nil)
                #expect(line["methodgate.answered_by"] == nil)
                #expect(line.integer("http.response.body.bytes") == 0)
                #expect(line["ecs.version"] != nil)
            }
        }

        // MARK: The end

        @Test(arguments: [("block", 3), ("drop", 3), ("refuse", nil)] as [(String, Int?)])
        func `is named at the end, with the number of its records`(
            _ onFull: String, _ count: Int?
        ) throws {
            // Nobody reads it.
            #expect(mkfifo(file, 0o600) == 0)
            let gate = try start(onFull)
            defer { gate.stop() }
            let clients = try (0..<2).map { _ in try gate.connect() }
            defer { for client in clients { client.close() } }
            for client in clients {
                try client.send(blocked)
                if onFull != "block" { _ = try client.readFinalAnswer() }
            }
            usleep(300_000)
            gate.process.signal(SIGTERM)
            #expect(gate.process.waitForExit(within: 20) == .code(74))
            let log = "lost: the block log \(file) took nothing to the end: No such device"
            #expect(gate.process.standardError.contains(log))
            if let count {
                // The configuration's and those of both requests.
                #expect(gate.process.standardError.contains("\(count) records are " + log))
            }
            guard onFull == "block" else { return }
            #expect(accessLines().count == 2)
            expectUnanswered(accessLines(), accessLines().map { $0["event.id"] })
        }

        @Test func `of what passed is named at the end, too`() throws {
            #expect(mkfifo(access, 0o600) == 0)
            let gate = try start("block")
            defer { gate.stop() }
            for _ in 0..<2 {
                #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            }
            gate.process.signal(SIGTERM)
            #expect(gate.process.waitForExit(within: 20) == .code(74))
            let log = "lost: the access log \(access) took nothing to the end"
            #expect(gate.process.standardError.contains("2 records are " + log))
            #expect(!gate.process.standardError.contains("lost: the block log"))
        }

        // MARK: A disk that fills within a record

        private func limitFiles(of gate: GateProcess, to size: Int?) throws {
            let limit = size.map(String.init) ?? "unlimited"
            let command = try ChildProcess(
                "/usr/bin/env",
                ["prlimit", "--pid", "\(gate.process.identifier)", "--fsize=\(limit):unlimited"])
            #expect(command.waitForExit(within: 10) == .code(0))
        }

        private var size: Int {
            (try? Data(contentsOf: URL(fileURLWithPath: file)))?.count ?? 0
        }

        /// Has room for 100 bytes of a record behind the next `whole` ones.
        private func fill(_ gate: GateProcess, whole: Int = 0) throws {
            let answer = try RawClient.exchange(gate.address, request("PATCH", "/0"))
            #expect(answer.status == 405)
            let line = try #require(try BlockLog(file: file).lines.last)
            try limitFiles(of: gate, to: size + whole * (line.count + 1) + 100)
        }

        @Test(arguments: ["drop", "refuse"], [true, false])
        func `tells what it lost when it has room, or at the end`(
            _ onFull: String, isEnding: Bool
        ) throws {
            let gate = try start(onFull)
            defer { end(gate) }
            try fill(gate)
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("PATCH", "/1") + request("PATCH", "/2"))
            let file = file
            #expect(eventually { (try? BlockLog(file: file).partial.count) == 100 })
            if onFull == "drop" {
                for _ in 0..<2 { #expect(try client.readFinalAnswer().status == 405) }
            }
            usleep(300_000)
            gate.process.signal(SIGSTOP)
            try limitFiles(of: gate, to: nil)
            if isEnding { gate.process.signal(SIGTERM) }
            gate.process.signal(SIGCONT)
            if isEnding { #expect(gate.process.waitForExit(within: 20) == .code(0)) }
            // No other record comes.
            let isTold = eventually {
                let last = try? BlockLog(file: file).records().last
                return last?["event.action"] == "records-dropped"
            }
            #expect(isTold)
            let last = try #require(try BlockLog(file: file).records().last)
            #expect(last.integer("methodgate.dropped") == 1)
            #expect(last.integer("event.sequence") == 5)
        }

        @Test func `keeps its word on a record that it cut, with on_full refuse`() throws {
            let gate = try start("refuse")
            defer { end(gate) }
            try fill(gate, whole: 1)
            let client = try gate.connect()
            defer { client.close() }
            try client.send(
                request("PATCH", "/1") + request("PATCH", "/2") + request("PATCH", "/3")
                    + request("PATCH", "/4"))
            let file = file
            #expect(eventually { ((try? BlockLog(file: file).partial.count) ?? 0) > 50 })
            // Whom it does not concern is answered.
            #expect(try RawClient.exchange(gate.address, blocked).status == 503)
            #expect(try !client.isClosed(within: 0.5))
            #expect(client.buffer.isEmpty)
            try limitFiles(of: gate, to: nil)
            let answers = try (0..<3).map { _ in try client.readFinalAnswer() }
            #expect(answers.map(\.status) == [405, 405, 503])
            #expect(try client.isClosed(within: 8))
            let log = try BlockLog(file: file).byEvent()
            for (answer, path) in zip(answers, ["/1", "/2"]) {
                let record = log[answer.value("Methodgate-Event") ?? ""]
                #expect(record?["url.path"] == path)
                #expect(record?.integer("http.response.status_code") == 405)
            }
            #expect(!log.values.contains { $0["url.path"] == "/3" || $0["url.path"] == "/4" })
            #expect(eventually { accessLines().count == 6 })
            let lines = accessLines().filter { ["/1", "/2", "/3", "/4"].contains($0["url.path"]) }
            #expect(
                lines.map { $0.integer("http.response.status_code") } == [405, 405, 503, nil])
        }

        // MARK: Clients that leave

        @Test func `has an access line of who left while it held the answer`() throws {
            let pipe = try LogPipe.make(at: file)
            defer { close(pipe) }
            let gate = try start("block")
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            #expect(eventually { accessLines().count == 1 })
            LogPipe.fill(pipe)
            let client = try gate.connect()
            try client.send(blocked + blocked)
            usleep(200_000)
            client.reset()
            usleep(300_000)
            #expect(accessLines().count == 1, "the block record comes first")
            var written = Bytes()
            #expect(
                eventually {
                    LogPipe.drain(pipe, &written)
                    return accessLines().count >= 3
                })
            usleep(200_000)
            LogPipe.drain(pipe, &written)
            let records = try BlockLog(written).records().filter(\.isAboutRequest)
            #expect(records.count == 2)
            expectUnanswered(
                Array(accessLines().dropFirst()), records.map { $0["event.id"] })
        }

        @Test func `or none has an access line of a stream that is reset at once`() throws {
            let gate = try GateProcess(
                speaking(backend.address, rest: rest("block")), in: directory)
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            defer { client.close() }
            #expect(try client.exchange(HTTP2Field.request()).status == 200)
            for _ in 0..<3 {
                let stream = client.takeStream()
                try client.send(
                    .headers(stream, HTTP2Field.request("PATCH"), ends: true), .reset(stream))
            }
            #expect(try client.exchange(HTTP2Field.request()).status == 200)
            #expect(eventually { accessLines().count >= 5 })
            let records = try BlockLog(file: file).records().filter(\.isAboutRequest)
            #expect(records.count == 3)
            expectUnanswered(
                accessLines().filter { $0["event.action"] != "request-served" },
                records.map { $0["event.id"] })
        }
    }
}
