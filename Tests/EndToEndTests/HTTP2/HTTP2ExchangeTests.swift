// Requests as streams: what reaches the backend, what comes back, and what is refused.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `HTTP 2` {
        @Test func `and HTTP 1 are served on one listener`() throws {
            try withHTTP2(try .echo()) { gate, client throws in
                #expect(
                    try client.exchange(HTTP2Field.request("GET", "/two")).message?.text
                        == "GET /two HTTP/1.1\n")
                let old = try gate.connect()
                defer { old.close() }
                try old.send(request("GET", "/one"))
                #expect(try old.readAnswer().text == "GET /one HTTP/1.1\n")
            }
        }

        @Test func `has interim answers, trailers and answers without content`() throws {
            let backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    switch request.target {
                    case "/interim":
                        try connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
                        try connection.send("HTTP/1.1 204 No Content\r\n\r\n")
                    case "/trailers":
                        try connection.send(
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                + "2;x=y\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Type: x\r\n\r\n")
                    default:
                        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
                    }
                }
            }
            try withHTTP2(backend) { _, client throws in
                let interim = try client.exchange(HTTP2Field.request("GET", "/interim"))
                #expect(interim.interim.map(\.status) == [103])
                #expect(interim.interim[0].value("link") == "</a>")
                #expect(interim.status == 204 && interim.message?.content == [])
                let trailers = try client.exchange(HTTP2Field.request("GET", "/trailers"))
                #expect(trailers.message?.text == "ok")
                #expect(trailers.message?.trailers.map(\.description) == ["x-sum: 1"])
                #expect(trailers.message?.value("transfer-encoding") == nil)
                let head = try client.exchange(HTTP2Field.request("HEAD", "/"))
                #expect(head.message?.value("content-length") == "7")
                #expect(head.message?.content == [] && head.hasEnded)
            }
        }

        @Test func `requests with trailers keep them where HTTP 1 has a place`() throws {
            let backend = try ScriptedBackend.echo()
            try withHTTP2(backend) { _, client throws in
                let stream = try client.open(HTTP2Field.request("PUT", "/a"), ends: false)
                try client.sendContent(Bytes("hello".utf8), on: stream, ends: false)
                try client.send(.headers(stream, [HTTP2Field("x-sum", "1")]))
                #expect(try client.readAnswer(stream).status == 200)
                let request = try #require(backend.requests.last)
                #expect(request.text == "hello" && request.framing == .chunked)
                #expect(request.trailers.map(\.description) == ["x-sum: 1"])
            }
        }

        @Test func `a rejection is for its stream alone, and has its record`() throws {
            try withHTTP2(try .echo()) { gate, client throws in
                let stream = try client.open(HTTP2Field.request("PATCH", "/x"), ends: false)
                let answer = try client.readAnswer(stream)
                #expect(answer.status == 405 && answer.message?.value("allow") != nil)
                try client.sendContent(Bytes("late".utf8), on: stream)
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                #expect(client.goAways.isEmpty)
                let id = answer.message?.value("methodgate-event")
                let isRecorded = try eventually(within: 10) {
                    try gate.log.records().contains {
                        $0["event.id"] == id && $0["http.version"] == "2"
                    }
                }
                #expect(isRecorded)
            }
        }

        @Test func `malformed fields are answered, recorded, and reach no backend`() throws {
            let backend = try ScriptedBackend.echo()
            try withHTTP2(backend) { gate, client throws in
                let bad: [[HTTP2Field]] = [
                    HTTP2Field.request("GET", "/ HTTP/1.1\r\nHost: b\r\n\r\nGET /x"),
                    HTTP2Field.request("GET", "/", [HTTP2Field("a", "b\r\nc: d")]),
                    HTTP2Field.request("GET", "/", [HTTP2Field("transfer-encoding", "chunked")]),
                    HTTP2Field.request("G T", "/"), HTTP2Field.request("GET", "x"),
                    HTTP2Field.request("GET", "/", [HTTP2Field("Upper", "x")]),
                    HTTP2Field.request("GET", "/", [HTTP2Field("content-length", "abc")]),
                    HTTP2Field.request(
                        "GET", "/",
                        [HTTP2Field("content-length", "0"), HTTP2Field("content-length", "0")]),
                ]
                for fields in bad {
                    let stream = try client.open(fields)
                    let answer = try client.readAnswer(stream)
                    try client.readUntil { client.answers[stream]?.resetCode == 1 }
                    #expect(answer.status == 400)
                    let id = answer.message?.value("methodgate-event")
                    let isRecorded = try eventually(within: 10) {
                        try gate.log.records().contains {
                            $0["event.id"] == id && $0["event.action"] == "malformed-request"
                                && $0["http.version"] == "2"
                        }
                    }
                    #expect(isRecorded)
                }
                #expect(backend.requests.isEmpty)
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
            }
        }

        @Test func `content that differs from its length is no request`() throws {
            let backend = try ScriptedBackend.echo()
            try withHTTP2(backend) { gate, client throws in
                let length = [HTTP2Field("content-length", "5")]
                for content in ["hell", "hello!"] {
                    let stream = try client.open(
                        HTTP2Field.request("PUT", "/a", length), ends: false)
                    try client.send(.data(stream, Bytes(content.utf8)))
                    try client.readUntil { client.answers[stream]?.resetCode != nil }
                    #expect(client.answers[stream]?.resetCode == 1)
                }
                #expect(backend.requests.isEmpty)
                let isRecorded = try eventually(within: 10) {
                    let reasons = try gate.log.records().compactMap { $0["event.reason"] }
                    return reasons.contains { $0.hasPrefix("less content") }
                        && reasons.contains { $0.hasPrefix("more content") }
                }
                #expect(isRecorded)
            }
        }

        /// Lines of a request, content, and what the answer's status is: the gate's refusal comes
        /// before the stream is reset.
        @Test(
            arguments: [
                ([("content-length", "0")], "a", 400),
                ([("content-length", "1"), ("content-length", "2")], "a", 400),
                ([("content-length", "9223372036854775808")], "a", 400),
            ] as [([(String, String)], String, Int)])
        func `content that contradicts its length is answered before the stream is reset`(
            _ lines: [(String, String)], _ content: String, _ status: Int
        ) throws {
            let backend = try ScriptedBackend { connection in
                _ = try connection.readRequest()
                _ = try connection.readRaw(1)
            }
            try withHTTP2(backend) { gate, client throws in
                let more = lines.map { HTTP2Field($0.0, $0.1) }
                let stream = try client.open(HTTP2Field.request("PUT", "/a", more), ends: false)
                try client.send(.data(stream, Bytes(content.utf8)))
                try client.readUntil { client.answers[stream]?.resetCode != nil }
                #expect(client.answers[stream]?.status == status)
                // NO_ERROR where the content comes later than the answer.
                #expect([0, 1].contains(client.answers[stream]?.resetCode))
                let isRecorded = try eventually(within: 10) {
                    let records = try gate.log.records()
                    return records.filter { $0["event.action"] == "malformed-request" }.count == 1
                }
                #expect(isRecorded)
            }
        }

        /// With a length and without.
        @Test(arguments: [true, false])
        func `content in very small pieces arrives as it is`(_ hasLength: Bool) throws {
            let backend = try ScriptedBackend.echo()
            try withHTTP2(backend) { _, client throws in
                let content = Bytes((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
                let length = HTTP2Field("content-length", "\(content.count)")
                for trailers in [[], [HTTP2Field("x-sum", "1")]] {
                    let fields = HTTP2Field.request("PUT", "/a", hasLength ? [length] : [])
                    let stream = try client.open(fields, ends: false)
                    var frames: Bytes = []
                    for (index, byte) in content.enumerated() {
                        let isLast = trailers.isEmpty && index == content.count - 1
                        frames += HTTP2Frame.data(stream, [byte], ends: isLast).bytes
                    }
                    if !trailers.isEmpty { frames += HTTP2Frame.headers(stream, trailers).bytes }
                    try client.raw.send(frames)
                    #expect(try client.readAnswer(stream).status == 200)
                    #expect(backend.requests.last?.content == content)
                    #expect(
                        backend.requests.last?.trailers.count == (hasLength ? 0 : trailers.count))
                }
            }
        }

        @Test func `CONNECT is never forwarded`() throws {
            let backend = try ScriptedBackend.echo()
            try withHTTP2(backend) { _, client throws in
                let fields = [
                    HTTP2Field(":method", "CONNECT"), HTTP2Field(":authority", "b.example:443"),
                ]
                let stream = try client.open(fields, ends: false)
                #expect(try client.readAnswer(stream).status == 405)
                try client.readUntil { client.answers[stream]?.resetCode != nil }
                #expect(client.answers[stream]?.resetCode == 0)
                // With all pseudo-fields, as some clients send it.
                let odd = try client.open(
                    fields + [HTTP2Field(":scheme", "http"), HTTP2Field(":path", "/a")],
                    ends: false)
                #expect(try client.readAnswer(odd).status == 405)
                try client.readUntil { client.answers[odd]?.resetCode != nil }
                #expect(client.answers[odd]?.resetCode == 1)
                let long = try client.open(
                    fields + [HTTP2Field(":scheme", "http"), HTTP2Field("content-length", "5")],
                    ends: false)
                #expect(try client.readAnswer(long).status == 405)
                try client.readUntil { client.answers[long]?.resetCode != nil }
                #expect(client.answers[long]?.resetCode == 1)
                #expect(backend.requests.isEmpty)
            }
        }

        @Test func `a broken preface ends the connection, and what names HTTP is answered`() throws
        {
            try withHTTP2(try .echo()) { gate, _ throws in
                for cut in [23, 24, 30] {
                    let text = try gate.connect()
                    defer { text.close() }
                    let preface = Bytes("INVALID CONNECTION PREFACE\r\n\r\n".utf8)
                    try text.send(Bytes(preface.prefix(cut)))
                    // SETTINGS first, and GOAWAY with PROTOCOL_ERROR last.
                    let bytes = try text.readToEnd()
                    #expect(bytes.count > 17 && bytes[3] == 4, "\(cut)")
                    #expect(Array(bytes.suffix(4)) == [0, 0, 0, 1], "\(cut)")
                    #expect(bytes[bytes.count - 14] == 7, "\(cut)")
                }
                let isRecorded = try eventually {
                    try gate.log.records().contains {
                        $0["event.reason"]
                            == "neither a preface of HTTP/2 nor a request of HTTP/1.1"
                    }
                }
                #expect(isRecorded)
                let lines = [
                    "GET / HTTP/x", "GET /", "GET / HTTPS", "GET  / a", "GET / http/1.1", "GET / ",
                    "GET /my file.txt HTTP/1.1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2",
                    "GET foo bar",
                    "OPTIONS x 1.1", "GET foo FTP/1.0",
                ]
                for line in lines {
                    let other = try gate.connect()
                    defer { other.close() }
                    try other.send("\(line)\r\nHost: a.example\r\n\r\n")
                    #expect(try other.readAnswer().status == 400, "\(line)")
                }
            }
        }

        @Test func `what is refused keeps to what its host has been given`() throws {
            let rest = """
                hosts:
                  a.example: {defaults: {attribution: none}, rules: {/h: [GET]}}
                """
            try withHTTP2(try .echo(), rest: rest) { gate, client throws in
                for bad in [HTTP2Field("connection", "close"), HTTP2Field("x", "a\r\nb: c")] {
                    let fields = [bad, HTTP2Field("accept", "text/html")]
                    let answer = try client.exchange(HTTP2Field.request("GET", "/p?q", fields))
                    #expect(answer.status == 400)
                    #expect(answer.message?.value("content-type") == "text/html; charset=utf-8")
                    #expect(answer.message?.value("proxy-status") == nil)
                    #expect(answer.message?.value("methodgate-event") == nil)
                }
                // Where there is no head to be read the authority still says whose it is.
                let long = HTTP2Field.request("GET", "/" + String(repeating: "x", count: 9000))
                let answer = try client.exchange(long)
                #expect(answer.status == 414)
                #expect(answer.message?.value("methodgate-event") == nil)
                var records: [LogRecord] = []
                let areThere = try eventually {
                    records = try gate.log.records().filter {
                        $0["event.action"] == "malformed-request"
                    }
                    return records.count == 3
                }
                #expect(areThere)
                #expect(records.first?["url.path"] == "/p")
                #expect(records.first?["url.original"] == "/p?REDACTED")
                #expect(records.last?["url.original"]?.hasPrefix("/xxxx") == true)
            }
        }

        @Test func `a hundred streams at once are all answered, one more ends the connection`()
            throws
        {
            let flag = Flag()
            let backend = try ScriptedBackend { connection in
                while try connection.readRequest() != nil {
                    _ = eventually(within: 20) { flag.isRaised }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            try withHTTP2(backend) { gate, client throws in
                try client.readUntil { client.others.contains { $0.kind == 4 } }
                let streams = try (0..<100).map { _ in try client.open(HTTP2Field.request()) }
                #expect(eventually(within: 20) { backend.requests.count == 100 })
                flag.raise()
                for stream in streams { #expect(try client.readAnswer(stream).status == 200) }
                let greedy = try gate.connectHTTP2()
                defer { greedy.close() }
                try greedy.readUntil { greedy.others.contains { $0.kind == 4 } }
                for _ in 0...100 {
                    try greedy.open(HTTP2Field.request("PUT", "/"), ends: false)
                }
                try greedy.readUntil { !greedy.goAways.isEmpty }
                #expect(greedy.goAways.map(\.code) == [1])
            }
        }
    }
}
