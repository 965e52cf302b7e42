// WebSocket tunnels: bytes in both directions at their own pace, every way they can end, and the
// two records of each.

import Foundation
import Glibc
import TestSupport
import Testing

/// Bytes that differ from place to place, the same in every run.
private func pattern(_ count: Int, seed: UInt8) -> Bytes {
    var state = UInt32(seed) &+ 1
    // No power of two, so that a block is at another place of every buffer.
    let block = (0..<65_521).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
    var bytes = Bytes()
    while bytes.count < count { bytes += block }
    return Bytes(bytes.prefix(count))
}

extension `End to end` {
    struct `A tunnel` {
        // MARK: Bytes

        @Test func `carries many bytes in both directions at once`() throws {
            let count = 24 << 20
            let up = pattern(count, seed: 1)
            let down = pattern(count, seed: 2)
            let cameUp = Collected<Bytes>()
            let backend = try switching { connection in
                let errors = inThreads(2) { number in
                    if number == 0 { return try connection.send(down) }
                    cameUp.append(try connection.readRaw(count))
                }
                if let error = errors.first { throw error }
                connection.socket.halfClose()
                _ = try connection.readRaw(1)
            }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            let before = try gate.memory().anonymous
            let client = try gate.tunnel(patience: 60)
            let cameDown = Collected<Bytes>()
            let errors = inThreads(2) { number in
                if number == 0 { return try client.send(up) }
                cameDown.append(try client.readRaw(count))
            }
            #expect(errors.isEmpty)
            #expect(cameDown.all == [down])
            #expect(eventually { cameUp.count == 1 })
            #expect(cameUp.all == [up])
            #expect(try gate.memory().anonymous - before < 4 << 20)
            #expect(try client.readRaw(1).isEmpty && !client.wasReset)
            client.close()
            let records = try gate.tunnelRecords(2)
            let (start, finish) = (records[0], records[1])
            #expect(start["event.action"] == "tunnel-started")
            #expect(finish["event.action"] == "tunnel-ended")
            #expect(start["event.id"] == finish["event.id"])
            #expect(finish["event.reason"] == "the backend ended the tunnel")
            #expect(finish.integer("source.bytes") == count)
            #expect(finish.integer("destination.bytes") == count)
            #expect((finish.integer("event.duration") ?? 0) > 1_000_000)
            for record in [start, finish] {
                #expect(record["rule.id"] == "socket")
                #expect(record["source.ip"] == "127.0.0.1")
                #expect(record["http.request.id"] == "abc-1")
                #expect(record["url.path"] == "/ws/room")
                #expect(record["url.original"] == "/ws/room?REDACTED")
                #expect(record["methodgate.upstream"] == "\(backend.address)")
            }
            try gate.log.verifyChain()
        }

