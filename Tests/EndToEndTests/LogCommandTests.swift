// `methodgate log` on the log of a gate that runs: what an operator, an auditor and a collector
// see of it.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `The log command` {
        private let directory: TemporaryDirectory
        private let backend: ScriptedBackend
        private var file: String { directory.path("blocks.jsonl") }

        init() throws {
            directory = try TemporaryDirectory()
            backend = try ScriptedBackend.echo()
        }

        private func start(workers: Int = 1) throws -> GateProcess {
            let rest = """
                  /items/{id}: {methods: [GET], id: items}
                  /shadow/{rest...}: {methods: [GET], id: shadowed, mode: shadow}
                log: {blocks: {to: file \(file)}}
                """
            return try GateProcess(
                configuration(backend.address, workers: workers, rest: rest), in: directory)
        }

        private func ask(_ gate: GateProcess, _ requests: String...) throws {
            let client = try gate.connect()
            defer { client.close() }
            for request in requests {
                try client.send(request)
                _ = try client.readFinalAnswer()
            }
        }

        /// A tail that runs, and what it has printed so far.
        private func tail(_ arguments: String...) throws -> ChildProcess {
            try ChildProcess(GateProcess.binary(), ["log", "tail", "-n", "0"] + arguments + [file])
        }

        private func printed(_ tail: ChildProcess) -> [Bytes] {
            BlockLog(tail.standardOutput).lines
        }

        // MARK: tail

        @Test func `follows a log over rotations, without a loss and in order`() throws {
            let gate = try start()
            defer { end(gate) }
            try ask(gate, blocked)
            let tail = try tail()
            defer { tail.stop(within: 0) }
            // It prints what comes after it has begun.
            #expect(
                try eventually(within: 20) {
                    try ask(gate, request("DELETE", "/items/first"))
                    return !printed(tail).isEmpty
                })
            for number in 1...3 {
                #expect(rename(file, "\(file).\(number)") == 0)
                try ask(gate, request("DELETE", "/items/a\(number)"))
                gate.process.signal(SIGUSR1)
                #expect(eventually { FileManager.default.fileExists(atPath: file) })
                try ask(gate, request("DELETE", "/items/b\(number)"))
                #expect(
                    eventually(within: 20) {
                        printed(tail).contains {
                            String(decoding: $0, as: UTF8.self).contains("/items/b\(number)")
                        }
                    })
            }
            let lines = printed(tail)
            var all: [Bytes] = []
            for name in [file + ".1", file + ".2", file + ".3", file] {
                all += try BlockLog(file: name).lines
            }
            #expect(lines == Array(all.suffix(lines.count)))
        }

        @Test(arguments: [
            (["--rule", "items"], ["/items/1", "/items/2"]),
            (["--method", "PATCH"], ["/", "/items/2"]),
            (["--action", "would-block"], ["/shadow/1"]),
            (["--rule", "items", "--method", "PATCH"], ["/items/2"]),
            (["--rule", "items", "--rule", "shadowed"], ["/items/1", "/items/2", "/shadow/1"]),
            (["--client", "127.0.0.1"], ["/", "/items/1", "/items/2", "/shadow/1"]),
            (["--client", "127.0.0.2"], []),
        ])
        func `shows what its filters take`(_ filters: [String], _ paths: [String]) throws {
            let gate = try start()
            defer { end(gate) }
            try ask(
                gate, blocked, request("DELETE", "/items/1"), request("PATCH", "/items/2"),
                request("DELETE", "/shadow/1"))
            #expect(try eventually { try BlockLog(file: file).lines.count == 5 })
            let process = try ChildProcess(
                GateProcess.binary(), ["log", "tail", "--no-follow"] + filters + [file])
            #expect(process.waitForExit(within: 20) == .code(0))
            let lines = BlockLog(process.standardOutput)
            #expect(try lines.records().map { $0["url.path"] ?? "" } == paths)
            // A program gets the records as they are.
            let all = try BlockLog(file: file).lines
            #expect(lines.lines.allSatisfy(all.contains))
        }

        @Test func `shows columns in colour on a terminal, and obeys nothing a client sent`() throws
        {
            let gate = try start()
            defer { end(gate) }
            try ask(gate, request("DELETE", "/items/1"), request("DELETE", "/shadow/%1b[2J"))
            try ask(gate, "BREW\u{1b}[2J / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try eventually { try BlockLog(file: file).lines.count == 4 })
            // A pseudo terminal (pts(4)): unlocked, and its other end by its number.
            let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
            defer { close(terminal) }
            var (locked, number): (Int32, Int32) = (0, 0)
            try #require(ioctl(terminal, 0x4004_5431, &locked) == 0)
            try #require(ioctl(terminal, 0x8004_5430, &number) == 0)
            let screen = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
            let process = try ChildProcess(
                GateProcess.binary(), ["log", "tail", "--no-follow", file],
                environment: ["NO_COLOR": ""], output: screen)
            #expect(process.waitForExit(within: 20) == .code(0))
            close(screen)
            var text = ""
            var buffer = Bytes(repeating: 0, count: 65_536)
            while case let count = read(terminal, &buffer, buffer.count), count > 0 {
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
            #expect(text.contains("\u{1b}[31mmethod-blocked"))
            #expect(text.contains("\u{1b}[33mwould-block"))
            #expect(text.contains("a.example/items/1"))
            let colours = text.split(separator: "\u{1b}").dropFirst()
            #expect(
                colours.allSatisfy {
                    $0.hasPrefix("[3") || $0.hasPrefix("[0m") || $0.hasPrefix("[2m")
                })
        }

        // MARK: verify

        private func verify(_ file: String) throws -> (
            status: TestSupport.ExitStatus?, output: String
        ) {
            let result = try GateProcess.command("log", "verify", file, within: 20)
            return (result.status, result.output)
        }

        @Test func `tells a line that was cut off from one that was changed or removed`() throws {
            let gate = try start()
            try ask(gate, blocked, blocked, request("DELETE", "/items/1"), blocked)
            end(gate)
            let whole = try Bytes(Data(contentsOf: URL(fileURLWithPath: file)))
            var lines = BlockLog(whole).lines
            let copy = directory.path("copy.jsonl")
            func write(_ bytes: Bytes) throws {
                try Data(bytes).write(to: URL(fileURLWithPath: copy))
            }
            func joined(_ lines: [Bytes]) -> Bytes { lines.flatMap { $0 + [0x0a] } }

            let fine = try verify(file)
            #expect(fine.status == .code(0))
            #expect(fine.output.contains("no record is missing, and the chain holds"))

            // As a full disk or a crash leaves it.
            try write(Bytes(whole.dropLast(40)))
            let cut = try verify(copy)
            #expect(cut.status == .code(0))
            #expect(cut.output.contains("note: "))
            #expect(cut.output.contains("the line ends within a record"))

            // As somebody leaves it who has something to hide.
            let text = String(decoding: lines[3], as: UTF8.self)
            lines[3] = Bytes(text.replacing("/items/1", with: "/items/2").utf8)
            try write(joined(lines))
            let changed = try verify(copy)
            #expect(changed.status == .code(1))
            #expect(changed.output.contains("one of the two lines was changed"))

            lines.remove(at: 3)
            try write(joined(lines))
            let removed = try verify(copy)
            #expect(removed.status == .code(1))
            #expect(removed.output.contains("1 record is missing"))
        }

        // MARK: convert

        /// Requests that would break a format which took their words as they are.
        private static let hostile = [
            request("DELETE", "/items/a|b=c", "User-Agent: a=b|c\\d\" client=203.0.113.9"),
            request("BR|EW", "/items/1", "X-Request-Id: x\",\"client.ip\":\"203.0.113.9"),
            request("PATCH", "/items/%0Aclient=203.0.113.9", "User-Agent: \u{e4}\u{2028}"),
        ]

        private func converted(_ format: String) throws -> [String] {
            let gate = try start()
            for request in Self.hostile { try ask(gate, request) }
            end(gate)
            let result = try GateProcess.command("log", "convert", "--to", format, file)
            #expect(result.status == .code(0))
            #expect(result.errors.isEmpty)
            return result.output.split(separator: "\n").map(String.init)
        }

        @Test func `makes CEF whose pairs are the record's`() throws {
            let lines = try converted("cef").filter { $0.contains("|method-blocked|") }
            #expect(lines.count == 3)
            for line in lines {
                let header = split(line, at: "|", most: 8)
                #expect(header[..<4] == ["CEF:0", "methodgate", "methodgate", header[3]])
                #expect(header[4] == "method-blocked")
                #expect(Int(header[6]) == 5)
                let pairs = cefPairs(header[7])
                #expect(pairs["src"] == "127.0.0.1")
                #expect(pairs["cs1"] == "items" && pairs["cs1Label"] == "ruleId")
                #expect(pairs["cn1"] == "405" && pairs["act"] == "blocked")
                #expect(pairs["client"] == nil)
            }
            let first = cefPairs(split(lines[0], at: "|", most: 8)[7])
            #expect(first["request"] == "/items/a|b=c")
            #expect(first["requestClientApplication"] == "a=b|c\\d\" client=203.0.113.9")
        }

        @Test func `makes OCSF that is valid, one object for each request`() throws {
            let lines = try converted("ocsf")
            #expect(lines.count == 3)
            for line in lines {
                let object = try #require(
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                #expect(object["class_uid"] as? Int == 4002)
                #expect(
                    object["type_uid"] as? Int == 400_200 + (object["activity_id"] as? Int ?? -1))
                #expect(object["disposition_id"] as? Int == 2)
                let rule = object["firewall_rule"] as? [String: Any]
                #expect(rule?["uid"] as? String == "items")
                let source = object["src_endpoint"] as? [String: Any]
                #expect(source?["ip"] as? String == "127.0.0.1")
                #expect((object["http_response"] as? [String: Any])?["code"] as? Int == 405)
            }
        }

        @Test func `makes a line for fail2ban that bans who was there`() throws {
            let lines = try converted("fail2ban")
            #expect(lines.count == 3)
            for line in lines {
                #expect(
                    line.dropFirst(27).hasPrefix(
                        " methodgate method-blocked client=127.0.0.1 status=405 "))
            }
        }

        /// At separators without a backslash before them, which go.
        private func split(_ text: String, at separator: Character, most: Int) -> [String] {
            var parts = [""]
            var isEscaped = false
            for character in text {
                if isEscaped || character != separator || parts.count == most {
                    if !isEscaped && character == "\\" && parts.count < most {
                        isEscaped = true
                        continue
                    }
                    parts[parts.count - 1].append(character)
                } else {
                    parts.append("")
                }
                isEscaped = false
            }
            return parts
        }

        /// A value ends where a blank, a word and an equals sign follow.
        private func cefPairs(_ text: String) -> [String: String] {
            var pairs: [String: String] = [:]
            let pattern = /(?:^| )([A-Za-z0-9]+)=((?:\\.|[^\\=])*?)(?=(?: [A-Za-z0-9]+=)|$)/
            for match in text.matches(of: pattern) {
                pairs[String(match.1)] = String(match.2).replacing(/\\(.)/) { String($0.1) }
            }
            return pairs
        }
    }
}
