// The block log's promises: nothing a client saw is missing, whatever happens to the process,
// the file or the disk.

import Foundation
import Glibc
import Memory
import TestSupport
import Testing

/// The part of a configuration that sends block records to a file.
private func log(to file: String, onFull: String = "block") -> String {
    """
    timeouts:
      log: 500ms
      drain: 1s
    log:
      blocks:
        to: file \(file)
        on_full: \(onFull)
    """
}

extension `End to end` {
    struct `The block log` {
        private let backend: ScriptedBackend
        private let directory: TemporaryDirectory
        private var file: String { directory.path("blocks.jsonl") }

        init() throws {
            backend = try ScriptedBackend.echo()
            directory = try TemporaryDirectory()
        }

        private func start(_ rest: String, workers: Int = 1) throws -> GateProcess {
            try GateProcess(
                configuration(backend.address, workers: workers, rest: rest), in: directory)
        }

        /// Sends a blocked request and gives the event id of the answer.
        @discardableResult
        private func block(_ client: RawClient) throws -> String {
            try client.send(blocked)
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 405)
            return try #require(answer.value("Methodgate-Event"))
        }

        @Test(arguments: ["block", "refuse"])
        func `holds every block a client saw, though the gate is killed`(_ onFull: String) throws {
            for _ in 0..<3 {
                let gate = try start(log(to: file, onFull: onFull), workers: 2)
                let seen = Collected<String>()
                let killer = Thread {
                    _ = eventually { seen.count > 300 }
                    gate.process.signal(SIGKILL)
                }
                killer.start()
                let errors = inThreads(4) { _ in
                    while true {
                        let client = try gate.connect()
                        defer { client.close() }
                        for _ in 0..<50 {
                            // Three at once, so that several share a write.
                            try client.send(blocked + blocked + blocked)
                            for _ in 0..<3 {
                                let answer = try client.readFinalAnswer()
                                if let id = answer.value("Methodgate-Event") { seen.append(id) }
                            }
                        }
                    }
                }
                #expect(errors.count == 4)
                #expect(gate.process.waitForExit(within: 20) == .signal(SIGKILL))
                let whole = Set(
                    BlockLog(lines: try BlockLog(file: file).lines).lines
                        .compactMap { try? LogRecord($0)["event.id"] })
                #expect(seen.count > 300)
                #expect(Set(seen.all).subtracting(whole).isEmpty)
                try FileManager.default.removeItem(atPath: file)
            }
        }

        @Test func `counts without gaps and chains its records, for each worker`() throws {
            let gate = try start(log(to: file), workers: 3)
            let errors = inThreads(8) { _ in
                for _ in 0..<20 {
                    let client = try gate.connect()
                    defer { client.close() }
                    try client.send(blocked + blocked)
                    _ = try client.readFinalAnswer()
                    _ = try client.readFinalAnswer()
                }
            }
            #expect(errors.isEmpty)
            end(gate)
            let whole = try BlockLog(file: file)
            try whole.verifyChain()
            #expect(whole.partial.isEmpty)
            #expect(try whole.byEvent().count == 320)
            let streams = Set(try whole.records().compactMap { $0["methodgate.stream"] })
            #expect(streams.count == 3)
        }

        @Test func `blocks with on_full block: no answer without a record`() throws {
            let gate = try start(log(to: "/dev/full"))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(blocked)
            let elapsed = try seconds { () throws in #expect(try client.readToEnd().isEmpty) }
            #expect(elapsed > 0.3 && elapsed < 8)
            // What is allowed goes on meanwhile.
            let other = try gate.connect()
            defer { other.close() }
            try other.send(blocked)
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
        }

        @Test func `waits for the log even where an answer does not name its record`() throws {
            let rules =
                "hosts:\n  a.example:\n    rules:\n      /none: {methods: [GET], attribution: none}\n"
            let gate = try start(rules + log(to: "/dev/full"))
            defer { gate.stop() }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("DELETE", "/none"))
            #expect(try client.readToEnd().isEmpty)
        }

        // The content that comes with a head is dropped, which has a time of its own.
        @Test(arguments: ["Content-Length: 5\r\n\r\nhello", "Content-Length: 9\r\n\r\nhello"])
        func `keeps nobody for longer, content or not, once it takes nothing`(
            _ content: String
        ) throws {
            let gate = try start(log(to: "/dev/full"))
            defer { gate.stop() }
            _ = try? RawClient.exchange(gate.address, blocked)
            for _ in 0..<2 {
                let client = try gate.connect()
                defer { client.close() }
                try client.send("POST / HTTP/1.1\r\nHost: a.example\r\n" + content)
                #expect(try client.isClosed(within: 5))
                #expect(client.buffer.isEmpty)
            }
        }

