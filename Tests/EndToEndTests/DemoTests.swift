// The first thing that somebody tries, `make run`: does what it prints work?

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `The demo` {
        private let directory: TemporaryDirectory

        init() throws { directory = try TemporaryDirectory() }

        /// The demo's configuration, on ports that are free.
        private func file() throws -> String {
            let source = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../config/demo.yaml")
            let free = try Socket.listen(on: .loopback)
            let backend = free.localAddress
            free.close()
            let text = try String(contentsOf: source, encoding: .utf8)
                .replacing("address: 127.0.0.1:8080", with: "address: 127.0.0.1:0")
                .replacing("127.0.0.1:8081", with: "\(backend)")
            let file = directory.path("demo.yaml")
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            return file
        }

        /// The commands among what it prints, each on one line.
        private func commands(_ text: String) -> [String] {
            text.replacing(/\\\n */, with: "").split(separator: "\n")
                .map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { $0.hasPrefix("curl ") }
        }

        /// What a person gets who types that; curl's progress goes to standard error.
        private func type(_ command: String) throws -> String {
            let shell = try ChildProcess("/bin/sh", ["-c", command])
            defer { shell.stop(within: 0) }
            #expect(shell.waitForExit(within: 30) == .code(0), "\(command)")
            return String(decoding: shell.standardOutput, as: UTF8.self)
        }

        @Test func `does what it says, until Ctrl-C`() throws {
            let demo = try ChildProcess(GateProcess.binary(), ["demo", "-c", try file()])
            defer { demo.stop() }
            #expect(eventually(within: 30) { demo.standardError.contains("Ctrl-C ends the demo") })
            let commands = commands(demo.standardError)
            try #require(commands.count == 4, "\(demo.standardError)")
            let allowed = try type(commands[0])
            #expect(allowed.hasPrefix("HTTP/1.1 200 "))
            #expect(allowed.contains("GET /api/items"))
            let blocked = try type(commands[1])
            #expect(blocked.hasPrefix("HTTP/1.1 405 "))
            #expect(blocked.contains("\r\nAllow: GET, HEAD, POST\r\n"))
            let preflight = try type(commands[2])
            #expect(preflight.hasPrefix("HTTP/1.1 405 "))
            #expect(preflight.contains("\r\nAllow: GET, HEAD, POST\r\n"))
            #expect(commands[3].contains(" https://"))
            let secure = try type(commands[3])
            #expect(secure.hasPrefix("HTTP/2 200 "))
            #expect(secure.contains("GET /api/items"))
            let records = try BlockLog(demo.standardOutput).records().filter(\.isAboutRequest)
            #expect(records.map { $0["event.action"] } == ["method-blocked", "preflight-blocked"])
            demo.signal(SIGINT)
            #expect(demo.waitForExit(within: 20) == .code(0), "\(demo.standardError)")
        }
    }
}
