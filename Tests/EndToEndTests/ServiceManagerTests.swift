// What a service manager is told (sd_notify(3)), by the datagrams that it would get.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `The service manager` {
        /// The datagrams that have come to a socket of its kind, split into lines.
        private final class Inbox: @unchecked Sendable {
            let path: String
            private let descriptor: Int32
            private let lock = NSLock()
            private var all: [[String]] = []

            init(_ folder: TemporaryDirectory) throws {
                path = folder.path("notify.sock")
                descriptor = socket(
                    AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
                let bound = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                    }
                }
                guard bound == 0 else { throw LaunchError("cannot bind \(path)") }
            }

            deinit { close(descriptor) }

            /// All that have come so far.
            var messages: [[String]] {
                lock.withLock {
                    var buffer = Bytes(repeating: 0, count: 8192)
                    while true {
                        let count = recv(
                            descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                        guard count > 0 else { return all }
                        let text = String(decoding: buffer[..<count], as: UTF8.self)
                        all.append(text.split(separator: "\n").map(String.init))
                    }
                }
            }

            func count(_ line: String) -> Int { messages.count { $0.contains(line) } }
        }

        @Test func `is told of readiness, reloads, failed ones too, and the end`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let folder = try TemporaryDirectory()
            let inbox = try Inbox(folder)
            let file = folder.path("methodgate.yaml")
            let good = configuration(backend.address)
            try good.write(toFile: file, atomically: true, encoding: .utf8)
            var before = timespec()
            clock_gettime(CLOCK_MONOTONIC, &before)
            let gate = try ChildProcess(
                GateProcess.binary(), ["run", "-c", file],
                environment: ["NOTIFY_SOCKET": inbox.path])
            defer { gate.stop() }
            #expect(eventually { inbox.count("READY=1") == 1 })
            #expect(inbox.messages[0].contains { $0.hasPrefix("STATUS=Serving 1 listener by ") })

            gate.signal(SIGHUP)
            #expect(eventually { inbox.count("READY=1") == 2 })
            let reloading = try #require(inbox.messages.first { $0.contains("RELOADING=1") })
            let time = try #require(
                reloading.first { $0.hasPrefix("MONOTONIC_USEC=") }
                    .flatMap { Int($0.dropFirst("MONOTONIC_USEC=".count)) })
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            #expect(time > before.tv_sec * 1_000_000 && time <= (now.tv_sec + 1) * 1_000_000)

            try (good + "\nnonsense: 1\n").write(toFile: file, atomically: true, encoding: .utf8)
            gate.signal(SIGHUP)
            #expect(eventually { inbox.count("READY=1") == 3 })
            #expect(inbox.count("RELOADING=1") == 2)
            let last = try #require(inbox.messages.last { $0.contains("READY=1") })
            #expect(last.contains { $0.contains("the last reload failed: \(file): 1 error") })

            gate.signal(SIGTERM)
            #expect(gate.waitForExit(within: 10) == .code(0))
            #expect(inbox.count("STOPPING=1") == 1)
            // In this order, whatever else was told.
            let kinds = inbox.messages.compactMap { message in
                ["READY=1", "RELOADING=1", "STOPPING=1"].first(where: message.contains)
            }
            #expect(
                kinds == [
                    "READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1",
                ])
        }

        @Test func `gets signs of life, and none from a process that hangs`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let folder = try TemporaryDirectory()
            let inbox = try Inbox(folder)
            let file = folder.path("methodgate.yaml")
            try configuration(backend.address).write(
                toFile: file, atomically: true, encoding: .utf8)
            let gate = try ChildProcess(
                GateProcess.binary(), ["run", "-c", file],
                environment: ["NOTIFY_SOCKET": inbox.path, "WATCHDOG_USEC": "2000000"])
            defer { gate.stop() }
            #expect(eventually(within: 20) { inbox.count("WATCHDOG=1") >= 3 })
            gate.signal(SIGSTOP)
            usleep(200_000)
            let alive = inbox.count("WATCHDOG=1")
            usleep(2_500_000)
            #expect(inbox.count("WATCHDOG=1") == alive)
            gate.signal(SIGCONT)
            #expect(eventually(within: 20) { inbox.count("WATCHDOG=1") > alive })
        }

        /// The lines of these that have come, in their order.
        private func kinds(_ inbox: Inbox, _ wanted: String...) -> [String] {
            inbox.messages.compactMap { message in wanted.first(where: message.contains) }
        }

        @Test func `hears of no reload once the gate is ending`() throws {
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {}
            }
            defer { backend.stop() }
            let folder = try TemporaryDirectory()
            let inbox = try Inbox(folder)
            let control = folder.path("control.sock")
            let gate = try GateProcess(
                "control: \(control)\n"
                    + configuration(backend.address, rest: "timeouts: {drain: 60s}"),
                in: folder, environment: ["NOTIFY_SOCKET": inbox.path])
            defer { gate.process.stop(within: 0) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET"))
            #expect(eventually { backend.requests.count == 1 })
            gate.process.signal(SIGTERM)
            #expect(eventually { inbox.count("STOPPING=1") == 1 })
            let asked = try GateProcess.command("reload", "--control", control)
            #expect(asked.status == .code(1))
            #expect(asked.errors.contains("the gate is ending"))
            gate.process.signal(SIGHUP)
            let words = "no reload: the gate is ending"
            #expect(
                eventually {
                    gate.process.standardError.components(separatedBy: words).count == 3
                })
            #expect(
                kinds(inbox, "READY=1", "RELOADING=1", "STOPPING=1") == ["READY=1", "STOPPING=1"])
            let status = try GateProcess.command("status", "--control", control)
            #expect(status.output.contains("\"last_reload_failure\": null"))
        }

        @Test func `gets signs of life between reloads that are asked for together`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let folder = try TemporaryDirectory()
            let inbox = try Inbox(folder)
            let control = folder.path("control.sock")
            // A load that takes a while.
            let rules = (0..<3000).map { "  /many/r\($0)/{x}: [GET]\n" }.joined()
            let gate = try GateProcess(
                "control: \(control)\n" + configuration(backend.address, rest: rules), in: folder,
                environment: ["NOTIFY_SOCKET": inbox.path, "WATCHDOG_USEC": "30000000"])
            defer { end(gate) }
            let clients = try (0..<8).map { _ in try RawClient(.unix(control), patience: 60) }
            defer { for client in clients { client.close() } }
            // All of them are accepted, and then their requests come at once.
            let status = "GET /status HTTP/1.1\r\nHost: a\r\n\r\n"
            for client in clients {
                try client.send(status)
                #expect(try client.readFinalAnswer().status == 200)
            }
            try gate.whileStopped {
                for client in clients {
                    try client.send(
                        "POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                }
            }
            #expect(eventually(within: 60) { inbox.count("RELOADING=1") == 8 })
            for client in clients { #expect(try client.readFinalAnswer().status == 200) }
            let told = kinds(inbox, "RELOADING=1", "WATCHDOG=1").drop { $0 == "WATCHDOG=1" }
            let last = told.lastIndex(of: "RELOADING=1") ?? 0
            #expect(told[..<last].count { $0 == "WATCHDOG=1" } >= 6, "\(told)")
        }

        @Test(
            .enabled(if: HungWorker.mayTrace, "needs the right to trace"),
            .disabled(if: Sanitizer.isOn, "a leak is looked for in threads that are stopped"))
        func `is asked for no more time by a drain with a worker that hangs, which ends`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let folder = try TemporaryDirectory()
            let inbox = try Inbox(folder)
            let gate = try GateProcess(
                "control: off\n"
                    + configuration(backend.address, workers: 2, rest: "timeouts: {drain: 9s}"),
                in: folder, environment: ["NOTIFY_SOCKET": inbox.path])
            defer { gate.process.stop(within: 0) }
            let tracer = try HungWorker.make(1, of: gate.process)
            defer { tracer.stop(within: 0) }
            gate.process.signal(SIGTERM)
            let more = "EXTEND_TIMEOUT_USEC=10000000"
            #expect(eventually { inbox.count(more) > 0 })
            #expect(gate.process.waitForExit(within: 40) == .code(70))
            let line = "worker 1 has not answered for 10 s, and timeouts.drain is over"
            #expect(gate.process.standardError.contains(line))
            #expect(inbox.count(more) < 14)
        }
    }
}
