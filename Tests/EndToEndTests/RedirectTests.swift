// A redirect that turned a POST into a GET, with the clients that do so.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `A redirect that turned a POST into a GET` {
        private let backend: ScriptedBackend

        init() throws {
            backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    let path = request.startLine.split(separator: " ")[1]
                    let isNew = request.method == "GET" || path.hasSuffix("/")
                    try connection.send(
                        isNew
                            ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                            : "HTTP/1.1 301 Moved Permanently\r\nLocation: \(path)/\r\n"
                                + "Content-Length: 0\r\n\r\n")
                }
            }
        }

        private func settings(workers: Int = 1, fine: String = "[GET, POST]") -> String {
            configuration(
                backend.address, workers: workers,
                rest: """
                    hosts:
                      127.0.0.1:
                        rules:
                          /items/: [POST]
                          /items: [POST]
                          /fine: \(fine)
                    """)
        }

        private func start(workers: Int = 1) throws -> GateProcess {
            try GateProcess(settings(workers: workers))
        }

        /// Runs curl and gives its output.
        private func curl(_ arguments: String...) throws -> String {
            let process = try ChildProcess("/usr/bin/curl", ["-sS", "-m", "10"] + arguments)
            defer { process.stop(within: 0) }
            #expect(process.waitForExit(within: 15) == .code(0), "\(process.standardError)")
            return String(decoding: process.standardOutput, as: UTF8.self)
        }

        private let hint =
            "a redirect by this backend turned the client's POST into this GET: 301 from /items; "
            + "POST is allowed at this path"

        @Test func `is named to curl -L and in the record`() throws {
            let gate = try start()
            defer { end(gate) }
            let url = "http://\(gate.address)/items"
            let answer = try curl("-L", "-d", "x=1", "-w", "%{http_code}", url)
            #expect(answer.contains("\"hint\":\"\(hint)\""))
            #expect(answer.hasSuffix("405"))
            #expect(eventually { (try? gate.log.byEvent().count) == 1 })
            let record = try #require(try gate.log.byEvent().values.first)
            #expect(record["methodgate.redirect.path"] == "/items")
            #expect(record["methodgate.redirect.method"] == "POST")
            #expect(record.integer("methodgate.redirect.status_code") == 301)
            let page = try curl("-L", "-d", "x=1", "-H", "Accept: text/html", url)
            #expect(page.contains("turned the client&#39;s POST into this GET: 301 from /items"))
            // A client that keeps the method has no use for a hint.
            #expect(try curl("-L", "--post301", "-d", "x=1", url) == "ok")
            #expect(try curl("-L", "-d", "x=1", "http://\(gate.address)/fine") == "ok")
        }

        @Test func `is named on a connection of its own, whichever worker has it`() throws {
            let gate = try start(workers: 4)
            defer { end(gate) }
            for _ in 0..<12 {
                let post = try RawClient.exchange(
                    gate.address,
                    "POST /items HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
                #expect(post.status == 301)
                let get = try RawClient.exchange(
                    gate.address, "GET /items/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                #expect(get.status == 405)
                #expect(get.text.contains(hint))
            }
            let other = try RawClient.exchange(
                gate.address,
                "GET /items/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: other\r\n\r\n")
            #expect(!other.text.contains("redirect"))
        }

        @Test func `is not remembered where the GET may pass`() throws {
            let gate = try start()
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            func ask(_ line: String) throws -> WireMessage {
                try client.send("\(line) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
                return try client.readFinalAnswer()
            }
            #expect(try ask("POST /fine").status == 301)
            #expect(try ask("GET /fine/").status == 200)
            // Only a policy that forbids it afterwards can tell.
            try gate.reload(settings(fine: "[POST]"))
            #expect(eventually { (try? ask("GET /fine/").status) == 405 })
            #expect(try !ask("GET /fine/").text.contains("redirect"))
            #expect(try ask("POST /fine").status == 301)
            #expect(try ask("GET /fine/").text.contains("301 from /fine"))
        }
    }
}
