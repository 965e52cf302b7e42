// Content of any size in both directions: every byte arrives, memory stays bounded, and one slow
// side slows only the other.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Streaming` {
        /// With TLS on both sides, or without.
        private func startGate(_ backend: ScriptedBackend, _ overTLS: Bool) throws -> GateProcess {
            guard overTLS else { return try GateProcess(configuration(backend.address)) }
            return try TLSFixture().gate(
                backend.address, url: "https://\(backend.address)", backendTLS: "{ca: front.pem}")
        }

        @Test(arguments: Framing.allCases, [false, true])
        func `an upload costs bounded memory`(
            _ framing: Framing, _ overTLS: Bool
        ) throws {
            let received = Collected<Int>()
            let backend = try framing.receiving(received, tls: overTLS ? .server : nil)
            defer { backend.stop() }
            let gate = try startGate(backend, overTLS)
            defer { end(gate) }
            let tls = overTLS ? TestTLS() : nil
            _ = try RawClient.exchange(gate.address, blocked, tls: tls)
            let client = try gate.connect(patience: 60, tls: tls)
            defer { client.close() }
            var growth = try Growth(of: gate)
            try client.send(request("POST", "/post/x", framing.field(streamedBytes)))
            try framing.send(streamedBytes) {
                try client.send($0)
                try growth.sample()
            }
            #expect(try client.readFinalAnswer().status == 200)
            #expect(received.all == [streamedBytes])
            try growth.expectIsBounded("upload, \(framing), TLS \(overTLS)")
        }

        @Test(arguments: Framing.allCases, [false, true])
        func `a download costs bounded memory`(
            _ framing: Framing, _ overTLS: Bool
        ) throws {
            let backend = try framing.sending(tls: overTLS ? .server : nil)
            defer { backend.stop() }
            let gate = try startGate(backend, overTLS)
            defer { end(gate) }
            let tls = overTLS ? TestTLS() : nil
            _ = try RawClient.exchange(gate.address, blocked, tls: tls)
            let client = try gate.connect(patience: 60, tls: tls)
            defer { client.close() }
            var growth = try Growth(of: gate)
            try client.send(request("GET"))
            #expect(try client.readHead().status == 200)
            let count = try framing.receive(streamedBytes) {
                try growth.sample()
                return try client.readSome()
            }
            #expect(count == streamedBytes)
            try growth.expectIsBounded("download, \(framing), TLS \(overTLS)")
        }

        @Test func `a slow reader costs bounded memory`() throws {
            let sent = Collected<Int>()
            let backend = try ScriptedBackend { connection in
                guard try connection.readRequest() != nil else { return }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(1 << 30)\r\n\r\n")
                try Framing.length.send(1 << 30) {
                    try connection.send($0)
                    sent.append($0.count)
                }
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let before = try gate.memory().anonymous
            let client = try RawClient(gate.address, receiveBuffer: 8192)
            try client.send(request("GET"))
            #expect(try client.readHead().status == 200)
            for _ in 0..<20 {
                _ = try client.readSome(atMost: 1000)
                usleep(100_000)
            }
            #expect(try gate.memory().anonymous - before < allowedGrowth)
            // The backend is held up: it could write no more than the socket buffers hold.
            let count = sent.count
            usleep(200_000)
            #expect(sent.count - count <= 2)
            // Others are served meanwhile.
            #expect(try RawClient.exchange(gate.address, blocked).status == 405)
            client.reset()
            #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
        }

        @Test func `a slow backend costs bounded memory`() throws {
            let isDone = Flag()
            let backend = try ScriptedBackend { connection in
                connection.keepsBytes = false
                connection.socket.set(SOL_SOCKET, SO_RCVBUF, 8192)
                _ = try connection.readHead()
                while !isDone.isRaised {
                    connection.wait(0.1)
                    _ = try connection.socket.read(atMost: 1000, Deadline(seconds: 5))
                }
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 0.3)
            defer { client.close() }
            defer { isDone.raise() }
            let growth = try Growth(of: gate)
            try client.send(request("POST", "/post/x", "Content-Length: \(1 << 30)"))
            // Sending gets stuck once the buffers of the kernel are full.
            #expect(throws: TimedOut.self) {
                try Framing.length.send(64 << 20) { try client.send($0) }
            }
            try growth.expectIsBounded("upload to a slow backend")
            #expect(try RawClient.exchange(gate.address, blocked).status == 405)
        }

        @Test func `an early answer reaches a client that still sends`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readHead()
                let reply = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch"
                try connection.send(reply)
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Content-Length: \(8 << 20)"))
            try client.send(Bytes(repeating: 0x61, count: 100_000))
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 413)
            #expect(answer.text == "much")
        }

        @Test func `an early answer with a close reaches a client that still sends`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readHead()
                let reply = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
                try connection.send(reply + "Content-Length: 4\r\n\r\nmuch")
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Content-Length: \(8 << 20)"))
            do {
                for _ in 0..<20 {
                    try client.send(Bytes(repeating: 0x61, count: 50_000))
                    usleep(5_000)
                }
            } catch is SocketError {}
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 413)
            #expect(answer.text == "much")
        }

        @Test func `an answer reaches a client that sends on after it said close`() throws {
            let isSent = Flag()
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                _ = eventually { isSent.isRaised }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET", "/", "Connection: close"))
            #expect(eventually { backend.requests.count == 1 })
            let next = request("GET", "/" + String(repeating: "a", count: 4000))
            for _ in 0..<50 { try client.send(next) }
            isSent.raise()
            #expect(try client.readFinalAnswer().text == "ok")
            #expect(try client.isClosed(within: 8))
            // A reset could have taken the answer with it.
            #expect(!client.wasReset)
            #expect(backend.requests.count == 1)
        }

        @Test func `a rejection reaches a client that still sends`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 20)
            defer { client.close() }
            try client.send(request("PATCH", "/", "Content-Length: \(64 << 20)"))
            do {
                for _ in 0..<1000 { try client.send(Bytes(repeating: 0x61, count: 65_536)) }
            } catch is SocketError {} catch is TimedOut {}
            #expect(try client.readFinalAnswer().status == 405)
            #expect(!client.wasReset)
            #expect(backend.requests.isEmpty)
        }

        /// A gate and a client of it that has been rejected and owes content.
        private func withRejected(
            _ field: String, _ work: (RawClient) throws -> Void
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("PATCH", "/", field))
            #expect(try client.readFinalAnswer().status == 405)
            try work(client)
            #expect(backend.requests.isEmpty)
        }

        @Test func `content of a rejected request is read up to 256 KiB, then the connection ends`()
            throws
        {
            let chunk = Bytes("4000\r\n".utf8) + Bytes(repeating: 0x61, count: 16384) + [13, 10]
            try withRejected("Transfer-Encoding: chunked") { client throws in
                for _ in 0..<15 { try client.send(chunk) }
                #expect(try !client.isClosed(within: 0.3))
                for _ in 0..<2 { try client.send(chunk) }
                #expect(try client.isClosed(within: 3))
                #expect(!client.wasReset)
            }
        }

        @Test func `a client that sends on after its end is read up to 1 MiB, then cut off`()
            throws
        {
            let block = Bytes(repeating: 0x61, count: 65_536)
            try withRejected("Content-Length: \(64 << 20)") { client throws in
                var sent = 0
                let elapsed = try seconds { () throws in
                    do {
                        while sent < 8 << 20 {
                            try client.send(block)
                            sent += block.count
                            // So that all of it has been read, or refused.
                            usleep(10_000)
                        }
                    } catch is SocketError {}
                }
                #expect(sent >= 1 << 20 && sent <= 2 << 20)
                // Time alone would end it after 5 s.
                #expect(elapsed < 4)
            }
        }
    }
}