        @Test func `has no say in an idle connection's time once it takes records again`() throws {
            let descriptor = try LogPipe.make(at: file)
            defer { close(descriptor) }
            let gate = try start(log(to: file).replacing("500ms", with: "2s"))
            defer { end(gate) }
            var written = Bytes()
            LogPipe.drain(descriptor, &written)
            LogPipe.fill(descriptor)
            let client = try gate.connect()
            defer { client.close() }
            try client.send(blocked)
            #expect(try !client.isClosed(within: 0.5))
            LogPipe.drain(descriptor, &written)
            #expect(try client.readFinalAnswer().status == 405)
            #expect(try !client.isClosed(within: 3))
            try client.send(request("GET"))
            #expect(try client.readFinalAnswer().status == 200)
        }

        @Test func `takes a full pipe for full only when its reader rests`() throws {
            #expect(mkfifo(file, 0o600) == 0)
            let reader = open(file, O_RDWR | O_CLOEXEC)
            #expect(reader >= 0)
            let gate = try start(log(to: file, onFull: "drop"))
            defer { gate.stop() }
            let done = Lock(false)
            let total = Lock("")
            let thread = Thread {
                var space = [UInt8](repeating: 0, count: 65536)
                while !done.withLock({ $0 }) {
                    let count = read(reader, &space, space.count)
                    guard count > 0 else { break }
                    total.withLock { $0 += String(decoding: space[..<count], as: UTF8.self) }
                }
            }
            thread.start()
            // Far more records in one go than a pipe holds.
            let client = try gate.connect()
            defer { client.close() }
            try client.send(String(repeating: blocked, count: 400))
            for _ in 0..<400 { #expect(try client.readFinalAnswer().status == 405) }
            #expect(
                eventually {
                    total.withLock { $0.split(separator: "\n") }
                        .count { $0.contains("\"method-blocked\"") } >= 400
                })
            #expect(!total.withLock { $0.contains("records-dropped") })
            done.withLock { $0 = true }
            gate.stop()
            _ = write(reader, "\n", 1)
        }

        @Test func `refuses with on_full refuse`() throws {
            let gate = try start(log(to: "/dev/full", onFull: "refuse"))
            defer { end(gate) }
            let answer = try RawClient.exchange(gate.address, blocked)
            #expect(answer.status == 503)
            #expect(answer.values("Allow").isEmpty)
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
        }

        @Test func `answers with on_full drop`() throws {
            let gate = try start(log(to: "/dev/full", onFull: "drop"))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            for _ in 0..<3 { try block(client) }
        }

        @Test func `waits for room in a pipe, then answers`() throws {
            let descriptor = try LogPipe.make(at: file)
            defer { close(descriptor) }
            let rest = log(to: file).replacing("500ms", with: "10s")
            let gate = try start(rest)
            defer { end(gate) }
            var written = Bytes()
            LogPipe.drain(descriptor, &written)
            LogPipe.fill(descriptor)
            let client = try gate.connect()
            defer { client.close() }
            try client.send(blocked)
            #expect(try !client.isClosed(within: 0.3))
            #expect(client.buffer.isEmpty)
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            LogPipe.drain(descriptor, &written)
            let id = try client.readFinalAnswer().value("Methodgate-Event")
            #expect(id != nil)
            LogPipe.drain(descriptor, &written)
            #expect(try BlockLog(written).byEvent().keys.contains(id ?? ""))
            try BlockLog(written).verifyChain()
        }

        @Test func `says how many were dropped once there is room again`() throws {
            let descriptor = try LogPipe.make(at: file)
            defer { close(descriptor) }
            let gate = try start(log(to: file, onFull: "drop"))
            defer { end(gate) }
            var written = Bytes()
            LogPipe.drain(descriptor, &written)
            LogPipe.fill(descriptor)
            let client = try gate.connect()
            defer { client.close() }
            for _ in 0..<5 { try block(client) }
            LogPipe.drain(descriptor, &written)
            _ = eventually(within: 20) {
                _ = try? block(client)
                LogPipe.drain(descriptor, &written)
                let records = (try? BlockLog(written).records()) ?? []
                return records.contains { ($0.integer("methodgate.dropped_total") ?? 0) >= 5 }
            }
            let records = try BlockLog(written).records()
            let last = try #require(records.last)
            #expect((last.integer("methodgate.dropped_total") ?? 0) >= 5)
            // The numbers of the dropped records are consumed.
            let numbers = records.compactMap { $0.integer("event.sequence") }
            #expect(numbers == numbers.sorted())
            #expect((numbers.last ?? 0) > records.count)
        }

        @Test func `moves to a new file on SIGUSR1 and loses nothing`() throws {
            let gate = try start(log(to: file))
            defer { end(gate) }
            let seen = Collected<String>()
            let isDone = Flag()
            let traffic = Thread {
                while !isDone.isRaised {
                    guard let answer = try? RawClient.exchange(gate.address, blocked) else {
                        continue
                    }
                    if let id = answer.value("Methodgate-Event") { seen.append(id) }
                }
            }
            traffic.start()
            var files: [String] = []
            for number in 1...3 {
                let old = directory.path("blocks.\(number)")
                #expect(rename(file, old) == 0)
                files.append(old)
                gate.process.signal(SIGUSR1)
                let file = file
                #expect(eventually { FileManager.default.fileExists(atPath: file) })
                usleep(50_000)
            }
            isDone.raise()
            #expect(eventually { traffic.isFinished })
            let all = try (files + [file]).flatMap { try BlockLog(file: $0).lines }
            try BlockLog(lines: all).verifyChain()
            let logged = try BlockLog(lines: all).byEvent().keys
            #expect(seen.count > 10)
            #expect(Set(seen.all).subtracting(logged).isEmpty)
            #expect(try !BlockLog(file: file).lines.isEmpty)
        }

