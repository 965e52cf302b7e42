// Connections to the backend: reused, found stale, refused, slow.

import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `Connections to the backend` {
        @Test func `are reused`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            for number in 0..<5 {
                let answer = try RawClient.exchange(gate.address, request("GET", "/\(number)"))
                #expect(answer.text == "GET /\(number) HTTP/1.1\n")
            }
            #expect(backend.connections.count == 1)
        }

        @Test func `are closed when nobody needs them`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let rest = "timeouts: {upstream_idle: 300ms}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            #expect(eventually(within: 20) { backend.connections.allSatisfy(\.isAtEnd) })
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
        }

        /// Answers once, then takes one more request on the same connection and hangs up.
        private func backendThatHangsUp() throws -> ScriptedBackend {
            let isFirst = Collected<Int>()
            return try ScriptedBackend { connection in
                isFirst.append(1)
                let mayHangUp = isFirst.count == 1
                var count = 0
                while let head = try connection.readHead() {
                    count += 1
                    if mayHangUp && count == 2 { return }
                    _ = try connection.readRequest()
                    let length = head.method == "HEAD" ? "" : "ok"
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + length)
                }
            }
        }

        @Test(arguments: ["GET", "HEAD", "DELETE", "PUT"])
        func `that turn out stale cost an idempotent request nothing`(_ method: String) throws {
            let backend = try backendThatHangsUp()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            #expect(try client.readFinalAnswer().status == 200)
            try client.send(request(method))
            #expect(try client.readFinalAnswer(to: method).status == 200)
            #expect(backend.connections.count == 2)
        }

        @Test func `that turn out stale are replaced where no more may be opened`() throws {
            let backend = try backendThatHangsUp()
            defer { backend.stop() }
            let gate = try GateProcess(
                configuration(backend.address, rest: "limits: {connections: 1}"))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            for _ in 0..<2 {
                try client.send(request("GET"))
                #expect(try client.readFinalAnswer().status == 200)
            }
            #expect(backend.connections.count == 2)
        }

        @Test func `that turn out stale are never asked twice to POST`() throws {
            let backend = try backendThatHangsUp()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            #expect(try client.readFinalAnswer().status == 200)
            try client.send(request("POST", "/post/x", "Content-Length: 0"))
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 502)
            #expect(answer.value("Content-Type")?.hasPrefix("application/problem+json") == true)
            #expect(backend.connections.count == 1)
        }

        @Test func `that a backend closed while idle are not used for a POST`() throws {
            let backend = try ScriptedBackend { connection in
                guard try connection.readRequest() != nil else { return }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            for _ in 0..<3 {
                let post = request("POST", "/post/x", "Content-Length: 0")
                #expect(try RawClient.exchange(gate.address, post).status == 200)
                #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
                usleep(20_000)
            }
        }

        /// The gate finds the request and the end together, in this order.
        @Test func `that a backend closes just before a POST are not used for it`() throws {
            let mayEnd = Flag()
            let backend = try ScriptedBackend { connection in
                guard try connection.readRequest() != nil else { return }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                _ = eventually { mayEnd.isRaised }
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            let post = request("POST", "/post/x", "Content-Length: 0")
            try client.send(post)
            #expect(try client.readFinalAnswer().status == 200)
            try gate.whileStopped {
                try client.send(post)
                mayEnd.raise()
                #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
            }
            #expect(try client.readFinalAnswer().status == 200)
            #expect(backend.connections.count == 2)
        }

        /// The edge that tells of the reset is used up by the answer: the next write finds it.
        @Test func `that are reset with their last answer cost the next request no time`() throws {
            let asked = Flag()
            let stopped = Flag()
            let count = Collected<Int>()
            let backend = try ScriptedBackend { connection in
                count.append(1)
                let isFirst = count.count == 1
                while try connection.readRequest() != nil {
                    if isFirst {
                        asked.raise()
                        _ = eventually { stopped.isRaised }
                    }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    if isFirst { return connection.reset() }
                }
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 5)
            defer { client.close() }
            try client.send(request("GET"))
            #expect(eventually { asked.isRaised })
            try gate.whileStopped {
                stopped.raise()
                #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
            }
            #expect(try client.readFinalAnswer().text == "ok")
            try client.send(request("GET"))
            #expect(try client.readFinalAnswer().text == "ok")
            #expect(backend.connections.count == 2)
        }

        @Test func `that always break are not tried for ever`() throws {
            let backend = try ScriptedBackend { _ = try $0.readHead() }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 502)
            #expect(backend.connections.count <= 3)
        }

        @Test func `that are refused make a 502 at once`() throws {
            let listener = try Socket.listen(on: .loopback)
            let address = listener.localAddress
            listener.close()
            let gate = try GateProcess(configuration(address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            for _ in 0..<2 {
                try client.send(request("GET"))
                let answer = try client.readFinalAnswer()
                #expect(answer.status == 502)
                #expect(answer.values("Proxy-Status").first?.contains("methodgate") == true)
                #expect(answer.value("Cache-Control") == "no-store")
                #expect(answer.values("Date").count == 1)
            }
        }

        @Test func `that take too long to open make a 504`() throws {
            let listener = try Socket.listen(on: .loopback, backlog: 0)
            defer { listener.close() }
            // The queue of the kernel is full with this one: another connection hangs.
            let filler = try Socket.connect(to: listener.localAddress)
            defer { filler.close() }
            func gate(_ time: String) throws -> GateProcess {
                try GateProcess(
                    configuration(listener.localAddress, rest: "timeouts: {connect: \(time)}"))
            }
            // Who has longer is asked first, and waits still when the other one has given up.
            let patient = try gate("1m")
            defer { end(patient) }
            let gate = try gate("300ms")
            defer { end(gate) }
            let waiting = try patient.connect()
            defer { waiting.close() }
            try waiting.send(request("GET"))
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 504)
            #expect(try waiting.isOpenAndSilent(for: 0))
        }

        @Test func `that give no answer in time make a 504 and are closed`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let rest = "timeouts: {response: 300ms}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 504)
            #expect(answer.value("Content-Type")?.hasPrefix("application/problem+json") == true)
            #expect(eventually { backend.connections.allSatisfy(\.isAtEnd) })
            #expect(backend.connections.count == 1)
        }

        @Test func `that stall in an answer cut the client off, never end it well`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let rest = "timeouts: {response: 300ms}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            #expect(try client.readHead().status == 200)
            #expect(try client.readToEnd() == Bytes("half".utf8))
        }

        @Test func `that are reset in an answer cut the client off at once`() throws {
            let asked = Flag()
            let stopped = Flag()
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                asked.raise()
                _ = eventually { stopped.isRaised }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                connection.reset()
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 3)
            defer { client.close() }
            try client.send(request("GET"))
            #expect(eventually { asked.isRaised })
            // Answer and reset wait for the gate together.
            gate.process.signal(SIGSTOP)
            stopped.raise()
            #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
            gate.process.signal(SIGCONT)
            let all = String(latin1: try client.readToEnd())
            #expect(!all.contains("half") || all.hasSuffix("half"))
        }

        @Test func `that slip in an answer's chunks cut the client off`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                try connection.send("4\r\nhalf\r\n")
                connection.wait(0.1)
                try connection.send("nonsense\r\n0\r\n\r\n")
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("GET"))
            let all = String(latin1: try client.readToEnd())
            #expect(all.contains("half") && !all.contains("0\r\n\r\n") && !all.contains("nonsense"))
            #expect(eventually { backend.connections.allSatisfy(\.isAtEnd) })
        }

        @Test func `that trickle are waited for as long as they progress`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                for byte in "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".utf8 {
                    try connection.send([byte])
                    connection.wait(0.06)
                }
            }
            defer { backend.stop() }
            let rest = "timeouts: {response: 2s}"
            let gate = try GateProcess(configuration(backend.address, rest: rest))
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, request("GET")).text == "hello")
        }

        @Test func `end when the client goes away`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            try client.send(request("GET"))
            #expect(eventually { backend.requests.count == 1 })
            client.reset()
            #expect(eventually { backend.connections.allSatisfy(\.isAtEnd) })
        }
    }
}
