// Bytes of a backend that nobody asked for: they close a pooled connection, and never become the
// answer to the next request.

import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `A surplus answer` {
        private static let surplus =
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsurplus"

        /// A gate with one pooled connection to `backend`, and the client that made it.
        private func pooled(
            _ backend: ScriptedBackend, _ body: (GateProcess, RawClient) throws -> Void
        ) throws {
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("GET", "/first"))
            #expect(try client.readFinalAnswer().text == "GET /first HTTP/1.1\n")
            try body(gate, client)
        }

        @Test func `that comes while the connection idles closes it`() throws {
            let backend = try ScriptedBackend.echo()
            try pooled(backend) { gate, client in
                try backend.connections[0].send(Self.surplus)
                #expect(eventually(within: 10) { backend.connections[0].isAtEnd })
                try client.send(request("GET", "/second"))
                #expect(try client.readFinalAnswer().text == "GET /second HTTP/1.1\n")
            }
        }

        /// The loop learns of the request first, and takes the connection before it learns of the
        /// surplus.
        @Test(arguments: [
            ("GET", "/second", false), ("HEAD", "/second", false), ("PUT", "/second", false),
            ("POST", "/post/second", false), ("GET", "/second", true),
            ("POST", "/post/second", true),
        ])
        func `that is there when the next request comes is not its answer`(
            _ method: String, _ path: String, _ isUnix: Bool
        ) throws {
            let directory = try TemporaryDirectory()
            let address = isUnix ? Address.unix(directory.path("backend.sock")) : .loopback
            let backend = try ScriptedBackend.echo(on: address)
            try pooled(backend) { gate, client in
                try gate.whileStopped {
                    try client.send(request(method, path, "Content-Length: 0"))
                    try backend.connections[0].send(Self.surplus)
                }
                let answer = try client.readFinalAnswer(to: method)
                #expect(answer.status == 200)
                let line = "\(method) \(path) HTTP/1.1\n"
                #expect(answer.text == (method == "HEAD" ? "" : line))
                if method == "HEAD" { #expect(answer.value("Content-Length") == "\(line.count)") }
                #expect(eventually(within: 10) { backend.connections[0].isAtEnd })
                #expect(backend.connections.count == 2)
            }
        }

        /// Work of other clients stands between the request and what comes back, so that surplus
        /// and answer are read together as often as not.
        @Test func `is told from the answer behind it`() throws {
            for _ in 0..<10 {
                let backend = try ScriptedBackend.echo()
                try pooled(backend) { gate, client in
                    let busy = try gate.connect()
                    defer { busy.close() }
                    try gate.whileStopped {
                        try client.send(request("GET", "/second"))
                        try busy.send(String(repeating: blocked, count: 400))
                        try backend.connections[0].send(Self.surplus)
                    }
                    #expect(try client.readFinalAnswer().text == "GET /second HTTP/1.1\n")
                }
            }
        }

        /// Of two answers to a second request one may be older than it: neither is believed.
        @Test(arguments: [
            surplus,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nsurplus\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n",
        ])
        func `in one piece with another makes the gate ask again`(_ surplus: String) throws {
            let backend = try ScriptedBackend { connection in
                var count = 0
                while let request = try connection.readRequest() {
                    count += 1
                    let line = request.startLine + "\n"
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(line.utf8.count)\r\n\r\n"
                    try connection.send((count == 2 ? surplus : "") + head + line)
                }
            }
            try pooled(backend) { _, client in
                try client.send(request("GET", "/second"))
                #expect(try client.readFinalAnswer().text == "GET /second HTTP/1.1\n")
                #expect(backend.requests.map(\.startLine).count { $0.contains("/second") } == 2)
                #expect(backend.connections.count == 2)
            }
        }

        /// Bytes that are no answer are a mistake of the backend's, whenever they came.
        @Test(arguments: ["\r\n", "junk"])
        func `that is none, in one piece with another, is a 502`(_ surplus: String) throws {
            let backend = try ScriptedBackend { connection in
                var count = 0
                while let request = try connection.readRequest() {
                    count += 1
                    let line = request.startLine + "\n"
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(line.utf8.count)\r\n\r\n"
                    try connection.send((count == 2 ? surplus : "") + head + line)
                }
            }
            try pooled(backend) { _, client in
                try client.send(request("GET", "/second"))
                #expect(try client.readFinalAnswer().status == 502)
                #expect(backend.requests.count == 2)
            }
        }

        /// On a fresh connection the first answer can be to nothing else.
        @Test func `behind the first answer of a connection goes to nobody`() throws {
            let backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    let line = request.startLine + "\n"
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(line.utf8.count)\r\n\r\n"
                    try connection.send(head + line + Self.surplus)
                }
            }
            try pooled(backend) { _, client in
                for number in 0..<3 {
                    try client.send(request("GET", "/\(number)"))
                    #expect(try client.readFinalAnswer().text == "GET /\(number) HTTP/1.1\n")
                }
                #expect(backend.connections.count == 4)
            }
        }

        /// A POST is not sent again; but it has looked before, and got an answer that it may have.
        @Test func `does not cost a POST that looked before`() throws {
            let backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    let line = request.startLine + "\n"
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(line.utf8.count)\r\n\r\n"
                    let isPost = request.method == "POST"
                    try connection.send(head + line + (isPost ? Self.surplus : ""))
                }
            }
            try pooled(backend) { _, client in
                try client.send(request("POST", "/post/x", "Content-Length: 0"))
                #expect(try client.readFinalAnswer().text == "POST /post/x HTTP/1.1\n")
                #expect(eventually(within: 10) { backend.connections[0].isAtEnd })
                #expect(backend.requests.count == 2)
            }
        }
    }
}
