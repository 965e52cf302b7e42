// SIGHUP: a good configuration takes effect without a lost request, a bad one changes nothing.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `A reload` {
        /// Requests that must all be answered 200, in the background until `stop`.
        private final class Traffic: @unchecked Sendable {
            let failures = Collected<String>()
            let answered = Collected<Int>()
            private let isDone = Flag()
            private var threads: [Thread] = []

            init(_ gate: GateProcess) {
                for number in 0..<3 {
                    let thread = Thread { self.run(gate, keepsAlive: number > 0) }
                    threads.append(thread)
                    thread.start()
                }
            }

            private func run(_ gate: GateProcess, keepsAlive: Bool) {
                var client: RawClient?
                while !isDone.isRaised {
                    do {
                        let current = try client ?? gate.connect()
                        client = keepsAlive ? current : nil
                        try current.send(request("GET"))
                        let answer = try current.readFinalAnswer()
                        answered.append(answer.status)
                        if answer.status != 200 { failures.append(answer.startLine) }
                        if answer.value("Connection") == "close" { client = nil }
                    } catch {
                        failures.append("\(error)")
                        client = nil
                    }
                }
            }

            func stop() {
                isDone.raise()
                for thread in threads { _ = eventually { thread.isFinished } }
            }
        }

        @Test func `leaves a request the limits and times that it began with`() throws {
            let backend = try ScriptedBackend { connection in
                guard let head = try connection.readHead() else { return }
                guard head.method == "POST" else {
                    return try connection.send("HTTP/1.1 204 No Content\r\n\r\n")
                }
                _ = try connection.readRequest()
                connection.wait(0.3)
                let long = "X: \(String(repeating: "x", count: 2000))\r\n"
                try connection.send("HTTP/1.1 200 OK\r\n\(long)Content-Length: 0\r\n\r\n")
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("POST", "/post/x", "Transfer-Encoding: chunked") + "1\r\na\r\n")
            #expect(eventually { !backend.connections.isEmpty })
            let narrow = """
                limits: {request_head: 1KiB, target: 1KiB, response_head: 1KiB, fields: 8}
                timeouts: {response: 100ms}
                """
            try gate.reload(configuration(backend.address, rest: narrow))
            let lines = (0..<10).map { "X-\($0): y\r\n" }.joined()
            #expect(
                try eventually {
                    let head = "GET / HTTP/1.1\r\nHost: a.example\r\n\(lines)\r\n"
                    return try RawClient.exchange(gate.address, head).status == 431
                })
            try client.send("0\r\n\(lines)\r\n")
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 200 && answer.value("X")?.count == 2000)
        }

        @Test func `changes the policy and loses no request`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, workers: 2))
            defer { end(gate) }
            let traffic = Traffic(gate)
            defer { traffic.stop() }
            let kept = try gate.connect()
            defer { kept.close() }
            for methods in ["[GET, PATCH]", "[GET]", "[GET, PATCH]"] {
                let text = configuration(
                    backend.address, workers: 2, methods: methods)
                try gate.reload(text)
                let expected = methods.contains("PATCH") ? 200 : 405
                #expect(
                    eventually {
                        (try? RawClient.exchange(gate.address, blocked).status) == expected
                    })
                // A connection from before follows as well.
                #expect(
                    try eventually {
                        try kept.send(blocked)
                        return try kept.readFinalAnswer().status == expected
                    })
            }
            traffic.stop()
            #expect(traffic.failures.all == [])
            #expect(traffic.answered.count > 20)
            let loads = try gate.log.records().filter { !$0.isAboutRequest }
            #expect(Set(loads.compactMap { $0["methodgate.policy_sha256"] }).count >= 2)
            try gate.log.verifyChain()
        }

        /// Who waits in the queue of a socket that is closed is reset, however soon another one is
        /// bound in its place.
        @Test func `keeps the sockets that listen`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, workers: 2))
            defer { end(gate) }
            let before = try listening(at: gate.address.port)
            #expect(before.count == 2)
            try gate.reload(configuration(backend.address, workers: 2, methods: "[GET, PATCH]"))
            #expect(
                eventually { (try? RawClient.exchange(gate.address, blocked).status) == 200 })
            #expect(try listening(at: gate.address.port) == before)
        }

        /// The inodes of the sockets that listen at a port of IPv4 (proc_net(5), state 0A).
        private func listening(at port: UInt16) throws -> Set<String> {
            let place = ":" + String(format: "%04X", port)
            // Foundation takes a file without a size for ended after the first read.
            let descriptor = open("/proc/net/tcp", O_RDONLY)
            defer { close(descriptor) }
            var table: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            while case let count = read(descriptor, &chunk, chunk.count), count > 0 {
                table += chunk[..<count]
            }
            let sockets = String(decoding: table, as: UTF8.self).split(separator: "\n").map {
                $0.split(separator: " ")
            }
            let found = sockets.filter { $0.count > 9 && $0[1].hasSuffix(place) && $0[3] == "0A" }
            return Set(found.map { String($0[9]) })
        }

        @Test func `with a broken configuration changes nothing and says so`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, workers: 2))
            defer { end(gate) }
            let traffic = Traffic(gate)
            defer { traffic.stop() }
            let broken = configuration(backend.address).replacing("[GET, POST]", with: "[GTE]")
            let said = gate.process.standardError
            try gate.reload(broken)
            #expect(eventually { gate.process.standardError.count > said.count })
            let message = gate.process.standardError.dropFirst(said.count)
            #expect(message.contains("methodgate.yaml:"))
            #expect(message.contains("GTE"))
            #expect(message.contains("GET"))
            #expect(try RawClient.exchange(gate.address, blocked).status == 405)
            let post = request("POST", "/post/x", "Content-Length: 0")
            #expect(try RawClient.exchange(gate.address, post).status == 200)
            traffic.stop()
            #expect(traffic.failures.all == [])
            #expect(gate.process.exitStatus == nil)
        }

        @Test func `without the file changes nothing and says so`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let said = gate.process.standardError
            try FileManager.default.removeItem(atPath: gate.configurationFile)
            gate.process.signal(SIGHUP)
            #expect(
                eventually {
                    gate.process.standardError.dropFirst(said.count).contains("methodgate.yaml")
                })
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
        }

        @Test func `lets a request end on the policy it began with`() throws {
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    connection.wait(0.4)
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("DELETE"))
            #expect(eventually { backend.requests.count == 1 })
            let text = configuration(
                backend.address, methods: "[GET]")
            try gate.reload(text)
            #expect(try client.readFinalAnswer().status == 200)
            try client.send(request("DELETE"))
            #expect(try client.readFinalAnswer().status == 405)
        }

        /// A client in the midst of an upload, whose beginning the backend has.
        private func beginUpload(
            _ gate: GateProcess, _ backend: ScriptedBackend
        ) throws -> RawClient {
            let client = try gate.connect()
            try client.send(
                request("POST", "/post/x", "Transfer-Encoding: chunked") + "5\r\nfirst\r\n")
            #expect(eventually { backend.connections.contains { !$0.received.isEmpty } })
            return client
        }

        @Test func `lets an upload end under the limit it began with`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try beginUpload(gate, backend)
            defer { client.close() }
            try gate.reload(configuration(backend.address, rest: "limits: {content: 6B}"))
            let post = request("POST", "/post/x", "Content-Length: 7") + "content"
            #expect(eventually { (try? RawClient.exchange(gate.address, post).status) == 413 })
            try client.send("6\r\nsecond\r\n0\r\n\r\n")
            #expect(try client.readFinalAnswer().status == 200)
        }

        @Test func `leaves what is refused midway under the policy it began with`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try beginUpload(gate, backend)
            defer { client.close() }
            #expect(try RawClient.exchange(gate.address, blocked).status == 405)
            try gate.reload(configuration(backend.address, rest: "limits: {content: 6B}"))
            let post = request("POST", "/post/x", "Content-Length: 7") + "content"
            #expect(eventually { (try? RawClient.exchange(gate.address, post).status) == 413 })
            try client.send("no chunk\r\n")
            #expect(try client.readFinalAnswer().status == 400)
            var digests: [String?] = []
            // An answer is sent once its record is written, and that is read some time after.
            let areThere = try eventually {
                digests = try gate.log.records().filter(\.isAboutRequest)
                    .map { $0["methodgate.policy_sha256"] }
                return digests.count >= 3
            }
            #expect(areThere && digests.last == digests.first)
            #expect(digests.contains { $0 != digests.first })
        }

        @Test func `may move the backend elsewhere`() throws {
            let first = try ScriptedBackend.always("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
            defer { first.stop() }
            let second = try ScriptedBackend.always("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2")
            defer { second.stop() }
            let gate = try GateProcess(configuration(first.address))
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, request("GET")).text == "1")
            try gate.reload(configuration(second.address))
            #expect(
                eventually {
                    (try? RawClient.exchange(gate.address, request("GET")).text) == "2"
                })
        }

        @Test(arguments: [["", "\n    proxy_protocol: true"], ["\n    proxy_protocol: true", ""]])
        func `keeps each of two listeners with a port of the system's choice`(
            after: [String]
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            // The strings end amid a quoted scalar, which `configuration` opens and closes.
            func text(_ options: [String], _ methods: String) -> String {
                var text = configuration(
                    backend.address, listen: ["127.0.0.1:0", "127.0.0.1:0"], methods: methods,
                    rest: "trusted_proxies: [127.0.0.1]")
                let parts = text.components(separatedBy: "127.0.0.1:0\"")
                text = parts[0] + "127.0.0.1:0\"" + options[0] + parts[1]
                return text + "127.0.0.1:0\"" + options[1] + parts[2]
            }
            let gate = try GateProcess(text(["", "\n    proxy_protocol: true"], "[GET]"))
            defer { end(gate) }
            let (plain, proxied) = (gate.addresses[0], gate.addresses[1])
            try gate.reload(text(after, "[GET, PATCH]"))
            #expect(
                eventually { (try? RawClient.exchange(plain, blocked).status) == 200 })
            let header = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n"
            #expect(
                eventually { (try? RawClient.exchange(proxied, header + blocked).status) == 200 })
        }
    }
}
