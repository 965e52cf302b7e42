// What the log means for streams: each waits for its own record, and for no other's.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Records of HTTP 2` {
        private static func full(_ onFull: String) -> String {
            """
            timeouts: {log: 700ms, drain: 1s}
            log: {blocks: {to: file /dev/full, on_full: \(onFull)}}
            """
        }

        @Test func `hold back their own stream, and no other`() throws {
            try withHTTP2(try .echo(), rest: Self.full("block")) { _, client throws in
                let held = try client.open(HTTP2Field.request("PATCH"))
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                #expect(client.answers[held] == nil, "no answer without a record")
                try client.readUntil { client.answers[held]?.resetCode != nil }
                #expect(client.answers[held]?.message == nil)
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
            }
        }

        @Test func `hold back the end of a connection with a broken preface`() throws {
            try withHTTP2(try .echo(), rest: Self.full("block")) { gate, _ throws in
                let text = try gate.connect()
                defer { text.close() }
                try text.send("INVALID CONNECTION PREFACE\r\n\r\n")
                #expect((try? text.readToEnd()) ?? [] == [], "no GOAWAY without a record")
            }
        }

        @Test func `that find no room are 503 with on_full refuse`() throws {
            try withHTTP2(try .echo(), rest: Self.full("refuse")) { _, client throws in
                #expect(try client.exchange(HTTP2Field.request("PATCH")).status == 503)
                #expect(try client.exchange(HTTP2Field.request("PATCH")).status == 503)
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
            }
        }

        @Test func `of what passed say the protocol`() throws {
            let directory = try TemporaryDirectory()
            let file = directory.path("access.jsonl")
            let rest = "log: {blocks: {to: stdout}, access: {to: file \(file)}}"
            try withHTTP2(try .echo(), rest: rest) { _, client throws in
                #expect(try client.exchange(HTTP2Field.request("GET", "/a")).status == 200)
                #expect(try client.exchange(HTTP2Field.request("PATCH", "/b")).status == 405)
                var records: [LogRecord] = []
                let isThere = try eventually(within: 10) {
                    records = try BlockLog(file: file).records()
                    return records.count >= 2
                }
                #expect(isThere)
                #expect(records.map { $0["http.version"] } == ["2", "2"])
                #expect(records.map { $0["url.path"] } == ["/a", "/b"])
            }
        }

        @Test func `count content without chunks, which nobody gets`() throws {
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    try connection.send("2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n")
                }
            }
            let directory = try TemporaryDirectory()
            let file = directory.path("access.jsonl")
            let rest = "log: {blocks: {to: stdout}, access: {to: file \(file)}}"
            try withHTTP2(backend, rest: rest) { _, client throws in
                #expect(
                    try client.exchange(HTTP2Field.request("GET", "/a")).message?.text == "hello")
                let isRight = try eventually(within: 10) {
                    try BlockLog(file: file).records().first?
                        .integer("http.response.body.bytes") == 5
                }
                #expect(isRight)
            }
        }

        @Test func `come from curl as from anybody`() throws {
            try withHTTP2(try .echo()) { gate, _ throws in
                let arguments = [
                    "-sS", "-m", "10", "--http2-prior-knowledge", "-w", " %{http_version}",
                ]
                let process = try ChildProcess(
                    "/usr/bin/curl", arguments + ["\(gate.address.url)/curl"])
                defer { process.stop(within: 0) }
                #expect(process.waitForExit(within: 15) == .code(0), "\(process.standardError)")
                let said = String(decoding: process.standardOutput, as: UTF8.self)
                #expect(said == "GET /curl HTTP/1.1\n 2")
            }
        }
    }
}
