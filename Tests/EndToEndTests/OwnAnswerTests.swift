// Answers that the gate gives when the request's head has long left its read buffer: they have the
// form that the head asked for all the same.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `The gate's own answers` {
        private static let settings = """
            timeouts: {response: 500ms, client_content: 500ms, client_head: 500ms, log: 500ms}
            """

        struct Row: Sendable, CustomTestStringConvertible {
            var name: String
            var request: String
            var status: Int
            var backend: Backend
            var error: String
            var method = "GET"
            var testDescription: String { name }
        }

        enum Backend: Sendable {
            /// Reads a request and says nothing.
            case silent
            /// Answers once, and breaks the connection at the second request.
            case breaksLater
            /// Nobody listens.
            case absent
        }

        private static func get(_ fields: String = "") -> String {
            "GET / HTTP/1.1\r\nHost: a.example\r\nAccept: image/png\r\nAccept: text/plain\r\n"
                + fields + "\r\n"
        }

        private static func post(_ fields: String, _ content: String) -> String {
            "POST /post/x HTTP/1.1\r\nHost: a.example\r\nAccept: text/plain\r\n" + fields
                + "\r\n\r\n" + content
        }

        @Test(arguments: [
            Row(
                name: "a head that is late",
                request: "GET / HTTP/1.1\r\nHost: a.example\r\nAccept: text/plain\r\nX: y",
                status: 408, backend: .silent, error: "http_request_error"),
            Row(
                name: "content that is late", request: post("Content-Length: 9", "abc"),
                status: 408, backend: .silent, error: "http_request_error"),
            Row(
                name: "chunks that are late",
                request: post("Transfer-Encoding: chunked", "3\r\nabc\r\n"), status: 408,
                backend: .silent, error: "http_request_error"),
            Row(
                name: "a backend that is late", request: get(), status: 504, backend: .silent,
                error: "http_response_timeout"),
            Row(
                name: "a large upload to it",
                request: post(
                    "Content-Length: 60000", String(repeating: "a", count: 60_000)),
                status: 504, backend: .silent, error: "http_response_timeout"),
            Row(
                name: "a backend that is not there", request: get(), status: 502,
                backend: .absent, error: "connection_refused"),
            Row(
                name: "HEAD to it", request: get().replacing("GET", with: "HEAD"), status: 502,
                backend: .absent, error: "connection_refused", method: "HEAD"),
            Row(
                name: "a backend that breaks a used connection",
                request: get() + post("Content-Length: 3", "abc"), status: 502,
                backend: .breaksLater, error: "connection_terminated"),
            Row(
                name: "a large upload to that",
                request: get()
                    + post(
                        "Content-Length: 60000", String(repeating: "a", count: 60_000)),
                status: 502, backend: .breaksLater, error: "connection_terminated"),
        ])
        func `have the form that the head asked for`(_ row: Row) throws {
            let backend = try ScriptedBackend { connection in
                guard try connection.readRequest() != nil else { return }
                if row.backend == .breaksLater {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    _ = try connection.readRequest()
                } else {
                    sleep(3)
                }
            }
            defer { backend.stop() }
            var address = backend.address
            if row.backend == .absent {
                let gone = try ScriptedBackend.echo()
                address = gone.address
                gone.stop()
            }
            let gate = try GateProcess(configuration(address, rest: Self.settings))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(row.request)
            if row.backend == .breaksLater {
                #expect(try client.readFinalAnswer().status == 200)
            }
            let answer = try client.readFinalAnswer(to: row.method)
            #expect(answer.status == row.status)
            #expect(answer.value("Content-Type") == "text/plain; charset=utf-8")
            #expect(answer.value("Proxy-Status") == "methodgate; error=\(row.error)")
            if row.method == "HEAD" {
                #expect(answer.content.isEmpty)
            } else {
                #expect(answer.text.hasPrefix("\(row.status) "))
            }
        }

        @Test(arguments: ["GET /%zz", "PATCH /", "GET /late", "HEAD /post/%zz"])
        func `to a log that takes nothing have it too`(_ line: String) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let log = "log: {blocks: {to: file /dev/full, on_full: refuse}}\n"
            let gate = try GateProcess(
                configuration(backend.address, rest: log + Self.settings))
            defer { end(gate) }
            let whole = "Host: a.example\r\nAccept: text/plain\r\n\r\n"
            let fields = line.hasSuffix("late") ? "Accept: text/plain\r\nHost:" : whole
            for _ in 0..<2 {
                let method = String(line.prefix { $0 != " " })
                let answer = try RawClient.exchange(
                    gate.address, "\(line) HTTP/1.1\r\n\(fields)", to: method)
                #expect(answer.status == 503)
                #expect(answer.value("Content-Type") == "text/plain; charset=utf-8")
                #expect(answer.value("Proxy-Status") == "methodgate; error=proxy_internal_error")
                #expect(answer.content.isEmpty == (method == "HEAD"))
            }
        }

        @Test func `that were taken back for a log that takes nothing have it`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let directory = try TemporaryDirectory()
            let fifo = directory.path("blocks")
            #expect(mkfifo(fifo, 0o600) == 0)
            let pipe = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            defer { close(pipe) }
            let log = "log: {blocks: {to: file \(fifo), on_full: refuse}}\n"
            let gate = try GateProcess(configuration(backend.address, rest: log), in: directory)
            defer { gate.stop() }
            #expect(try RawClient.exchange(gate.address, request("GET")).status == 200)
            let block = Bytes(repeating: 0x23, count: 4096)
            while write(pipe, block, block.count) > 0 {}
            while write(pipe, block, 1) > 0 {}
            // Both wait before the log is found to be full.
            let methods = ["PATCH", "HEAD"]
            let clients = try methods.map { method in
                let client = try gate.connect()
                try client.send(request(method, "/%zz", "Accept: text/html"))
                return client
            }
            for (method, client) in zip(methods, clients) {
                defer { client.close() }
                let answer = try client.readFinalAnswer(to: method)
                #expect(answer.status == 503)
                #expect(answer.value("Content-Type") == "text/html; charset=utf-8")
                #expect(answer.content.isEmpty == (method == "HEAD"))
            }
        }

        @Test func `say nothing of their author where nobody is to know`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let text = configuration(backend.address, rest: Self.settings)
                .replacing("  methods: [", with: "  attribution: none\n  methods: [")
            let gate = try GateProcess(text)
            defer { end(gate) }
            for (request, status) in [
                ("GET / HTTP/1.1\r\n\r\n", 400), ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
                ("nonsense\r\n\r\n", 400), ("GET / HTTP/3.0\r\n\r\n", 505),
                ("GET / HTTP/1.1\r\n", 408),
                ("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417), (blocked, 405),
            ] {
                let answer = try RawClient.exchange(gate.address, request)
                #expect(answer.status == status)
                #expect(answer.value("Methodgate-Event") == nil)
                #expect(answer.value("Proxy-Status") == nil)
                #expect(!answer.text.contains("instance"))
            }
            #expect(eventually { (try? gate.log.byEvent().count) == 7 })
        }
    }
}