        @Test func `waits for a slow reader, and passes on what that one sends`() throws {
            let heard = Collected<Bytes>()
            let backend = try switching { connection in
                let errors = inThreads(2) { number in
                    if number == 1 { return heard.append(try connection.readRaw(4)) }
                    let block = pattern(1 << 20, seed: 3)
                    for _ in 0..<64 { try connection.send(block) }
                }
                if let error = errors.first { throw error }
            }
            defer { backend.stop() }
            let gate = try GateProcess(
                granting(backend.address, "timeouts: {client_content: 300ms, response: 300ms}"))
            defer { end(gate) }
            let before = try gate.memory().anonymous
            let client = try RawClient(gate.address, patience: 20, receiveBuffer: 8192)
            defer { client.close() }
            try client.send(handshake)
            #expect(try client.readAnswer().status == 101)
            // Nobody reads for longer than either side may take over content.
            usleep(1_000_000)
            #expect(heard.count == 0)
            try client.send("ping")
            #expect(eventually { heard.all == [Bytes("ping".utf8)] })
            #expect(try gate.memory().anonymous - before < 4 << 20)
            let block = pattern(1 << 20, seed: 3)
            for _ in 0..<64 { #expect(try client.readRaw(1 << 20) == block) }
        }

        @Test func `waits for a slow backend`() throws {
            let count = 64 << 20
            let total = Collected<Int>()
            let backend = try switching { connection in
                connection.keepsBytes = false
                connection.wait(1)
                var came = 0
                while came < count {
                    let bytes = try connection.socket.read(Deadline(seconds: 5))
                    guard !bytes.isEmpty else { break }
                    came += bytes.count
                }
                total.append(came)
            }
            defer { backend.stop() }
            let gate = try GateProcess(
                granting(backend.address, "timeouts: {client_content: 300ms, response: 300ms}"))
            defer { end(gate) }
            let before = try gate.memory().anonymous
            let client = try gate.tunnel(patience: 20)
            defer { client.close() }
            let block = Bytes(repeating: 0x61, count: 1 << 20)
            for _ in 0..<(count >> 20) { try client.send(block) }
            #expect(try gate.memory().anonymous - before < 4 << 20)
            #expect(eventually { total.all == [count] })
        }

        @Test func `lasts as long as a side takes something, however slowly`() throws {
            let backend = try switching { connection in
                try connection.send(pattern(8 << 20, seed: 5))
            }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address, "timeouts: {tunnel_idle: 600ms}"))
            defer { end(gate) }
            let client = try RawClient(gate.address, patience: 20, receiveBuffer: 8192)
            defer { client.close() }
            try client.send(handshake)
            #expect(try client.readAnswer().status == 101)
            var bytes = Bytes()
            for _ in 0..<40 {
                for _ in 0..<3 { bytes += try client.readSome(atMost: 4096) }
                usleep(100_000)
            }
            #expect(try bytes + client.readToEnd() == pattern(8 << 20, seed: 5))
            #expect(!client.wasReset)
        }

