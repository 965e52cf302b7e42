// What requests and answers become on their way to a backend that speaks HTTP/2 and back, and what
// they may cost.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Messages to backends of HTTP 2` {
        @Test func `are the client's, less what is about its connection`() throws {
            let got = Collected<HTTP2Request>()
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    got.append(request)
                    try side.answer(
                        request.stream, 200, "hello", HTTP2Field("server", "x"),
                        trailers: [HTTP2Field("x-sum", "1"), HTTP2Field("content-type", "no")])
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let plain = try gate.connect()
                defer { plain.close() }
                try plain.send(
                    "PUT /a?b=c HTTP/1.1\r\nHost: B.example:81\r\nConnection: TE, x-hop\r\n"
                        + "TE: gzip, Trailers\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nX-Kept: 1\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n"
                        + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: t\r\nHost: no\r\n\r\n")
                let answer = try plain.readFinalAnswer()
                #expect(answer.status == 200 && answer.text == "hello")
                #expect(answer.trailers.map(\.name) == ["x-sum"])
                #expect(answer.value("Server") == "x")
                let request = try #require(got.all.first)
                #expect(
                    request.fields.prefix(4).map(\.description) == [
                        ":method: PUT", ":scheme: http", ":path: /a?b=c",
                        ":authority: B.example:81",
                    ])
                #expect(String(latin1: request.content) == "abcde")
                #expect(request.trailers.map(\.description) == ["x-trailer: t"])
                let names = Set(request.fields.map { String(latin1: $0.name) })
                #expect(
                    names == [
                        ":method", ":scheme", ":path", ":authority", "x-kept", "te", "via",
                        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded",
                    ])
                #expect(request.value("te") == "trailers")
                // Nobody asked for trailers here.
                try plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try plain.readFinalAnswer().status == 200)
                #expect(got.all.last?.value("te") == nil)
            }
        }

        @Test func `pass both ways over HTTP 2 as they come`() throws {
            let backend = try ScriptedBackend.http2 { side in
                try side.readUntil { side.requests.first?.fields.isEmpty == false }
                // The answer begins before the request is whole.
                try side.send(
                    .headers(
                        1, [HTTP2Field(":status", "103"), HTTP2Field("link", "a")], ends: false),
                    .headers(1, [HTTP2Field(":status", "200")], ends: false))
                for text in ["one", "two"] {
                    try side.readUntil { side[1]?.content.count ?? 0 >= (text == "one" ? 3 : 6) }
                    try side.send(.data(1, Bytes("<\(text)>".utf8), ends: false))
                }
                try side.readUntil { side[1]?.hasEnded == true }
                let sum = side[1]?.trailers.map(\.description).joined() ?? ""
                try side.send(.headers(1, [HTTP2Field("x-sum", sum)]))
                while try side.readFrame() {}
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let stream = try client.open(HTTP2Field.request("PUT"), ends: false)
                try client.sendContent(Bytes("one".utf8), on: stream, ends: false)
                #expect(try client.readContent(stream, 5) == Bytes("<one>".utf8))
                try client.sendContent(Bytes("two".utf8), on: stream, ends: false)
                #expect(try client.readContent(stream, 10) == Bytes("<one><two>".utf8))
                try client.send(.headers(stream, [HTTP2Field("a", "b")]))
                let answer = try client.readAnswer(stream)
                #expect(answer.interim.map(\.status) == [103])
                #expect(answer.hasEnded && answer.message?.trailers.map(\.value) == ["a: b"])
            }
        }

        @Test(arguments: [
            ("HEAD", 200, "9"), ("GET", 204, nil), ("GET", 304, "9"), ("GET", 200, "0"),
        ])
        func `have no content where none may be`(
            _ method: String, _ status: Int, _ length: String?
        ) throws {
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    let fields = length.map { [HTTP2Field("content-length", $0)] } ?? []
                    let head = [HTTP2Field(":status", "\(status)")] + fields
                    // Once at the head's end, once behind it.
                    if request.stream % 4 == 1 {
                        try side.send(.headers(request.stream, head))
                    } else {
                        try side.send(
                            .headers(request.stream, head, ends: false),
                            .data(request.stream, []))
                    }
                }
                #expect(side.requests.allSatisfy { $0.resetCode == nil })
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let plain = try gate.connect()
                defer { plain.close() }
                for _ in 0..<4 {
                    try plain.send(request(method))
                    let answer = try plain.readFinalAnswer(to: method)
                    #expect(answer.status == status && answer.content == [])
                    #expect(answer.value("Content-Length") == length)
                    #expect(answer.value("Transfer-Encoding") == nil)
                    let other = try client.exchange(HTTP2Field.request(method))
                    #expect(other.status == status && other.hasEnded)
                }
                #expect(backend.connections.count == 1)
            }
        }

        @Test func `go to HTTP 1 0 without chunks, and 100 when it is asked for`() throws {
            let backend = try ScriptedBackend.http2 { side in
                while try side.readFrame() {
                    guard let request = side.requests.last else { continue }
                    if request.value("expect") != nil, !request.hasEnded, request.content == [] {
                        try side.send(
                            .headers(request.stream, [HTTP2Field(":status", "100")], ends: false))
                    } else if request.hasEnded {
                        try side.answer(request.stream, 200, "ok")
                    }
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let old = try RawClient.exchange(
                    gate.address, "GET / HTTP/1.0\r\nHost: a\r\n\r\n")
                #expect(old.text == "ok" && old.value("Transfer-Encoding") == nil)
                let plain = try gate.connect()
                defer { plain.close() }
                try plain.send(request("PUT", "/", "Content-Length: 2", "Expect: 100-continue"))
                #expect(try plain.readAnswer().status == 100)
                try plain.send("hi")
                #expect(try plain.readFinalAnswer().text == "ok")
            }
        }

        @Test(arguments: [
            ([HTTP2Field(":status", "200"), HTTP2Field("a", "b\r\nc: d")], "CR, LF or NUL"),
            (
                [HTTP2Field(":status", "200"), HTTP2Field("transfer-encoding", "chunked")],
                "connection"
            ),
            ([HTTP2Field("a", "b")], ":status"), ([HTTP2Field(":status", "101")], "101"),
            ([HTTP2Field(":status", "200"), HTTP2Field("A", "b")], "lower case"),
            (
                [
                    HTTP2Field(":status", "200"), HTTP2Field("content-length", "1"),
                    HTTP2Field("content-length", "1"),
                ], "Content-Length"
            ),
        ])
        func `that are no answers are 502, for one client`(
            _ fields: [HTTP2Field], _ reason: String
        ) throws {
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    if request.path == "/good" {
                        try side.answer(request.stream, 200, "ok")
                    } else {
                        try side.send(
                            .headers(request.stream, fields, ends: false),
                            .data(request.stream, Bytes("x".utf8)))
                    }
                }
            }
            let directory = try TemporaryDirectory()
            let access = directory.path("access.log")
            try withHTTP2Backend(backend, rest: "log: {access: {to: file \(access)}}") {
                gate, client throws in
                let answer = try client.exchange(HTTP2Field.request("GET", "/bad"))
                #expect(answer.status == 502)
                #expect(
                    answer.message?.value("proxy-status")?.contains("http_protocol_error") == true)
                #expect(try client.exchange(HTTP2Field.request("GET", "/good")).status == 200)
                #expect(backend.connections.count == 1)
                #expect(
                    try eventually {
                        try BlockLog(file: access).records().contains {
                            $0["event.reason"]?.contains(reason) == true
                        }
                    })
            }
        }

        @Test func `that are longer than they say cut the client off`() throws {
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    let head = [HTTP2Field(":status", "200"), HTTP2Field("content-length", "3")]
                    try side.send(.headers(request.stream, head, ends: false))
                    side.connection.wait(0.1)
                    try side.send(.data(request.stream, Bytes("four".utf8)))
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let answer = try client.exchange(HTTP2Field.request())
                #expect(!answer.hasEnded && answer.resetCode != nil)
                #expect(answer.message?.content.isEmpty == true)
            }
        }

        // MARK: Who waits for whom

        @Test func `come from a backend no faster than their client takes them`() throws {
            let backend = try ScriptedBackend.http2 { side in
                let slow = { side.requests.filter { $0.hasEnded && $0.path == "/" } }
                try side.readUntil { slow().count == 20 }
                for request in slow() {
                    try side.send(
                        .headers(request.stream, [HTTP2Field(":status", "200")], ends: false))
                }
                // As much as each window lets through.
                for request in slow() {
                    try side.send(
                        (0..<4).map { _ in
                            HTTP2Frame.data(
                                request.stream, Bytes(repeating: 1, count: 16383), ends: false)
                        })
                }
                while let request = try side.readRequest() {
                    guard request.path == "/fast" else { continue }
                    try side.answer(request.stream, 200, "ok")
                }
            }
            try withHTTP2Backend(backend, settings: [(4, 0)]) { gate, client throws in
                client.acknowledges = false
                let before = try gate.memory().anonymous
                for _ in 0..<20 { try client.open(HTTP2Field.request()) }
                let plain = try gate.connect()
                defer { plain.close() }
                try plain.send(request("GET", "/fast"))
                #expect(try plain.readFinalAnswer().text == "ok")
                #expect(backend.connections.count == 1)
                // The queue in front, and what waits behind it.
                #expect(try gate.memory().anonymous - before < 20 * 320 * 1024)
            }
        }

        @Test func `stop at the backend's window as long as their client takes nothing`() throws {
            let sent = Collected<Int>()
            let backend = try ScriptedBackend.http2 { side in
                guard let request = try side.readRequest() else { return }
                try side.send(
                    .headers(request.stream, [HTTP2Field(":status", "200")], ends: false))
                side.connection.patience = 1
                _ = try? side.sendContent(4 << 20, on: request.stream)
                side.connection.patience = 20
                sent.append(side.sentContent)
                _ = try side.sendContent((4 << 20) - side.sentContent, on: request.stream)
                while try side.readFrame() {}
            }
            try withHTTP2Backend(backend, settings: [(4, 0)]) { gate, client throws in
                client.initialWindow = 0
                let stream = try client.open(HTTP2Field.request())
                #expect(eventually(within: 20) { sent.count == 1 })
                // The stream's queue in front, one read behind it, and the window.
                #expect((65_536...320 * 1024).contains(sent.all.first ?? 0), "\(sent.all)")
                try client.send(.windowUpdate(stream, 4 << 20))
                #expect(try client.readAnswer(stream).message?.content.count == 4 << 20)
            }
        }

        @Test func `are downloaded in bounded memory, whatever their size`() throws {
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    let count = Int(request.path.dropFirst()) ?? 0
                    try side.send(
                        .headers(request.stream, [HTTP2Field(":status", "200")], ends: false))
                    _ = try side.sendContent(count, on: request.stream)
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                _ = try client.exchange(HTTP2Field.request("GET", "/1000000"))
                let before = try gate.memory().anonymous
                let answer = try client.exchange(HTTP2Field.request("GET", "/\(32 << 20)"))
                #expect(answer.message?.content.count == 32 << 20)
                #expect(try gate.memory().anonymous - before < 4 << 20)
            }
        }

        @Test func `go to a backend no faster than it takes them`() throws {
            let flag = Flag()
            let backend = try ScriptedBackend.http2 { side in
                side.acknowledges = false
                var answered: Set<UInt32> = []
                while try side.readFrame() {
                    // Before the answer, which the test waits for to raise it.
                    let isRaised = flag.isRaised
                    for request in side.requests where request.path == "/fast" {
                        guard answered.insert(request.stream).inserted else { continue }
                        try side.answer(request.stream, 200, "ok")
                    }
                    guard isRaised, let slow = side.requests.first, !slow.hasEnded else {
                        continue
                    }
                    #expect(slow.content.count <= 65535)
                    side.acknowledges = true
                    try side.send(
                        .windowUpdate(slow.stream, 16 << 20), .windowUpdate(0, 16 << 20))
                    try side.readUntil { side[slow.stream]?.hasEnded == true }
                    try side.answer(
                        slow.stream, 200, "\(side[slow.stream]?.content.count ?? 0)")
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let before = try gate.memory().anonymous
                let slow = try gate.connect(patience: 30)
                defer { slow.close() }
                try slow.send(request("PUT", "/slow", "Content-Length: \(32 << 20)"))
                let sender = Thread { try? slow.send(Bytes(repeating: 1, count: 32 << 20)) }
                sender.start()
                usleep(500_000)
                #expect(try gate.memory().anonymous - before < 2 << 20)
                #expect(try client.exchange(HTTP2Field.request("GET", "/fast")).status == 200)
                flag.raise()
                #expect(try client.exchange(HTTP2Field.request("GET", "/fast")).status == 200)
                #expect(try slow.readFinalAnswer().text == "\(32 << 20)")
            }
        }
    }
}
