// The gate as a process: it starts or says why not, reloads, drains and ends.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `The process` {
        /// Answers when it may.
        private func slowBackend(_ mayAnswer: Flag) throws -> ScriptedBackend {
            try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    _ = eventually { mayAnswer.isRaised }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
                }
            }
        }

        @Test(arguments: [SIGTERM, SIGINT])
        func `drains and ends`(_ signal: Int32) throws {
            let mayAnswer = Flag()
            let backend = try slowBackend(mayAnswer)
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, workers: 2))
            defer { end(gate) }
            let idle = try gate.connect()
            defer { idle.close() }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            #expect(eventually { backend.requests.count == 1 })
            gate.process.signal(signal)
            // New connections are refused while the old request is finished.
            #expect(eventually { (try? RawClient(gate.address)) == nil })
            #expect(try idle.isClosed(within: 8))
            mayAnswer.raise()
            let answer = try client.readFinalAnswer()
            #expect(answer.text == "slow")
            #expect(try client.isClosed(within: 8))
            #expect(gate.process.waitForExit(within: 20) == .code(0))
        }

        @Test func `does not drain for ever`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let rest = "timeouts: {drain: 500ms}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            #expect(eventually { backend.requests.count == 1 })
            gate.process.signal(SIGTERM)
            #expect(gate.process.waitForExit(within: 20) != nil)
        }

        @Test func `ends with the signals blocked that its parent blocked`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(
                configuration(backend.address), blocking: [SIGTERM, SIGHUP, SIGUSR1, SIGINT])
            defer { end(gate) }
            gate.process.signal(SIGTERM)
            #expect(gate.process.waitForExit(within: 20) == .code(0))
        }

        @Test func `does not share a port with another gate`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, workers: 2))
            defer { end(gate) }
            let second = try TemporaryDirectory()
            let file = second.path("gate.yaml")
            let text = configuration(backend.address, listen: ["\(gate.address)"])
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let result = try GateProcess.command("run", "-c", file, within: 20)
            #expect(result.status == .code(2))
            #expect(result.errors.contains("\(gate.address)"))
            #expect(result.errors.lowercased().contains("in use"))
        }

        @Test func `says what is wrong with an address`() throws {
            let directory = try TemporaryDirectory()
            let file = directory.path("gate.yaml")
            let text = configuration(.loopback, listen: ["192.0.2.1:1"])
                .replacing("127.0.0.1:0", with: "127.0.0.1:9")
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let result = try GateProcess.command("run", "-c", file, within: 20)
            #expect(result.status == .code(2))
            #expect(result.errors.contains("192.0.2.1:1"))
        }

        @Test func `does not start without a readable configuration`() throws {
            let missing = try GateProcess.command("run", "-c", "/nonexistent/gate.yaml")
            #expect(missing.status == .code(2))
            #expect(missing.errors.contains("/nonexistent/gate.yaml"))
            let folder = try GateProcess.command("run", "-c", "/tmp")
            #expect(folder.status == .code(2))
            let directory = try TemporaryDirectory()
            let file = directory.path("gate.yaml")
            try "listen: 7\n".write(toFile: file, atomically: true, encoding: .utf8)
            let broken = try GateProcess.command("run", "-c", file)
            #expect(broken.status == .code(2))
            #expect(broken.errors.contains("gate.yaml:1:"))
            #expect(!broken.errors.contains("listening on"))
        }

        @Test func `does not start without its log`() throws {
            let directory = try TemporaryDirectory()
            let file = directory.path("gate.yaml")
            let log = "log:\n  blocks:\n    to: file /nonexistent/blocks.jsonl"
            let text = configuration(.inet("127.0.0.1", 9), rest: log)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let result = try GateProcess.command("run", "-c", file)
            #expect(result.status == .code(2))
            #expect(result.errors.contains("/nonexistent/blocks.jsonl"))
        }

        @Test func `serves with as many workers as it is told`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, workers: 4))
            defer { end(gate) }
            let tasks = "/proc/\(gate.process.identifier)/task"
            let names = try FileManager.default.contentsOfDirectory(atPath: tasks)
                .map { try String(contentsOfFile: "\(tasks)/\($0)/comm", encoding: .utf8) }
            #expect(names.filter { $0.hasPrefix("worker-") }.count == 4)
            let errors = inThreads(16) { number in
                for _ in 0..<10 {
                    let answer = try RawClient.exchange(gate.address, request("GET", "/\(number)"))
                    guard answer.text == "GET /\(number) HTTP/1.1\n" else {
                        throw LaunchError("another's answer: \(answer.text)")
                    }
                }
            }
            #expect(errors.isEmpty)
        }

        @Test func `leaks no descriptors`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            _ = try RawClient.exchange(gate.address, request("GET"))
            let before = try gate.descriptors()
            // A reset reaches the gate together with the bytes before it.
            gate.process.signal(SIGSTOP)
            for number in 0..<60 {
                let client = try gate.connect()
                let requests = ["GET / HT", blocked, blocked + "PUT / HTTP/1.1\r\nHost", "\r\n"]
                try client.send(requests[number % 4])
                if number % 3 == 0 { client.reset() } else { client.close() }
            }
            gate.process.signal(SIGCONT)
            // The first client's own descriptor may or may not be closed when it is counted.
            #expect(eventually { (try? gate.descriptors()).map { $0 <= before } ?? false })
        }

        /// What the loops wait with fails for the one descriptor that is worker 0's loop.
        @Test func `ends with a message and a status when a worker's loop fails`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let text = configuration(backend.address, workers: 2)
            let whole = try GateProcess(text, under: failingLoop(.max))
            let loops = try whole.loops()
            end(whole)
            try #require(loops.count == 3)
            let gate = try GateProcess(text, under: failingLoop(loops[1]))
            defer { gate.stop() }
            #expect(gate.process.waitForExit(within: 20) == .code(70))
            let said = gate.process.standardError
            #expect(said.contains("the loop of worker 0 failed"), "\(said)")
        }

        @Test func `ends with a message and a status when the main loop fails`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let text = configuration(backend.address)
            let whole = try GateProcess(text, under: failingLoop(.max))
            let loops = try whole.loops()
            end(whole)
            let gate = try GateProcess(text, under: failingLoop(loops[0]))
            defer { gate.stop() }
            #expect(gate.process.waitForExit(within: 20) == .code(70))
            #expect(gate.process.standardError.contains("the main loop failed"))
        }

        /// Runs a command under a seccomp filter: waiting on that epoll descriptor fails. `max`: on
        /// none, but the command finds the same descriptors free.
        private func failingLoop(_ descriptor: Int32) -> [String] {
            let waits = "{'x86_64': (232, 281, 441), 'aarch64': (22, 441)}"
            return failing(waits, with: EBADF, on: descriptor)
        }

        /// Runs a command that gets no thread: clone and clone3 fail.
        private var withoutThreads: [String] {
            failing("{'x86_64': (56, 435), 'aarch64': (220, 435)}", with: EAGAIN)
        }

        /// Runs a command under a seccomp filter: these system calls, by machine, fail with that
        /// code, where `argument` is their first one if it is given.
        private func failing(
            _ calls: String, with code: Int32, on argument: Int32? = nil
        ) -> [String] {
            let argument = argument.map { "\($0)" } ?? "None"
            let program = """
                import ctypes, os, platform, struct, sys
                calls = \(calls)[platform.machine()]
                argument = \(argument)
                def step(code, jump_true, jump_false, value):
                    return struct.pack('HBBI', code, jump_true, jump_false, value)
                lines = [step(0x20, 0, 0, 0)]                         # the call's number
                for index, number in enumerate(calls):
                    lines.append(step(0x15, len(calls) - index, 0, number))
                lines.append(step(0x06, 0, 0, 0x7fff0000))            # another one: let it go
                if argument is not None:
                    lines.append(step(0x20, 0, 0, 16))                # its first argument
                    lines.append(step(0x15, 0, 1, argument))
                lines.append(step(0x06, 0, 0, 0x00050000 | \(code)))
                lines.append(step(0x06, 0, 0, 0x7fff0000))
                filter = ctypes.create_string_buffer(b''.join(lines))
                program = ctypes.create_string_buffer(
                    struct.pack('HxxxxxxP', len(lines), ctypes.addressof(filter)))
                libc = ctypes.CDLL(None)
                assert libc.prctl(38, 1, 0, 0, 0) == 0
                assert libc.prctl(22, 2, ctypes.byref(program)) == 0
                os.closerange(3, 64)
                os.execv(sys.argv[1], sys.argv[1:])
                """
            return ["/usr/bin/env", "python3", "-c", program]
        }

        /// A configuration file of its own that listens on any port.
        private func file(_ more: String, in directory: TemporaryDirectory) throws -> String {
            let file = directory.path("gate.yaml")
            let text = more + "\n" + configuration(.inet("127.0.0.1", 9), workers: 2)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            return file
        }

        @Test(.disabled(if: Sanitizer.isOn, "a sanitizer has threads of its own"))
        func `does not start without a thread for each worker`() throws {
            let directory = try TemporaryDirectory()
            let command =
                withoutThreads + [
                    try GateProcess.binary(), "run", "-c", try file("", in: directory),
                ]
            let gate = try ChildProcess(command[0], Array(command.dropFirst()))
            defer { gate.stop(within: 0) }
            #expect(gate.waitForExit(within: 20) == .code(2))
            let said = gate.standardError
            #expect(said.contains("cannot start worker 0: the kernel gives no thread"), "\(said)")
            #expect(!said.contains("listening on"))
        }

        /// From none at all on, until it starts.
        @Test(.disabled(if: Sanitizer.isOn, "a sanitizer needs descriptors of its own"))
        func `does not start without the descriptors it needs, and says so`() throws {
            let directory = try TemporaryDirectory()
            let more = "admin: {'address': '127.0.0.1:0'}"
            let run = [try GateProcess.binary(), "run", "-c", try file(more, in: directory)]
            var said = ""
            for limit in 4..<60 {
                let gate = try ChildProcess(
                    "/bin/sh", ["-c", "ulimit -n \(limit) && exec \"$@\"", "sh"] + run)
                defer { gate.stop() }
                let isDecided = eventually(within: 20) {
                    gate.exitStatus != nil || gate.standardError.contains("admin endpoint on")
                }
                #expect(isDecided, "\(limit): \(gate.standardError)")
                guard gate.exitStatus != nil else { break }
                #expect(gate.waitForExit(within: 1) == .code(2), "\(limit)")
                #expect(!gate.standardError.isEmpty, "\(limit)")
                #expect(!gate.standardError.contains("listening on"), "\(limit)")
                said += gate.standardError
            }
            #expect(said.contains("cannot start worker 0: no descriptor or memory left"), "\(said)")
            #expect(said.contains("cannot start worker 1: no descriptor or memory left"), "\(said)")
            #expect(said.contains("cannot answer on 127.0.0.1:"), "\(said)")
        }

        @Test(arguments: ["admin", "control"])
        func `does not start where the operator's endpoint does not bind`(_ key: String) throws {
            let directory = try TemporaryDirectory()
            let taken = try Socket.listen(on: .loopback)
            defer { taken.close() }
            let place = key == "admin" ? "\(taken.localAddress)" : "unix:/nonexistent/c.sock"
            let text =
                key == "admin" ? "admin: {'address': '\(place)'}" : "control: /nonexistent/c.sock"
            let result = try GateProcess.command("run", "-c", try file(text, in: directory))
            #expect(result.status == .code(2))
            #expect(result.errors.contains("methodgate: cannot listen on \(place): bind: "))
            #expect(!result.errors.contains("listening on"))
        }

        @Test func `leaves connections beyond its limit in the kernel's queue`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let rest = "limits: {connections: 2}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            let first = try gate.connect()
            let second = try gate.connect()
            defer { second.close() }
            for client in [first, second] {
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().status == 200)
            }
            let third = try gate.connect()
            defer { third.close() }
            try third.send(request("GET"))
            #expect(try third.isOpenAndSilent(for: 0.3))
            first.close()
            #expect(try third.readFinalAnswer().status == 200)
        }
    }
}
