// Shadow mode promises to change nothing for clients, whatever becomes of its records.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `A shadow rule` {
        private let backend: ScriptedBackend
        private let directory: TemporaryDirectory
        private let shadowed = request("PUT", "/shadow", "Content-Length: 0")

        init() throws {
            backend = try ScriptedBackend.echo()
            directory = try TemporaryDirectory()
        }

        private func start(log: String, _ onFull: String) throws -> GateProcess {
            let rest = """
                  /shadow: {methods: [GET], mode: shadow}
                admin: {'address': '127.0.0.1:0'}
                timeouts: {log: 10s}
                log: {blocks: {to: file \(log), on_full: \(onFull)}}
                """
            return try GateProcess(configuration(backend.address, rest: rest), in: directory)
        }

        /// The value of a metric that has one sample by that name and labels.
        private func metric(_ name: String, of gate: GateProcess) throws -> Int? {
            let said = gate.process.standardError.split(separator: "\n")
            let line = try #require(said.first { $0.contains("admin endpoint on ") })
            let admin = try #require(Address(line.split(separator: " ").last ?? ""))
            let answer = try RawClient.exchange(
                admin, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let sample = answer.text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            return sample?.split(separator: " ").last.flatMap { Int($0) }
        }

        private func expectPasses(_ client: RawClient) throws {
            let elapsed = try seconds { () throws in
                try client.send(shadowed)
                #expect(try client.readFinalAnswer().text.hasPrefix("PUT /shadow"))
            }
            #expect(elapsed < 2)
        }

        @Test(arguments: ["block", "refuse", "drop"])
        func `never delays or refuses a request where the disk is full`(_ onFull: String) throws {
            defer { backend.stop() }
            let gate = try start(log: "/dev/full", onFull)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            // The first record meets a log of which nothing is known yet, the others one that
            // takes nothing.
            for _ in 0..<3 { try expectPasses(client) }
            let action = "methodgate_blocks_total{action=\"would-block\"}"
            #expect(try eventually { try metric(action, of: gate) == 3 })
            #expect(
                try eventually {
                    try metric("methodgate_records_dropped_total", of: gate) ?? 0 >= 2
                })
        }

        @Test(arguments: ["block", "refuse", "drop"])
        func `never waits for a pipe, and says later how many records were lost`(
            _ onFull: String
        ) throws {
            defer { backend.stop() }
            let file = directory.path("pipe")
            #expect(mkfifo(file, 0o600) == 0)
            let descriptor = open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            #expect(descriptor >= 0)
            defer { close(descriptor) }
            let gate = try start(log: file, onFull)
            defer { end(gate) }
            let block = Bytes(repeating: 0x23, count: 4096)
            while write(descriptor, block, block.count) > 0 {}
            while write(descriptor, block, 1) > 0 {}
            let client = try gate.connect()
            defer { client.close() }
            try expectPasses(client)
            // It is taken for full once it has taken nothing for 200 ms.
            usleep(400_000)
            for _ in 0..<3 { try expectPasses(client) }
            var written = Bytes()
            var buffer = Bytes(repeating: 0, count: 65_536)
            let isSaid = try eventually(within: 20) {
                let count = read(descriptor, &buffer, buffer.count)
                if count > 0 { written += buffer[..<count].filter { $0 != 0x23 } }
                try expectPasses(client)
                let records = try BlockLog(written).records()
                return records.contains { ($0.integer("methodgate.dropped_total") ?? 0) >= 3 }
            }
            #expect(isSaid)
        }
    }
}
