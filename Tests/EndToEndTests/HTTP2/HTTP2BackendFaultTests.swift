// Backends that break HTTP/2: their clients are told what was wrong, and not that nobody was there.

import TestSupport
import Testing

extension `End to end` {
    struct `A backend that breaks HTTP 2` {
        struct Fault: Sendable, CustomTestStringConvertible {
            var frames: [HTTP2Frame]
            var error = "http_protocol_error"
            var reason: String
            var testDescription: String { reason }
        }

        private static let size = "http_response_header_section_size"
        private static let lost = "connection_terminated"
        private static func head(_ length: Int) -> [HTTP2Field] {
            [
                HTTP2Field(":status", "200"),
                HTTP2Field("a", String(repeating: "x", count: length)),
            ]
        }

        @Test(arguments: [
            Fault(
                frames: [
                    HTTP2Frame(
                        5, flags: 4, stream: 1,
                        HTTP2Frame.number(2) + HTTP2Field.encode(HTTP2Field.request()))
                ], reason: "PUSH_PROMISE, though pushing is turned off"),
            Fault(
                frames: [
                    HTTP2Frame(1, flags: 4, stream: 1, Bytes(repeating: 0xff, count: 6))
                ], reason: "fields that HPACK cannot read, or one of more than 64 KiB"),
            Fault(frames: [.headers(1, head(17000))], reason: "an HTTP/2 frame of a wrong size"),
            Fault(
                frames: HTTP2Frame.section(1, head(70000), by: 16000), error: size,
                reason: "the head is longer than the limit"),
            Fault(frames: [.data(1, [0x61])], reason: "frames that break HTTP/2"),
            Fault(
                frames: [
                    .headers(1, [HTTP2Field(":status", "103")], ends: false), .data(1, [0x61]),
                ], reason: "no :status"),
            Fault(
                frames: [HTTP2Frame(7, stream: 1, HTTP2Frame.number(0) + HTTP2Frame.number(0))],
                reason: "frames that break HTTP/2"),
            Fault(frames: [.reset(1, 2)], error: lost, reason: "the backend reset the stream"),
            Fault(frames: [.reset(1, 7)], error: lost, reason: "the backend refused the stream"),
        ])
        func `is named in the answer and the log`(_ fault: Fault) throws {
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    try side.send(
                        fault.frames.map { frame in
                            var frame = frame
                            if frame.stream > 0 { frame.stream = request.stream }
                            return frame
                        })
                }
            }
            try check(backend, fault.error, fault.reason)
        }

        @Test func `or speaks HTTP 1, too`() throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRaw(24)
                try connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            }
            try check(
                backend, "http_protocol_error",
                "the backend speaks HTTP/1.1, and is configured for HTTP/2")
        }

        private func check(_ backend: ScriptedBackend, _ error: String, _ reason: String) throws {
            defer { backend.stop() }
            let directory = try TemporaryDirectory()
            let file = directory.path("access.jsonl")
            let rest = "log: {blocks: {to: stdout}, access: {to: file \(file)}}"
            let gate = try GateProcess(overHTTP2(backend, rest: rest), in: directory)
            defer { end(gate) }
            let answer = try RawClient.exchange(gate.address, request("GET"))
            #expect(answer.status == 502)
            #expect(answer.value("Proxy-Status")?.contains("error=\(error)") == true)
            _ = try eventually { try !BlockLog(file: file).lines.isEmpty }
            let record = try BlockLog(file: file).records().first
            #expect(record?["event.reason"] == reason)
        }
    }
}