        @Test func `ends when neither side takes what waits for it`() throws {
            let backend = try switching { connection in
                try? connection.send(pattern(64 << 20, seed: 6))
            }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address, "timeouts: {tunnel_idle: 500ms}"))
            defer { end(gate) }
            let client = try RawClient(gate.address, receiveBuffer: 8192)
            defer { client.close() }
            try client.send(handshake)
            #expect(
                try gate.tunnelRecords(2)[1]["event.reason"]
                    == "nothing passed for timeouts.tunnel_idle")
            #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
        }

        @Test func `lets nothing of the client through before the backend has switched`() throws {
            let early = Collected<Bytes>()
            let late = Collected<Bytes>()
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                connection.wait(0.3)
                early.append(connection.received)
                try connection.send(accepted)
                late.append(try connection.readRaw(5))
            }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(handshake + "early")
            #expect(try client.readAnswer().status == 101)
            #expect(eventually { late.all == [Bytes("early".utf8)] })
            #expect(String(latin1: early.all[0]).hasSuffix("\r\n\r\n"))
        }

        // MARK: Ends

        @Test func `goes on in one direction after the client has ended the other`() throws {
            let backend = try switching { connection in
                #expect(try connection.readRaw(.max) == Bytes("last words".utf8))
                connection.wait(0.2)
                try connection.send(pattern(3 << 20, seed: 4))
            }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            let client = try gate.tunnel()
            defer { client.close() }
            try client.send("last words")
            client.halfClose()
            #expect(try client.readToEnd() == pattern(3 << 20, seed: 4))
            #expect(!client.wasReset)
            let records = try gate.tunnelRecords(2)
            #expect(records[1]["event.reason"] == "the client ended the tunnel")
            #expect(records[1].integer("source.bytes") == 10)
        }

        @Test func `ends with a client that had ended its side before it began`() throws {
            let heard = Collected<Bytes>()
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                connection.wait(0.2)
                try connection.send(accepted + "hello")
                heard.append(try connection.readRaw(.max))
            }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(handshake + "bye")
            client.halfClose()
            #expect(try client.readAnswer().status == 101)
            #expect(try client.readToEnd() == Bytes("hello".utf8))
            #expect(heard.all == [Bytes("bye".utf8)])
            #expect(try gate.tunnelRecords(2)[1]["event.reason"] == "the client ended the tunnel")
        }

        @Test func `ends with a backend that leaves as soon as it has switched`() throws {
            let backend = try switching { _ in }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            for _ in 0..<10 {
                let client = try gate.tunnel()
                #expect(try client.readToEnd().isEmpty && !client.wasReset)
                client.close()
            }
            for record in try gate.tunnelRecords(20) {
                #expect([nil, "the backend ended the tunnel"].contains(record["event.reason"]))
            }
        }

        @Test func `brings the last words of a backend that reads no more`() throws {
            let backend = try switching { connection in
                connection.wait(0.2)
                try connection.send("goodbye")
            }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            let client = try gate.tunnel()
            defer { client.close() }
            try? client.send(Bytes(repeating: 0x61, count: 8 << 20))
            #expect(try client.readRaw(7) == Bytes("goodbye".utf8))
            _ = try client.readToEnd()
            _ = try gate.tunnelRecords(2)
        }

        @Test(arguments: [true, false])
        func `cuts the other side off when one is lost`(_ losesClient: Bool) throws {
            let isOpen = Flag()
            let wasReset = Collected<Bool>()
            let backend = try switching { connection in
                #expect(try connection.readRaw(2) == Bytes("hi".utf8))
                isOpen.raise()
                guard losesClient else { return connection.reset() }
                do {
                    _ = try connection.socket.read(Deadline(seconds: 5))
                    wasReset.append(false)
                } catch let error as SocketError {
                    wasReset.append(error.isReset)
                }
            }
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            let client = try gate.tunnel()
            defer { client.close() }
            try client.send("hi")
            #expect(eventually { isOpen.isRaised })
            if losesClient {
                client.reset()
                #expect(eventually { wasReset.all == [true] })
            } else {
                _ = try client.readToEnd()
                #expect(client.wasReset)
            }
            let reason = losesClient ? "the client's" : "the backend's"
            #expect(
                try gate.tunnelRecords(2)[1]["event.reason"] == reason + " connection broke")
        }

        @Test func `ends when nothing passes, and lasts as long as anything does`() throws {
            let backend = try echoing()
            defer { backend.stop() }
            let gate = try GateProcess(
                granting(backend.address, "timeouts: {tunnel_idle: 600ms, client_content: 100ms}"))
            defer { end(gate) }
            let client = try gate.tunnel()
            defer { client.close() }
            for _ in 0..<8 {
                usleep(200_000)
                #expect(try client.isEchoed("still here"))
            }
            let elapsed = try seconds { () throws in _ = try client.readToEnd() }
            #expect(elapsed > 0.3 && elapsed < 20)
            #expect(client.wasReset)
            #expect(
                try gate.tunnelRecords(2)[1]["event.reason"]
                    == "nothing passed for timeouts.tunnel_idle")
        }

        @Test func `gives a side that has not ended its time for content`() throws {
            let backend = try switching { connection in
                connection.wait(0.1)
                connection.socket.halfClose()
                _ = try connection.readRaw(.max)
            }
            defer { backend.stop() }
            let gate = try GateProcess(
                granting(backend.address, "timeouts: {client_content: 500ms}"))
            defer { end(gate) }
            let client = try gate.tunnel()
            defer { client.close() }
            #expect(try client.readRaw(1).isEmpty && !client.wasReset)
            #expect(
                try gate.tunnelRecords(2)[1]["event.reason"]
                    == "the client did not end its side after the backend had")
        }

        @Test func `leaves no descriptor and no memory behind`() throws {
            let backend = try echoing()
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            func open(_ count: Int) throws {
                let clients = try (0..<count).map { _ in try gate.tunnel() }
                for (number, client) in clients.enumerated() {
                    #expect(try client.isEchoed("hello"))
                    if number.isMultiple(of: 2) { client.reset() } else { client.close() }
                }
            }
            try open(50)
            _ = try gate.tunnelRecords(100)
            let (descriptors, memory) = (try gate.descriptors(), try gate.memory().anonymous)
            for _ in 0..<6 { try open(50) }
            #expect(try gate.tunnelRecords(700).count == 700)
            #expect(try gate.descriptors() <= descriptors)
            #expect(try gate.memory().anonymous - memory < 2 << 20)
        }

        // MARK: The gate's own life

        @Test func `lasts until the end of a drain, and no longer`() throws {
            let backend = try echoing()
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address, "timeouts: {drain: 1s}"))
            defer { gate.stop() }
            let clients = try (0..<3).map { _ in try gate.tunnel() }
            defer { for client in clients { client.close() } }
            gate.process.signal(SIGTERM)
            usleep(300_000)
            for client in clients { #expect(try client.isEchoed("still here")) }
            let elapsed = seconds {
                #expect(gate.process.waitForExit(within: 20) == .code(0))
            }
            #expect(elapsed < 20)
            let records = try gate.log.records().filter { $0["event.action"] == "tunnel-ended" }
            #expect(records.count == 3)
            for record in records {
                #expect(
                    record["event.reason"] == "the gate ended, and timeouts.drain had passed")
            }
            try gate.log.verifyChain()
        }

        @Test func `does not hold up a drain once it has ended`() throws {
            let backend = try echoing()
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address, "timeouts: {drain: 20s}"))
            defer { gate.stop() }
            let client = try gate.tunnel()
            gate.process.signal(SIGTERM)
            usleep(200_000)
            client.close()
            #expect(gate.process.waitForExit(within: 20) == .code(0))
        }

        @Test func `stays on the policy that granted it`() throws {
            let backend = try echoing()
            defer { backend.stop() }
            let gate = try GateProcess(granting(backend.address))
            defer { end(gate) }
            let client = try gate.tunnel()
            let policy = try gate.tunnelRecords(1)[0]["methodgate.policy_sha256"]
            try gate.reload(configuration(backend.address, rest: "timeouts: {tunnel_idle: 100ms}"))
            #expect(
                eventually {
                    (try? gate.log.records().count { $0["event.action"] == "configuration-loaded" })
                        ?? 0 > 1
                })
            usleep(500_000)
            #expect(try client.isEchoed("still here"))
            client.close()
            let ended = try gate.tunnelRecords(2)[1]
            #expect(ended["methodgate.policy_sha256"] == policy)
            #expect(ended["rule.id"] == "socket")
            // Nobody gets another one: a switch would be one that nobody asked for.
            let next = try gate.connect()
            defer { next.close() }
            try next.send(handshake)
            #expect(try next.readFinalAnswer().status == 502)
        }

        @Test func `is a connection of its client`() throws {
            let backend = try echoing()
            defer { backend.stop() }
            let gate = try GateProcess(
                granting(backend.address, "limits: {connections_per_client: 1}"))
            defer { end(gate) }
            let client = try gate.tunnel()
            let second = try gate.connect()
            defer { second.close() }
            #expect(try second.isClosed(within: 8))
            #expect(try client.isEchoed("still here"))
            client.close()
            #expect(
                eventually { (try? gate.connect().isClosed(within: 0.2)) == false })
        }

        @Test func `stands in the access log once it has ended`() throws {
            let backend = try echoing()
            defer { backend.stop() }
            let directory = try TemporaryDirectory()
            let file = directory.path("access.jsonl")
            let gate = try GateProcess(
                granting(backend.address, "log: {access: {to: file \(file)}}"))
            defer { end(gate) }
            let client = try gate.tunnel()
            #expect(try client.isEchoed("0123456789"))
            #expect(try BlockLog(file: file).lines.isEmpty)
            client.close()
            let id = try gate.tunnelRecords(2)[1]["event.id"]
            #expect(try eventually { try !BlockLog(file: file).lines.isEmpty })
            let record = try BlockLog(file: file).records()[0]
            #expect(record["event.id"] == id)
            #expect(record.integer("http.response.status_code") == 101)
            #expect(record.integer("http.request.body.bytes") == 10)
            #expect(record.integer("http.response.body.bytes") == 10)
        }
    }
}
