// Back-pressure where several things wait at once: answers in the kernel's buffers, answers behind
// others, content behind a backend that does not read, a log that takes nothing.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `Back-pressure` {
        /// Answers every request with so many bytes.
        private func backend(_ count: Int) throws -> ScriptedBackend {
            try ScriptedBackend { connection in
                let block = Bytes(repeating: 0x61, count: min(count, 65_536))
                while try connection.readRequest() != nil {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
                    var left = count
                    while left > 0 {
                        try connection.send(Bytes(block.prefix(left)))
                        left -= min(left, block.count)
                    }
                }
            }
        }

        @Test func `holds for an answer behind others that the client does not read`() throws {
            let backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    let count = request.startLine.contains("/big") ? 1 << 30 : 40_000
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n"
                    let block = Bytes(repeating: 0x61, count: 40_000)
                    try connection.send(Bytes(head.utf8) + block)
                    for _ in 1..<max(2, count / block.count) where count > block.count {
                        try connection.send(block)
                    }
                }
            }
            defer { backend.stop() }
            let directory = try TemporaryDirectory()
            let listener = "unix:" + directory.path("gate.sock")
            let gate = try GateProcess(configuration(backend.address, listen: [listener]))
            defer { gate.stop() }
            _ = try RawClient.exchange(gate.address, blocked)
            let before = try gate.memory().anonymous
            // Some number of small answers fills the kernel's buffer and leaves a rest.
            for small in 1...8 {
                let client = try gate.connect()
                defer { client.close() }
                let requests = String(repeating: request("GET", "/small"), count: small)
                try client.send(requests + request("GET", "/big"))
                usleep(200_000)
                #expect(try gate.memory().anonymous - before < 4 << 20)
            }
        }

        @Test func `lets a client read slowly as long as it reads`() throws {
            let backend = try backend(8 << 20)
            defer { backend.stop() }
            let gate = try GateProcess(
                configuration(backend.address, rest: "timeouts: {client_content: 1s, response: 1s}")
            )
            defer { gate.stop() }
            let client = try RawClient(gate.address, receiveBuffer: 8192)
            defer { client.close() }
            try client.send(request("GET"))
            #expect(try client.readHead().status == 200)
            var count = 0
            for _ in 0..<60 {
                for _ in 0..<4 { count += try client.readSome(atMost: 4096).count }
                usleep(100_000)
            }
            #expect(!client.isAtEnd)
            while count < 8 << 20 {
                let bytes = try client.readSome()
                guard !bytes.isEmpty else { break }
                count += bytes.count
            }
            #expect(count == 8 << 20)
        }

        @Test func `cuts off a client that does not read`() throws {
            let backend = try backend(64 << 20)
            defer { backend.stop() }
            let gate = try GateProcess(
                configuration(backend.address, rest: "timeouts: {client_content: 500ms}"))
            defer { gate.stop() }
            let client = try RawClient(gate.address, receiveBuffer: 8192)
            defer { client.close() }
            try client.send(request("GET"))
            #expect(eventually { backend.connections.contains(where: \.isClosed) })
        }

        @Test func `leaves no trace on the time that follows`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                let count = 6 << 20
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(count + 4)\r\n\r\n")
                try connection.send(Bytes(repeating: 0x61, count: count))
                connection.wait(2)
                try connection.send("last")
            }
            defer { backend.stop() }
            let gate = try GateProcess(
                configuration(backend.address, rest: "timeouts: {client_content: 700ms}"))
            defer { gate.stop() }
            let client = try RawClient(gate.address, receiveBuffer: 8192)
            defer { client.close() }
            try client.send(request("GET"))
            #expect(try client.readHead().status == 200)
            usleep(300_000)
            var count = 0
            while count < (6 << 20) + 4 {
                let bytes = try client.readSome()
                guard !bytes.isEmpty else { break }
                count += bytes.count
            }
            #expect(count == (6 << 20) + 4)
        }

        @Test func `of a backend does not count against the client`() throws {
            let backend = try ScriptedBackend { connection in
                connection.keepsBytes = false
                let head = try #require(try connection.readHead())
                var count = connection.takeContent(after: head).count
                connection.wait(2)
                while count < 32 << 20 {
                    count += try connection.socket.read(Deadline(seconds: 5)).count
                }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            defer { backend.stop() }
            let gate = try GateProcess(
                configuration(backend.address, rest: "timeouts: {client_content: 500ms}"))
            defer { gate.stop() }
            let client = try gate.connect(patience: 10)
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Content-Length: \(32 << 20)"))
            for _ in 0..<32 { try client.send(Bytes(repeating: 0x61, count: 1 << 20)) }
            #expect(try client.readFinalAnswer().status == 200)
        }

        @Test func `of a client does not count against the backend`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(
                configuration(backend.address, rest: "timeouts: {response: 500ms}"))
            defer { gate.stop() }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Content-Length: 2"))
            usleep(1_200_000)
            try client.send("a")
            usleep(1_200_000)
            try client.send("a")
            #expect(try client.readFinalAnswer().status == 200)
        }

        @Test(arguments: [230_000, 245_000, 260_000])
        func `keeps a connection with unsent content out of the pool`(_ count: Int) throws {
            let directory = try TemporaryDirectory()
            let path = Address.unix(directory.path("backend.sock"))
            let backend = try ScriptedBackend(on: path) { connection in
                // Answers before it has read anything, and reads on only then.
                connection.wait(0.4)
                try connection.send("HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\n\r\nmuch")
                connection.wait(0.3)
                while let request = try connection.readRequest() {
                    if request.method == "POST" { continue }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { gate.stop() }
            // More than the kernel keeps for a Unix socket, and no more than two reads.
            let client = try gate.connect(patience: 2)
            defer { client.close() }
            let head = request("POST", "/post/x", "Content-Length: \(count)")
            try client.send(Bytes(head.utf8) + Bytes(repeating: 0x61, count: count))
            #expect(try client.readFinalAnswer().status == 413)
            // By now the backend has read what was in the kernel.
            usleep(600_000)
            let next = try gate.connect(patience: 2)
            defer { next.close() }
            try next.send(request("GET"))
            let answer = try next.readFinalAnswer()
            #expect(answer.text == "ok" || answer.text == "much")
        }

        @Test func `answers all of a slow reader that has ended its side`() throws {
            let backend = try backend(40_000)
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { gate.stop() }
            let client = try RawClient(gate.address, receiveBuffer: 8192)
            defer { client.close() }
            let many = 200
            try client.send(String(repeating: request("GET"), count: many))
            client.halfClose()
            usleep(500_000)
            for _ in 0..<many { #expect(try client.readFinalAnswer().status == 200) }
            #expect(try client.isClosed(within: 8))
        }

        @Test func `of a log holds an answer behind a rejection`() throws {
            let backend = try backend(1 << 30)
            defer { backend.stop() }
            let directory = try TemporaryDirectory()
            let file = directory.path("blocks.jsonl")
            #expect(mkfifo(file, 0o600) == 0)
            let pipe = open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            defer { close(pipe) }
            let rest = """
                timeouts: {log: 1500ms, drain: 500ms}
                log: {blocks: {to: file \(file)}}
                """
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { gate.stop() }
            _ = try RawClient.exchange(gate.address, blocked)
            let before = try gate.memory().anonymous
            let block = Bytes(repeating: 0x23, count: 4096)
            while write(pipe, block, block.count) > 0 {}
            while write(pipe, block, 1) > 0 {}
            // The log is tried at the end of the iteration: the second request runs by then.
            let client = try gate.connect()
            defer { client.close() }
            try client.send(blocked + request("GET"))
            usleep(700_000)
            #expect(try gate.memory().anonymous - before < 4 << 20)
            #expect(try client.readToEnd().isEmpty)
        }
    }
}
