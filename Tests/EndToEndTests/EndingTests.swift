// How connections, drains and logs end where several things come together.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `An end` {
        private let backend: ScriptedBackend

        init() throws { backend = try ScriptedBackend.echo() }

        @Test(arguments: ["5\r\nabcdeX", "3\r\nabc\r\n5\r\nabcde\r\n0\r\n\r\n"])
        func `of the client's side does not cost it the answer to bad content`(
            _ content: String
        ) throws {
            let gate = try GateProcess(
                configuration(backend.address, rest: "limits: {content: 4B}"))
            defer { gate.stop() }
            for pause: UInt32 in [0, 50_000] {
                let client = try gate.connect()
                defer { client.close() }
                try client.send(request("POST", "/post/x", "Transfer-Encoding: chunked"))
                usleep(pause)
                try client.send(content)
                client.halfClose()
                let answer = try client.readFinalAnswer()
                #expect(answer.status == 400 || answer.status == 413)
                #expect(try client.isClosed(within: 8))
            }
        }

        @Test func `without an answer is no reset, which could cost the one before`() throws {
            let rest = "  /shut: {methods: [GET], blocked_status: close}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { gate.stop() }
            let client = try gate.connect()
            defer { client.close() }
            // More than the gate reads at once, and less than it drops.
            let content = Bytes(repeating: 0x61, count: 600_000)
            let head = request("PUT", "/shut", "Content-Length: \(content.count)")
            try client.send(Bytes((request("GET") + head).utf8) + content)
            #expect(try client.readFinalAnswer().status == 200)
            #expect(try client.readToEnd().isEmpty && !client.wasReset)
        }

        @Test func `of a broken answer is not taken for a whole one`() throws {
            let sent = Flag()
            let backend = try ScriptedBackend { connection in
                _ = try connection.readHead()
                try connection.send("HTTP/1.1 200 OK\r\n\r\nhalf")
                _ = eventually { sent.isRaised }
                connection.reset()
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { gate.stop() }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Content-Length: 100"))
            #expect(try client.readHead().status == 200)
            #expect(try client.readSome() == Bytes("half".utf8))
            // The reset is found by a write, which leaves nothing for the read to find.
            gate.process.signal(SIGSTOP)
            usleep(50_000)
            try client.send("abc")
            usleep(50_000)
            sent.raise()
            #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
            gate.process.signal(SIGCONT)
            _ = try client.readToEnd()
            #expect(client.wasReset)
        }

        @Test func `of the process does not wait for a log that takes nothing`() throws {
            let rest = """
                timeouts: {drain: 500ms}
                log: {blocks: {to: file /dev/full}}
                """
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { gate.stop() }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(blocked)
            usleep(100_000)
            gate.process.signal(SIGTERM)
            #expect(gate.process.waitForExit(within: 20) == .code(74))
        }

        @Test func `of the process is not undone by a reload`() throws {
            let slow = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                connection.wait(1.5)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            defer { slow.stop() }
            let gate = try GateProcess(configuration(slow.address))
            defer { gate.stop() }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            #expect(eventually { slow.requests.count == 1 })
            gate.process.signal(SIGTERM)
            #expect(eventually { gate.process.standardError.contains("draining") })
            gate.process.signal(SIGHUP)
            usleep(300_000)
            #expect(!gate.process.standardError.contains("reloaded"))
            #expect(try client.readFinalAnswer().text == "ok")
            #expect(gate.process.waitForExit(within: 20) == .code(0))
        }

        @Test func `of the process leaves a new connection time for its request`() throws {
            let gate = try GateProcess(configuration(backend.address))
            defer { gate.stop() }
            let client = try gate.connect()
            defer { client.close() }
            let served = try gate.connect()
            defer { served.close() }
            try served.send(request("GET"))
            #expect(try served.readFinalAnswer().status == 200)
            gate.process.signal(SIGTERM)
            #expect(try served.isClosed(within: 8))
            try client.send(request("GET"))
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 200)
            #expect(answer.value("Connection") == "close")
            #expect(gate.process.waitForExit(within: 20) == .code(0))
        }

        @Test func `of redaction comes with a reload`() throws {
            func rest(_ query: String) -> String {
                "log: {blocks: {to: stdout, query: \(query)}, access: {to: stdout, query: \(query)}}"
            }
            let gate = try GateProcess(configuration(backend.address, rest: rest("keep")))
            defer { gate.stop() }
            func ask(_ secret: String) throws {
                let query = "/?secret=\(secret)"
                _ = try RawClient.exchange(gate.address, request("PATCH", query))
                _ = try RawClient.exchange(gate.address, request("GET", query))
            }
            try ask("first")
            try gate.reload(configuration(backend.address, rest: rest("redact")))
            #expect(eventually { gate.process.standardError.contains("reloaded") })
            usleep(100_000)
            try ask("second")
            let log = { String(decoding: gate.process.standardOutput, as: UTF8.self) }
            #expect(eventually { log().components(separatedBy: "request-served").count == 3 })
            #expect(log().components(separatedBy: "secret=first").count == 4)
            #expect(!log().contains("second"))
        }

        @Test func `of a listener serves all that had connected`() throws {
            let gate = try GateProcess(
                configuration(backend.address, listen: ["127.0.0.1:0", "127.0.0.1:0"]))
            defer { gate.stop() }
            gate.process.signal(SIGSTOP)
            let clients = try (0..<600).map { _ in
                let client = try RawClient(gate.addresses[1])
                try client.send(request("GET"))
                return client
            }
            try gate.reload(configuration(backend.address, listen: ["\(gate.addresses[0])"]))
            gate.process.signal(SIGCONT)
            for client in clients {
                #expect(try client.readFinalAnswer().status == 200)
                client.close()
            }
        }

        @Test func `of a full log refuses what would have closed without an answer`() throws {
            let directory = try TemporaryDirectory()
            let file = directory.path("blocks.jsonl")
            #expect(mkfifo(file, 0o600) == 0)
            let pipe = open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            defer { close(pipe) }
            let block = Bytes(repeating: 0x61, count: 40_000)
            let big = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(block.count)\r\n\r\n"
                    try connection.send(Bytes(head.utf8) + block)
                }
            }
            defer { big.stop() }
            let rest = """
                  /close: {methods: [GET], blocked_status: close}
                timeouts: {drain: 500ms}
                log: {blocks: {to: file \(file), on_full: refuse}}
                """
            let listener = "unix:" + directory.path("gate.sock")
            let gate = try GateProcess(configuration(big.address, listen: [listener], rest: rest))
            defer { gate.stop() }
            // Some of the rejections wait behind answers that are not read yet.
            let clients = try (1...8).map { count in
                let client = try gate.connect()
                try client.send(String(repeating: request("GET"), count: count) + blocked)
                return client
            }
            usleep(300_000)
            for (index, client) in clients.enumerated() {
                for _ in 0...index { #expect(try client.readFinalAnswer().status == 200) }
                #expect(try client.readFinalAnswer().status == 405)
            }
            let filling = Bytes(repeating: 0x23, count: 4096)
            while write(pipe, filling, filling.count) > 0 {}
            while write(pipe, filling, 1) > 0 {}
            gate.process.signal(SIGSTOP)
            for client in clients.suffix(4) { try client.send(request("DELETE", "/close")) }
            gate.process.signal(SIGCONT)
            for client in clients.suffix(4) { #expect(try client.readFinalAnswer().status == 503) }
        }
    }
}