        @Test func `follows when the file is moved away`() throws {
            let gate = try start(log(to: file))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try block(client)
            #expect(rename(file, file + ".1") == 0)
            #expect(FileManager.default.createFile(atPath: file, contents: nil))
            #expect(
                try eventually(within: 20) {
                    try block(client)
                    usleep(100_000)
                    return try !BlockLog(file: file).lines.isEmpty
                })
            let all = try BlockLog(file: file + ".1").lines + BlockLog(file: file).lines
            try BlockLog(lines: all).verifyChain()
        }

        @Test func `refuses where a FIFO that nobody reads took a deleted log's place`() throws {
            let gate = try start(log(to: file, onFull: "refuse"))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try block(client)
            #expect(unlink(file) == 0)
            #expect(mkfifo(file, 0o600) == 0)
            for _ in 0..<2 {
                #expect(try RawClient.exchange(gate.address, blocked).status == 503)
                usleep(1_500_000)
            }
            let reader = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            defer { close(reader) }
            let gateway = gate.address
            #expect(try eventually { try RawClient.exchange(gateway, blocked).status == 405 })
            var written = Bytes()
            LogPipe.drain(reader, &written)
            let actions = try BlockLog(written).records().compactMap { $0["event.action"] }
            #expect(actions.contains("method-blocked"))
            #expect(
                eventually {
                    LogPipe.drain(reader, &written)
                    let records = (try? BlockLog(written).records()) ?? []
                    return records.contains { $0["event.action"] == "log-reopened" }
                })
        }

        /// How long files may become that the gate writes; nil: as long as they like.
        private func limitFiles(of gate: GateProcess, to size: Int?) throws {
            let limit = size.map(String.init) ?? "unlimited"
            let command = try ChildProcess(
                "/usr/bin/env",
                ["prlimit", "--pid", "\(gate.process.identifier)", "--fsize=\(limit):unlimited"])
            #expect(command.waitForExit(within: 10) == .code(0))
        }

        @Test func `says once in the new file that it moved, though a line was cut then`() throws {
            let file = file
            let gate = try start(log(to: file))
            defer { end(gate) }
            #expect(try eventually { try BlockLog(file: file).lines.count == 1 })
            let size = try Data(contentsOf: URL(fileURLWithPath: file)).count
            try limitFiles(of: gate, to: size + 100)
            let client = try gate.connect()
            defer { client.close() }
            try client.send(blocked)
            #expect(try eventually { try BlockLog(file: file).partial.count == 100 })
            let old = directory.path("blocks.1")
            #expect(rename(file, old) == 0)
            gate.process.signal(SIGUSR1)
            usleep(1_500_000)
            #expect(!FileManager.default.fileExists(atPath: file))
            try limitFiles(of: gate, to: nil)
            #expect(
                eventually {
                    let new = try? BlockLog(file: file).records()
                    return new?.contains { $0["event.action"] == "log-reopened" } == true
                })
            // Another look of the gate finds nothing more to say.
            usleep(1_500_000)
            let new = try BlockLog(file: file).records()
            #expect(new.count { $0["event.action"] == "log-reopened" } == 1)
            let all = try BlockLog(file: old).lines + BlockLog(file: file).lines
            try BlockLog(lines: all).verifyChain()
        }

        @Test func `keeps the old file when a new one cannot be made`() throws {
            let folder = directory.path("logs")
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false)
            let gate = try start(log(to: folder + "/blocks.jsonl"))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try block(client)
            #expect(rename(folder, folder + ".moved") == 0)
            gate.process.signal(SIGUSR1)
            usleep(200_000)
            let id = try block(client)
            let logged = try BlockLog(file: folder + ".moved/blocks.jsonl").byEvent()
            #expect(logged[id] != nil)
        }

        @Test func `appends to what is there`() throws {
            try "{\"old\":\"line\"}\n".write(toFile: file, atomically: false, encoding: .utf8)
            let gate = try start(log(to: file))
            let client = try gate.connect()
            try block(client)
            client.close()
            end(gate)
            #expect(try BlockLog(file: file).lines.first == Bytes("{\"old\":\"line\"}".utf8))
        }

        @Test func `is joined by an access log where one is asked for`() throws {
            let access = directory.path("access.jsonl")
            let gate = try start("log:\n  access:\n    to: file \(access)")
            let answer = try RawClient.exchange(gate.address, request("GET", "/seen?x=1"))
            #expect(answer.status == 200)
            end(gate)
            let records = try BlockLog(file: access).records()
            let record = try #require(records.first { $0["url.path"] == "/seen" })
            #expect(record["http.request.method"] == "GET")
            #expect(record.integer("http.response.status_code") == 200)
            #expect(record["url.original"]?.contains("x=1") != true)
        }
    }
}
