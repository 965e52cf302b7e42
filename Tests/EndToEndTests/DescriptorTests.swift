// Descriptors run out: clients wait, and everything else goes on.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `With few descriptors` {
        private static let limit = 64

        /// A gate that may have 64 descriptors open, with a control socket and both logs in files.
        ///
        /// - Parameter strangers: how many its parent leaves open for nothing, 7 at most.
        private func frugal(
            _ backend: Address, more: String = "", strangers: Int = 0, h2c: Bool = false,
            _ body: (GateProcess, (String) -> String) throws -> Void
        ) throws {
            let folder = try TemporaryDirectory()
            func text(_ listeners: String) -> String {
                (h2c ? speaking(backend, workers: 2) : configuration(backend, workers: 2))
                    .replacing("listen:\n", with: "listen:\n" + listeners)
                        + """
                        control: \(folder.path("control.sock"))
                        log:
                          blocks: {to: file \(folder.path("blocks.jsonl"))}
                          access: {to: file \(folder.path("access.jsonl"))}
                        \(more)
                        """
            }
            let left = (3..<3 + strangers).map { "exec \($0)</dev/null; " }.joined()
            let gate = try GateProcess(
                text(""), in: folder,
                under: ["/bin/sh", "-c", "ulimit -n \(Self.limit); \(left)exec \"$@\"", "sh"])
            defer { end(gate) }
            try body(gate, text)
        }

        /// As many clients as the gate takes, each with an answer and a connection that it keeps,
        /// and more that wait.
        private func crowd(_ gate: GateProcess, _ count: Int) throws -> [RawClient] {
            let clients = try (0..<count).map { _ in try gate.connect(patience: 20) }
            for (number, client) in clients.enumerated() {
                try client.send(request("GET", "/\(number)"))
            }
            return clients
        }

        private func isAnswered(_ client: RawClient) -> Bool {
            (try? client.isClosed(within: 0)) == true || !client.buffer.isEmpty
        }

        @Test func `streams have no more backends than there are descriptors for`() throws {
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {}
            }
            defer { backend.stop() }
            try frugal(backend.address, h2c: true) { gate, text in
                let clients = try (0..<2).map { _ in try HTTP2Client(gate.address) }
                defer { for client in clients { client.close() } }
                for client in clients {
                    for _ in 0..<60 { _ = try client.open(HTTP2Field.request("GET", "/")) }
                }
                for client in clients {
                    try client.readUntil { client.answers.values.contains { $0.status == 503 } }
                }
                // What needs a descriptor besides still has one.
                try gate.reload(text(""))
                #expect(try RawClient.exchange(gate.address, blocked).status == 405)
            }
        }

        @Test func `clients wait, the gate neither spins nor dies, and then serves them`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try frugal(backend.address) { gate, _ in
                let clients = try crowd(gate, 200)
                #expect(
                    eventually(within: 20) { clients.count { isAnswered($0) } >= 12 })
                // Those that came first have what there is.
                usleep(300_000)
                let before = try gate.processorTime()
                usleep(1_000_000)
                #expect(try gate.processorTime() - before < 0.3)
                #expect(try gate.descriptors() <= Self.limit)
                // Each that leaves makes room for one that waits, until all are served.
                let statuses = Collected<Int>()
                let errors = inThreads(clients.count) { number in
                    clients[number].patience = 60
                    statuses.append(try clients[number].readFinalAnswer().status)
                    clients[number].close()
                }
                #expect(errors.isEmpty, "\(errors)")
                #expect(statuses.all == Array(repeating: 200, count: 200))
                #expect(gate.process.exitStatus == nil)
                #expect(!gate.process.standardError.contains("Too many open files"))
            }
        }

        @Test func `it recovers when those that hold them leave at once`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try frugal(backend.address) { gate, _ in
                let clients = try crowd(gate, 200)
                #expect(eventually(within: 20) { clients.count { isAnswered($0) } >= 12 })
                for client in clients { client.reset() }
                let client = try gate.connect(patience: 20)
                defer { client.close() }
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().status == 200)
            }
        }

        @Test(arguments: [0, 7])
        func `reload, control socket and logs still have theirs`(strangers: Int) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try frugal(backend.address, strangers: strangers) { gate, text in
                let clients = try crowd(gate, 100)
                defer { for client in clients { client.close() } }
                #expect(eventually(within: 20) { clients.count { isAnswered($0) } >= 8 })
                // The second reload moves what the first one has opened.
                for _ in 0..<3 {
                    let said = gate.process.standardError.count
                    try text("  - address: 127.0.0.1:0\n").write(
                        toFile: gate.configurationFile, atomically: true, encoding: .utf8)
                    let control = gate.directory.path("control.sock")
                    let done = try GateProcess.command("reload", "--control", control, within: 30)
                    #expect(done.status == .code(0), "\(done.errors)")
                    let status = try GateProcess.command("status", "--control", control, within: 30)
                    #expect(status.status == .code(0))
                    #expect(status.output.contains("\"state\": \"serving\""))
                    let news = gate.process.standardError.dropFirst(said)
                    #expect(news.contains("listening on "))
                }
                for name in ["blocks.jsonl", "access.jsonl"] {
                    let path = gate.directory.path(name)
                    #expect(rename(path, path + ".1") == 0)
                }
                gate.process.signal(SIGUSR1)
                #expect(
                    eventually(within: 20) {
                        gate.process.standardError.contains("log files opened again")
                    })
                #expect(access(gate.directory.path("blocks.jsonl"), F_OK) == 0)
                #expect(!gate.process.standardError.contains("Too many open files"))
                // And who has a connection is served on.
                let served = try #require(clients.first(where: isAnswered))
                #expect(try served.readFinalAnswer().status == 200)
                try served.send(request("GET"))
                #expect(try served.readFinalAnswer().status == 200)
            }
        }

        @Test func `a flood of the admin endpoint costs no spinning, and clients nothing`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try frugal(backend.address, more: "admin: {'address': '127.0.0.1:0'}") { gate, _ in
                var line: Substring?
                _ = eventually(within: 10) {
                    let said = gate.process.standardError.split(separator: "\n")
                    line = said.first { $0.contains("admin endpoint on ") }
                    return line != nil
                }
                let admin = try #require(Address(line?.split(separator: " ").last ?? ""))
                let quiet = try gate.descriptors()
                let flood = try (0..<200).map { _ in try RawClient(admin) }
                usleep(300_000)
                #expect(try gate.descriptors() <= quiet + 2)
                let before = try gate.processorTime()
                usleep(1_000_000)
                #expect(try gate.processorTime() - before < 0.3)
                #expect(gate.process.standardError.split(separator: "\n").count < 30)
                #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
                let control = gate.directory.path("control.sock")
                let done = try GateProcess.command("reload", "--control", control, within: 30)
                #expect(done.status == .code(0), "\(done.errors)")
                for connection in flood { connection.close() }
                let livez = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                for (address, text) in [(admin, livez), (gate.address, request("GET"))] {
                    let client = try RawClient(address, patience: 20)
                    defer { client.close() }
                    try client.send(text)
                    #expect(try client.readFinalAnswer().status == 200)
                }
            }
        }

        @Test func `a limit that they do not suffice for is told at the start`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            try frugal(backend.address, more: "limits: {connections: 5000}") { gate, _ in
                #expect(
                    eventually(within: 10) {
                        gate.process.standardError.contains("limits.connections: ")
                    })
                #expect(gate.process.standardError.contains(" instead of 5000"))
            }
        }

        /// A pool of each backend, and together they are no more than clients may be connected.
        @Test func `idle connections to one backend make room for another's`() throws {
            let first = try ScriptedBackend.echo()
            defer { first.stop() }
            let second = try ScriptedBackend.echo()
            defer { second.stop() }
            let text = configuration(first.address, rest: "limits: {connections: 4}")
                .replacing("backends:\n", with: "backends:\n  other: \(second.address.url)\n")
                .replacing("  methods:", with: "  backend: app\n  methods:")
                .replacing(
                    "rules:\n",
                    with: "rules:\n  /other/{rest...}: {methods: [GET], backend: other}\n")
            let gate = try GateProcess(text)
            defer { end(gate) }
            for path in ["/", "/other/", "/", "/other/"] {
                let clients = try (0..<4).map { _ in try gate.connect(patience: 20) }
                try gate.whileStopped {
                    for client in clients { try client.send(request("GET", path)) }
                }
                for client in clients {
                    #expect(try client.readFinalAnswer().status == 200)
                    client.close()
                }
                let open = { (first.connections + second.connections).count { !$0.isAtEnd } }
                #expect(eventually(within: 10) { open() <= 4 }, "\(open()) are open")
            }
        }
    }
}
