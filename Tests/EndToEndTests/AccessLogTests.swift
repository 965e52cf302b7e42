// The access log: one line for each request, whoever answered it.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `The access log` {
        private let directory: TemporaryDirectory
        private var file: String { directory.path("access.jsonl") }

        init() throws { directory = try TemporaryDirectory() }

        private func start(
            _ backend: Address, blocks: String = "stdout", onFull: String = "block",
            rest: String = ""
        ) throws -> GateProcess {
            let log = """
                timeouts:
                  response: 500ms
                  client_content: 500ms
                  client_head: 500ms
                  log: 500ms
                  drain: 500ms
                limits: {content: 16B}
                log:
                  blocks: {to: \(blocks), on_full: \(onFull)}
                  access: {to: file \(file)}
                hosts:
                  shadow.example: {defaults: {methods: [GET], mode: shadow}}
                  over.example: {defaults: {methods: [GET, POST], mode: shadow}}
                  answer.example: {defaults: {methods: [GET], options: answer}}
                  shut.example: {defaults: {methods: [GET], blocked_status: close}}

                """
            return try GateProcess(configuration(backend, rest: log + rest), in: directory)
        }

        /// The lines, once there are that many.
        private func lines(_ count: Int) throws -> [LogRecord] {
            _ = try eventually { try BlockLog(file: file).lines.count >= count }
            return try BlockLog(file: file).records()
        }

        struct Row: Sendable, CustomTestStringConvertible {
            var request: String
            var status: Int?
            var action: String
            var answeredBy: String?
            var reached = false
            /// Whether a block record has the same id.
            var hasBlock = false
            var fields: [String: String] = [:]

            var testDescription: String { action + " " + String(request.prefix(30)) }
        }

        private static func post(_ path: String, _ fields: String..., content: String) -> String {
            (["POST \(path) HTTP/1.1", "Host: a.example"] + fields).joined(separator: "\r\n")
                + "\r\n\r\n" + content
        }

        private static let chunked = "Transfer-Encoding: chunked"

        @Test(arguments: [
            Row(
                request: request("GET", "/x?secret=1"), status: 200, action: "request-served",
                answeredBy: "backend", reached: true,
                fields: ["url.path": "/x", "url.original": "/x?REDACTED"]),
            Row(
                request: request("PATCH", "/x"), status: 405, action: "method-blocked",
                answeredBy: "gate", hasBlock: true,
                fields: ["rule.id": "default", "url.path": "/x"]),
            Row(
                request: "GET / HTTP/1.1\r\nHost: shut.example\r\n\r\n"
                    .replacing("GET", with: "PUT"), status: nil, action: "method-blocked",
                hasBlock: true),
            Row(
                request: "GET /no-host HTTP/1.1\r\n\r\n", status: 400,
                action: "malformed-request", answeredBy: "gate", hasBlock: true,
                fields: [
                    "http.request.method": "GET", "url.original": "/no-host",
                    "event.reason": "no Host in HTTP/1.1",
                ]),
            Row(
                request: request("GET", "/%zz"), status: 400, action: "malformed-request",
                answeredBy: "gate", hasBlock: true),
            Row(
                request: post("/post/1", "Content-Length: 17", content: "12345678901234567"),
                status: 413, action: "malformed-request", answeredBy: "gate", hasBlock: true),
            Row(
                request: post("/post/2", chunked, content: "5\r\nabcde\r\n") + "zz\r\n",
                status: 400, action: "malformed-request", answeredBy: "gate", hasBlock: true,
                fields: ["url.path": "/post/2"]),
            Row(
                request: post("/post/3", chunked, content: "5\r\nabcde\r\n"), status: 408,
                action: "malformed-request", answeredBy: "gate", reached: true, hasBlock: true,
                fields: ["url.path": "/post/3"]),
            Row(
                request: "GET /late HTTP/1.1\r\nHost: a.example\r\n", status: 408,
                action: "malformed-request", answeredBy: "gate", hasBlock: true,
                fields: ["url.original": "/late"]),
            Row(
                request: request("OPTIONS", "*"), status: 204, action: "request-answered",
                answeredBy: "gate", fields: ["url.original": "*"]),
            Row(
                request: "OPTIONS / HTTP/1.1\r\nHost: answer.example\r\n\r\n", status: 204,
                action: "request-answered", answeredBy: "gate", fields: ["rule.id": "default"]),
            Row(
                request: request("GET", "/silent"), status: 504, action: "request-failed",
                answeredBy: "gate", reached: true,
                fields: ["event.reason": "the backend did not answer in time"]),
            Row(
                request: request("GET", "/nonsense"), status: 502, action: "request-failed",
                answeredBy: "gate", reached: true),
            Row(
                request: "PUT /x HTTP/1.1\r\nHost: shadow.example\r\nContent-Length: 0\r\n\r\n",
                status: 200, action: "request-served", answeredBy: "backend", reached: true,
                hasBlock: true),
            // What shadow lets through of an override has a record, too.
            Row(
                request: "GET /f HTTP/1.1\r\nHost: over.example\r\nX-HTTP-Method: PUT\r\n\r\n",
                status: 200, action: "request-served", answeredBy: "backend", reached: true,
                hasBlock: true),
            Row(
                request: "POST /q?_method=PUT HTTP/1.1\r\nHost: over.example\r\n"
                    + "Content-Length: 0\r\n\r\n",
                status: 200, action: "request-served", answeredBy: "backend", reached: true,
                hasBlock: true),
            Row(
                request: "POST /c HTTP/1.1\r\nHost: over.example\r\n"
                    + "Content-Type: application/x-www-form-urlencoded\r\n"
                    + "Content-Length: 11\r\n\r\n_method=PUT",
                status: 200, action: "request-served", answeredBy: "backend", reached: true,
                hasBlock: true),
            Row(
                request: "OPTIONS /o HTTP/1.1\r\nHost: over.example\r\nMax-Forwards: 0\r\n\r\n",
                status: 204, action: "request-answered", answeredBy: "gate", hasBlock: true),
        ])
        func `has a line for each request, and it leads to the block record`(_ row: Row) throws {
            let backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    if request.startLine.contains("/silent") { sleep(2) }
                    let isBad = request.startLine.contains("/nonsense")
                    try connection.send(
                        isBad
                            ? "nonsense\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            defer { backend.stop() }
            let gate = try start(backend.address)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(row.request)
            var id: String?
            if let status = row.status {
                let answer = try client.readFinalAnswer()
                #expect(answer.status == status)
                id = answer.value("Methodgate-Event")
            } else {
                #expect(try client.readToEnd().isEmpty)
            }
            let lines = try lines(1)
            let line = try #require(lines.first)
            #expect(lines.count == 1)
            #expect(line["event.action"] == row.action)
            #expect(line["event.dataset"] == "methodgate.access")
            #expect(line.integer("http.response.status_code") == row.status)
            #expect(line["methodgate.answered_by"] == row.answeredBy)
            #expect(line.values["methodgate.reached_backend"] as? Bool == row.reached)
            #expect(line["source.ip"] == "127.0.0.1")
            #expect(line["methodgate.policy_sha256"]?.count == 64)
            for (key, value) in row.fields { #expect(line[key] == value) }
            #expect((line["event.id"] != nil) == row.hasBlock)
            if let id { #expect(line["event.id"] == id) }
            guard let named = line["event.id"] else { return }
            _ = try eventually { try gate.log.byEvent()[named] != nil }
            let block = try #require(try gate.log.byEvent()[named])
            #expect(block["source.ip"] == line["source.ip"])
            if block["event.action"] != "would-block" {
                #expect(block.values["methodgate.reached_backend"] as? Bool == row.reached)
            }
            #expect(block.integer("source.port") == line.integer("source.port"))
        }

        @Test func `names the record of an override that content brings late`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try start(backend.address)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(
                "POST /c HTTP/1.1\r\nHost: over.example\r\nContent-Length: 11\r\n"
                    + "Content-Type: application/x-www-form-urlencoded\r\n\r\n_met")
            // Its beginning is with the backend by now.
            #expect(eventually { backend.connections.contains { !$0.received.isEmpty } })
            try client.send("hod=PUT")
            #expect(try client.readFinalAnswer().status == 200)
            let id = try #require(try lines(1).first?["event.id"])
            #expect(eventually { (try? gate.log.byEvent()[id]) != nil })
        }

        @Test func `counts the content that was sent`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try start(backend.address)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            var sizes: [Int] = []
            // The second one is a kept answer.
            for method in ["PATCH", "PATCH", "GET"] {
                try client.send(request(method))
                sizes.append(try client.readFinalAnswer().content.count)
            }
            try client.send(request("HEAD", "/post/"))
            #expect(try client.readFinalAnswer(to: "HEAD").status == 200)
            let counted = try lines(4).map { $0.integer("http.response.body.bytes") }
            #expect(counted == sizes + [0])
        }

        @Test func `follows the block log where both are one file`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try start(backend.address, blocks: "file \(file)")
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(blocked + blocked + request("GET"))
            for _ in 0..<3 { _ = try client.readFinalAnswer() }
            let lines = try lines(6).filter { $0["event.action"] != "configuration-loaded" }
            let isAccess = lines.map { $0["event.dataset"] == "methodgate.access" }
            #expect(isAccess == [false, false, true, true, true])
            #expect(lines[0]["event.id"] == lines[2]["event.id"])
            #expect(lines[1]["event.id"] == lines[3]["event.id"])
        }

        @Test func `tells of a 503 where the block log takes nothing`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fifo = directory.path("blocks")
            #expect(mkfifo(fifo, 0o600) == 0)
            let pipe = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            defer { close(pipe) }
            let gate = try start(backend.address, blocks: "file \(fifo)", onFull: "refuse")
            defer { gate.stop() }
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            let block = Bytes(repeating: 0x23, count: 4096)
            while write(pipe, block, block.count) > 0 {}
            while write(pipe, block, 1) > 0 {}
            // The first two wait for their records; the first one's answer is then taken back.
            let client = try gate.connect()
            defer { client.close() }
            try client.send(request("PATCH", "/1") + request("PATCH", "/2"))
            #expect(try client.readFinalAnswer().status == 503)
            #expect(try client.isClosed(within: 7))
            #expect(try RawClient.exchange(gate.address, request("PATCH", "/3")).status == 503)
            #expect(try RawClient.exchange(gate.address, "GET /4 HTTP/1.1\r\n\r\n").status == 503)
            let lines = try Array(lines(5).dropFirst())
            #expect(lines.map { $0.integer("http.response.status_code") } == [503, nil, 503, 503])
            #expect(lines.map { $0["url.original"] } == ["/1", "/2", "/3", "/4"])
            #expect(
                lines.map { $0["event.action"] } == [
                    "method-blocked", "method-blocked", "request-failed", "request-failed",
                ])
        }

        @Test func `tells of no answer that nobody got`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try start(backend.address, blocks: "file /dev/full", onFull: "block")
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(blocked)
            #expect(try client.readToEnd().isEmpty)
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            let lines = try lines(1)
            #expect(lines.map { $0["event.action"] } == ["request-served"])
            // The block log never takes the record that the line waits for.
            end(gate)
            let all = try BlockLog(file: file).records()
            #expect(all.map { $0["event.action"] } == ["request-served", "method-blocked"])
            #expect(all[1].values["http.response.status_code"] == nil)
        }
    }
}
