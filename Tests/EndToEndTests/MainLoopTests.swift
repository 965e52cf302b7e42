// The main loop goes round whatever happens around it: it reloads, drains and gives signs of life.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `The main loop` {
        private let backend: ScriptedBackend
        private let directory: TemporaryDirectory

        init() throws {
            backend = try ScriptedBackend.echo()
            directory = try TemporaryDirectory()
        }

        /// A configuration with an admin endpoint.
        private func observed(_ methods: String = "[GET]", rest: String = "") -> String {
            "admin: {'address': '127.0.0.1:0'}\ncontrol: off\n"
                + configuration(backend.address, workers: 2, methods: methods, rest: rest)
        }

        /// The address that a start message names.
        private func address(after words: String, in said: String) -> Address? {
            let line = said.split(separator: "\n").first { $0.contains(words) }
            return Address(line?.split(separator: " ").last ?? "")
        }

        private func admin(of gate: GateProcess) throws -> Address {
            var found: Address?
            _ = eventually {
                found = address(after: "admin endpoint on ", in: gate.process.standardError)
                return found != nil
            }
            return try #require(found)
        }

        private func get(_ path: String, _ admin: Address) throws -> WireMessage {
            try RawClient.exchange(
                admin, "GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        }

        private func reloads(_ admin: Address) throws -> Int {
            let page = String(decoding: try get("/metrics", admin).content, as: UTF8.self)
            let line = page.split(separator: "\n").first {
                $0.hasPrefix("methodgate_reloads_total{result=\"success\"}")
            }
            return try #require(line?.split(separator: " ").last.flatMap { Int($0) })
        }

        // MARK: Standard error

        enum Stream: CaseIterable { case pipe, socket }

        /// Two ends of what the gate writes to, both to be closed by whoever takes them.
        private func ends(of stream: Stream) -> (reader: Int32, writer: Int32) {
            var ends: [Int32] = [-1, -1]
            switch stream {
            case .pipe:
                #expect(pipe(&ends) == 0)
                for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            case .socket:
                let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
                #expect(socketpair(AF_UNIX, kind, 0, &ends) == 0)
            }
            return (ends[0], ends[1])
        }

        /// Fills it to the last byte, without changing flags that the gate shares.
        private func fill(_ writer: Int32, _ stream: Stream) {
            let block = Bytes(repeating: 0x23, count: 4096)
            switch stream {
            case .pipe:
                let own = open("/proc/self/fd/\(writer)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
                defer { close(own) }
                for size in [4096, 1] { while write(own, block, size) > 0 {} }
            case .socket:
                for size in [4096, 1] {
                    while send(writer, block, size, Int32(MSG_DONTWAIT)) > 0 {}
                }
            }
        }

        /// All that is said until the gate accepts.
        private func startMessages(_ reader: Int32) throws -> String {
            var said = ""
            var space = Bytes(repeating: 0, count: 4096)
            let deadline = Deadline(seconds: 30)
            while !said.contains("admin endpoint on ") || !said.hasSuffix("\n") {
                var entry = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
                guard poll(&entry, 1, deadline.milliseconds) > 0 else {
                    throw TimedOut("the gate said: \(said)")
                }
                let count = read(reader, &space, space.count)
                guard count > 0 else { throw TimedOut("the gate said: \(said)") }
                said += String(decoding: space[..<count], as: UTF8.self)
            }
            return said
        }

        @Test(arguments: Stream.allCases)
        func `waits for nobody who reads its log and its messages`(_ stream: Stream) throws {
            defer { backend.stop() }
            let file = directory.path("methodgate.yaml")
            let rest = "timeouts: {drain: 500ms}\nlog: {blocks: {to: stdout, on_full: drop}}"
            try observed(rest: rest).write(toFile: file, atomically: true, encoding: .utf8)
            let (reader, writer) = ends(of: stream)
            defer {
                close(reader)
                close(writer)
            }
            let gate = try ChildProcess(
                "/bin/sh",
                ["-c", "exec \"$0\" \"$@\" 2>&1", GateProcess.binary(), "run", "-c", file],
                output: writer)
            defer { gate.stop() }
            let said = try startMessages(reader)
            let client = try #require(address(after: "listening on ", in: said))
            let admin = try #require(address(after: "admin endpoint on ", in: said))
            fill(writer, stream)
            for _ in 0..<3 { #expect(try RawClient.exchange(client, blocked).status == 405) }
            // By then the gate has tried to say that its log takes nothing.
            sleep(3)
            try observed("[GET, PATCH]", rest: rest).write(
                toFile: file, atomically: true, encoding: .utf8)
            gate.signal(SIGHUP)
            #expect(try eventually { try RawClient.exchange(client, blocked).status == 200 })
            #expect(try reloads(admin) == 1)
            gate.signal(SIGTERM)
            // In order, but for the records that nobody has read.
            #expect(gate.waitForExit(within: 10) == .code(74))
        }

        // MARK: Signals

        @Test func `reloads few times for many signals, and ends with the last file`() throws {
            defer { backend.stop() }
            // A load that takes a while.
            let rules = (0..<3000).map { "  /many/r\($0)/{x}: [GET]\n" }.joined()
            let gate = try GateProcess(observed(rest: rules), in: directory)
            defer { end(gate) }
            let admin = try admin(of: gate)
            for _ in 0..<200 {
                gate.process.signal(SIGHUP)
                usleep(1_000)
            }
            try gate.reload(observed("[GET, PATCH]", rest: rules))
            #expect(
                try eventually(within: 60) {
                    try RawClient.exchange(gate.address, blocked).status == 200
                })
            // What is still to come comes at once.
            var counts = [-1, try reloads(admin)]
            while counts.count < 100, counts[counts.count - 1] != counts[counts.count - 2] {
                usleep(300_000)
                counts.append(try reloads(admin))
            }
            #expect(counts[counts.count - 1] < 50)
        }

        // MARK: Workers

        @Test(.enabled(if: HungWorker.mayTrace, "needs the right to trace"))
        func `says of a worker that hangs that the gate is not alive`() throws {
            defer { backend.stop() }
            let gate = try GateProcess(observed(), in: directory)
            defer { gate.process.stop(within: 0) }
            let admin = try admin(of: gate)
            #expect(try get("/livez", admin).status == 200)
            let tracer = try HungWorker.make(1, of: gate.process)
            defer { tracer.stop(within: 0) }
            #expect(try get("/livez", admin).status == 200)
            #expect(try eventually(within: 30) { try get("/livez", admin).status == 503 })
            #expect(try get("/readyz", admin).status == 200)
            let line = "worker 1 has not answered for 10 s"
            let content = try get("/livez", admin).content
            #expect(String(decoding: content, as: UTF8.self) == line + "\n")
            #expect(eventually { gate.process.standardError.contains(line) })
            // Nothing holds it any more.
            tracer.stop(within: 0)
            #expect(try eventually { try get("/livez", admin).status == 200 })
        }
    }
}
