// Who waits for whom over HTTP/2: windows, slow streams, slow backends, and what it may cost.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Streams of HTTP 2` {
        @Test func `that are not read slow no other down, and cost bounded memory`() throws {
            try withHTTP2(try sizing(), settings: [(4, 0)]) { gate, client throws in
                _ = try client.exchange(HTTP2Field.request("GET", "/0"))
                let before = try gate.memory().anonymous
                client.acknowledges = false
                // Their windows stay shut.
                let slow = try (0..<20).map { _ in
                    try client.open(HTTP2Field.request("GET", "/100000000"))
                }
                try client.readUntil { slow.allSatisfy { client.answers[$0]?.message != nil } }
                for _ in 0..<20 {
                    let stream = try client.open(HTTP2Field.request("GET", "/3000"))
                    try client.send(.windowUpdate(stream, 3000), .windowUpdate(0, 3000))
                    #expect(try client.readAnswer(stream).message?.content.count == 3000)
                }
                #expect(slow.allSatisfy { client.answers[$0]?.message?.content == [] })
                // The queue of a stream, and one read behind it (docs/http2.md).
                #expect(try gate.memory().anonymous - before < 20 * 320 * 1024)
            }
        }

        @Test func `wait for a backend that does not read, and for nothing else`() throws {
            let flag = Flag()
            let backend = try ScriptedBackend { connection in
                connection.keepsBytes = false
                guard let head = try connection.readHead() else { return }
                var count = connection.takeContent(after: head).count
                if head.target == "/slow" { _ = eventually(within: 30) { flag.isRaised } }
                while count < 8 << 20 {
                    let bytes = try connection.readRaw(1)
                    if bytes.isEmpty { return }
                    count += 1 + connection.takeContent(after: WireMessage()).count
                }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            try withHTTP2(backend) { gate, client throws in
                let length = [HTTP2Field("content-length", "\(8 << 20)")]
                let slow = try client.open(
                    HTTP2Field.request("PUT", "/slow", length), ends: false)
                let block = Bytes(repeating: 1, count: 16384)
                var sent = 0
                // As far as the windows and the kernel go.
                while (client.windows[slow] ?? 65535) >= block.count, sent < 8 << 20 {
                    try client.sendContent(block, on: slow, ends: false)
                    sent += block.count
                    usleep(1000)
                    while client.hasInput { try client.readFrame() }
                }
                #expect(sent < 8 << 20, "the stream's window has shut")
                let fast = try client.open(HTTP2Field.request("PUT", "/fast", length), ends: false)
                try client.sendContent(Bytes(repeating: 2, count: 8 << 20), on: fast)
                #expect(try client.readAnswer(fast).status == 200)
                #expect(client.answers[slow] == nil)
                flag.raise()
                try client.sendContent(Bytes(repeating: 1, count: (8 << 20) - sent), on: slow)
                #expect(try client.readAnswer(slow).status == 200)
            }
        }

        @Test func `whose windows stay shut are reset in time`() throws {
            let rest = "timeouts: {client_content: 500ms}"
            try withHTTP2(try sizing(), rest: rest, settings: [(4, 0)]) { _, client throws in
                let stream = try client.open(HTTP2Field.request("GET", "/100000"))
                try client.readUntil { client.answers[stream]?.resetCode != nil }
                let small = try client.open(HTTP2Field.request("GET", "/10"))
                try client.readUntil { client.answers[small]?.resetCode != nil }
                #expect(client.goAways.isEmpty)
            }
        }

        @Test func `whose window is used up by just the content end in time, too`() throws {
            let backend = try ScriptedBackend { connection in
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                while try connection.readRequest() != nil {
                    try connection.send(head + "5\r\nhello\r\n")
                    usleep(200_000)
                    try connection.send("0\r\n\r\n")
                }
            }
            let rest = "timeouts: {client_content: 500ms}"
            try withHTTP2(backend, rest: rest, settings: [(4, 5)]) { _, client throws in
                client.acknowledges = false
                let stream = try client.open(HTTP2Field.request())
                try client.readUntil { client.answers[stream]?.resetCode != nil }
                #expect(client.answers[stream]?.message?.content == Bytes("hello".utf8))
            }
        }

        @Test func `whose content does not come are 408`() throws {
            let rest = "timeouts: {client_content: 500ms}"
            try withHTTP2(try .echo(), rest: rest) { gate, client throws in
                let stream = try client.open(HTTP2Field.request("PUT", "/"), ends: false)
                #expect(try client.readAnswer(stream).status == 408)
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
            }
        }

        @Test func `do not begin on connections that are idle for too long`() throws {
            let rest = "timeouts: {client_idle: 500ms}"
            try withHTTP2(try .echo(), rest: rest) { _, client throws in
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                // What is no request does not count.
                for _ in 0..<10 {
                    try? client.send(HTTP2Frame(6, Bytes(repeating: 0, count: 8)))
                    usleep(100_000)
                }
                #expect(try client.readToEnd())
                #expect(client.goAways.map(\.code) == [0])
            }
        }

        @Test func `have their fields in time, or the connection ends with a record`() throws {
            let rest = "timeouts: {client_head: 500ms}"
            try withHTTP2(try .echo(), rest: rest) { gate, client throws in
                // SETTINGS are acknowledged before: nothing may come between.
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                let fields = HTTP2Field.encode(HTTP2Field.request())
                try client.send(HTTP2Frame(1, stream: client.takeStream(), fields))
                #expect(try client.readToEnd())
                #expect(client.goAways.map(\.code) == [11])
                let isRecorded = try eventually(within: 10) {
                    try gate.log.records().contains {
                        $0["event.reason"] == "the head did not arrive in time"
                    }
                }
                #expect(isRecorded)
            }
        }

        @Test func `have a time for their fields that no other's has used up`() throws {
            let rest = "timeouts: {client_head: 1s}"
            try withHTTP2(try .echo(), rest: rest) { _, client throws in
                let frames = (0..<2).map { _ in
                    HTTP2Frame.headers(client.takeStream(), HTTP2Field.request()).bytes
                }
                try client.raw.send(Bytes(frames[0].prefix(20)))
                usleep(700_000)
                try client.raw.send(Bytes(frames[0].dropFirst(20) + frames[1].prefix(20)))
                usleep(700_000)
                try client.raw.send(Bytes(frames[1].dropFirst(20)))
                #expect(try client.readAnswer(1).status == 200)
                #expect(try client.readAnswer(3).status == 200)
            }
        }

        @Test func `have no more time for their fields where others wait to be taken`() throws {
            let rest = "timeouts: {client_head: 500ms}"
            try withHTTP2(try sizing(), rest: rest, settings: [(4, 1 << 30)]) {
                gate, client throws in
                try client.send(.windowUpdate(0, 1 << 30))
                try client.open(HTTP2Field.request("GET", "/10000000000"))
                let frame = HTTP2Frame.headers(client.takeStream(), HTTP2Field.request()).bytes
                try client.raw.send(Bytes(frame.prefix(20)))
                // The connection clogs and drains over and over.
                let isRecorded = try eventually(within: 5) {
                    for _ in 0..<20 where client.hasInput {
                        _ = try client.raw.readSome()
                    }
                    return try gate.log.records().contains {
                        $0["event.reason"] == "the head did not arrive in time"
                    }
                }
                #expect(isRecorded)
            }
        }

        @Test func `end with their connection`() throws {
            let backend = try ScriptedBackend { connection in
                guard try connection.readRequest() != nil else { return }
                _ = try connection.readRaw(1)
            }
            defer { backend.stop() }
            let gate = try GateProcess(speaking(backend.address))
            defer { end(gate) }
            let client = try gate.connectHTTP2()
            for _ in 0..<5 { try client.open(HTTP2Field.request()) }
            #expect(eventually(within: 10) { backend.requests.count == 5 })
            client.close()
            #expect(eventually(within: 10) { backend.connections.allSatisfy(\.isAtEnd) })
        }
    }
}
