// Backends that misbehave: each fault has its status and its bound, and costs its own request only.

import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `A faulty backend` {
        /// Runs `script` for requests under /bad, and answers all others.
        private func gate(
            rest: String = "", _ script: @escaping ScriptedBackend.Script,
            _ body: (GateProcess, ScriptedBackend) throws -> Void
        ) throws {
            let backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    if request.startLine.contains("/bad") { return try script(connection) }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            try body(gate, backend)
            #expect(try RawClient.exchange(gate.address, request("GET")).text == "ok")
        }

        @Test func `that sends interim answers without an end is stopped: 502`() throws {
            let interim = "HTTP/1.1 102 Processing\r\n\r\n"
            let rest = "limits: {response_head: 4KiB}"
            try gate(
                rest: rest,
                { connection in while true { try connection.send(interim) } },
                { gate, backend in
                    let client = try gate.connect(patience: 20)
                    defer { client.close() }
                    try client.send(request("GET", "/bad"))
                    var count = 0
                    var answer = try client.readAnswer()
                    while answer.status == 102, count < 1000 {
                        count += 1
                        answer = try client.readAnswer()
                    }
                    try #require(answer.status == 502)
                    #expect(count == 4096 / interim.utf8.count)
                    // Its connection is closed, the client's goes on.
                    #expect(eventually(within: 10) { backend.connections[0].isClosed })
                    try client.send(request("GET"))
                    #expect(try client.readFinalAnswer().status == 200)
                })
        }

        @Test func `may send some interim answers to each of many requests`() throws {
            let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    for _ in 0..<50 { try connection.send(interim) }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            defer { backend.stop() }
            let rest = "limits: {response_head: 4KiB}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            for _ in 0..<5 {
                try client.send(request("GET"))
                for _ in 0..<50 { #expect(try client.readAnswer().status == 103) }
                #expect(try client.readAnswer().status == 200)
            }
            #expect(backend.connections.count == 1)
        }

        @Test(arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nA: b\r\n",
        ])
        func `that closes amid content resets its client`(_ part: String) throws {
            try gate(
                { try $0.send(part) },
                { gate, _ in
                    let client = try gate.connect(patience: 20)
                    defer { client.close() }
                    try client.send(request("GET", "/bad"))
                    _ = try client.readToEnd()
                    #expect(client.wasReset)
                })
        }

        @Test(arguments: [
            "", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 102 A\r\n\r\n",
        ])
        func `that closes or resets before the end of a head makes a 502`(_ part: String) throws {
            for resets in [false, true] {
                try gate(
                    { connection in
                        try connection.send(part)
                        connection.wait(0.05)
                        if resets { connection.reset() }
                    },
                    { gate, _ in
                        let client = try gate.connect(patience: 20)
                        defer { client.close() }
                        try client.send(request("GET", "/bad"))
                        #expect(try client.readFinalAnswer().status == 502)
                        try client.send(request("GET"))
                        #expect(try client.readFinalAnswer().status == 200)
                    })
            }
        }

        @Test func `that sends a head without an end is stopped: 502`() throws {
            try gate(
                rest: "limits: {response_head: 4KiB}",
                { connection in
                    try connection.send("HTTP/1.1 200 OK\r\nX: ")
                    while true { try connection.send(Bytes(repeating: 0x61, count: 1000)) }
                },
                { gate, _ in
                    let client = try gate.connect(patience: 20)
                    defer { client.close() }
                    try client.send(request("GET", "/bad"))
                    #expect(try client.readFinalAnswer().status == 502)
                })
        }

        @Test func `that sends trailers without an end is stopped`() throws {
            try gate(
                rest: "limits: {response_head: 4KiB}",
                { connection in
                    try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    try connection.send("4\r\nbody\r\n0\r\n")
                    while true { try connection.send("A: b\r\n") }
                },
                { gate, _ in
                    let client = try gate.connect(patience: 20)
                    defer { client.close() }
                    try client.send(request("GET", "/bad"))
                    _ = try client.readToEnd()
                    #expect(client.wasReset)
                })
        }

        @Test func `that stalls within a head makes a 504`() throws {
            try gate(
                rest: "timeouts: {response: 300ms}",
                { connection in
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Le")
                    while try connection.fill() {}
                },
                { gate, _ in
                    let client = try gate.connect(patience: 20)
                    defer { client.close() }
                    try client.send(request("GET", "/bad"))
                    #expect(try client.readFinalAnswer().status == 504)
                })
        }

        /// Both directions at once: the answer is more than the client reads, while it still sends.
        @Test func `that answers amid the request gets the rest of it`() throws {
            let size = 4 << 20
            let backend = try ScriptedBackend { connection in
                let head = try #require(try connection.readHead())
                var count = connection.takeContent(after: head).count
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size + 4)\r\n\r\n")
                try connection.send(Bytes(repeating: 0x61, count: size))
                while count < 300_000 {
                    let bytes = try connection.socket.read(TestSupport.Deadline(seconds: 20))
                    guard !bytes.isEmpty else { return }
                    count += bytes.count
                }
                try connection.send("last")
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try RawClient(gate.address, patience: 20, receiveBuffer: 8192)
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Content-Length: 300000"))
            // The answer fills what there is of buffers, and only then the content follows.
            #expect(try client.readHead().status == 200)
            usleep(300_000)
            try client.send(Bytes(repeating: 0x62, count: 150_000))
            usleep(100_000)
            var count = 0
            while count < size { count += try client.readSome().count }
            try client.send(Bytes(repeating: 0x62, count: 150_000))
            while count < size + 4 {
                let bytes = try client.readSome()
                guard !bytes.isEmpty else { break }
                count += bytes.count
            }
            #expect(count == size + 4)
        }
    }
}
