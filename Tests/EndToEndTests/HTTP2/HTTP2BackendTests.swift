// Backends that speak HTTP/2: one connection for many requests, and what becomes of a request when
// its stream or its connection is lost.

import Foundation
import TestSupport
import Testing

/// A gate that speaks to that backend in HTTP/2, and to its clients in either version.
func overHTTP2(_ backend: ScriptedBackend, rest: String = "") -> String {
    speaking(backend.address, rest: rest).replacing("app: http://", with: "app: h2c://")
}

/// The same with a client, while it works.
func withHTTP2Backend(
    _ backend: ScriptedBackend, rest: String = "", settings: [(UInt16, UInt32)] = [],
    _ work: (GateProcess, HTTP2Client) throws -> Void
) throws {
    defer { backend.stop() }
    let gate = try GateProcess(overHTTP2(backend, rest: rest))
    defer { end(gate) }
    let client = try gate.connectHTTP2(settings: settings)
    defer { client.close() }
    try work(gate, client)
}

extension HTTP2Client {
    /// Whether a request comes to that backend.
    fileprivate func isAnswered(by backend: ScriptedBackend) throws -> Bool {
        defer { close() }
        _ = try open(HTTP2Field.request("GET", "/"))
        return eventually(within: 1) { !backend.requests.isEmpty }
    }
}

extension `End to end` {
    struct `Backends of HTTP 2` {
        @Test func `get many requests on one connection, and answer in any order`() throws {
            let backend = try ScriptedBackend.http2 { side in
                try side.readUntil { side.requests.filter(\.hasEnded).count == 100 }
                for request in side.requests.reversed() {
                    try side.answer(request.stream, 200, request.path)
                }
                while try side.readFrame() {}
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let streams = try (0..<100).map {
                    try client.open(HTTP2Field.request("GET", "/\($0)"))
                }
                for (number, stream) in streams.enumerated() {
                    #expect(try client.readAnswer(stream).message?.text == "/\(number)")
                }
                #expect(backend.connections.count == 1)
            }
        }

        @Test func `get another connection when one is full`() throws {
            let most = Collected<Int>()
            let held = Collected<Int>()
            let backend = try ScriptedBackend.http2(settings: [(3, 10)]) { side in
                var answered = 0
                while try side.readFrame() {
                    let open = side.requests.filter(\.hasEnded).dropFirst(answered)
                    most.append(open.count)
                    if open.first?.path == "/first" {
                        try side.answer(open.first?.stream ?? 0, 200, "ok")
                        answered += 1
                    } else if open.count == 10 {
                        held.append(open.count)
                        #expect(eventually(within: 10) { held.count == 3 })
                        for request in open { try side.answer(request.stream, 200, "ok") }
                        answered += open.count
                    }
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                // So that the limit is known.
                #expect(try client.exchange(HTTP2Field.request("GET", "/first")).status == 200)
                let streams = try (0..<30).map {
                    try client.open(HTTP2Field.request("GET", "/\($0)"))
                }
                for stream in streams { #expect(try client.readAnswer(stream).status == 200) }
                #expect(most.all.max() == 10)
                #expect(backend.connections.count == 3)
            }
        }

        /// On the first connection the script, on all others an answer for each request.
        private func backend(
            thenAnswering first: @escaping @Sendable (HTTP2Side) throws -> Void
        ) throws -> ScriptedBackend {
            let count = Collected<Int>()
            return try ScriptedBackend.http2 { side in
                count.append(1)
                if count.count == 1 { try first(side) }
                while let request = try side.readRequest() {
                    try side.answer(request.stream, 200, "again")
                }
            }
        }

        @Test func `lose nothing by GOAWAY, whatever the method`() throws {
            let backend = try backend { side in
                try side.readUntil { side.requests.filter(\.hasEnded).count == 20 }
                let last = side.requests[9].stream
                try side.goAway(last)
                for request in side.requests.prefix(10) {
                    #expect(try side.readRequest()?.stream == request.stream)
                    try side.answer(request.stream, 200, "first")
                }
                while try side.readFrame() {}
                #expect(side.requests.count == 20, "nothing new comes behind GOAWAY")
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let streams = try (0..<20).map { number in
                    let stream = try client.open(
                        HTTP2Field.request("POST", "/post/\(number)"), ends: false)
                    try client.sendContent(Bytes("content".utf8), on: stream)
                    return stream
                }
                var texts: [String: Int] = [:]
                for stream in streams {
                    texts[try client.readAnswer(stream).message?.text ?? "?", default: 0] += 1
                }
                #expect(texts == ["first": 10, "again": 10])
                #expect(backend.connections.count == 2)
            }
        }

        @Test func `that a reload has dropped are left, behind a repeated request too`() throws {
            let isDropped = Flag()
            let isLeft = Flag()
            let arrived = Collected<Int>()
            let backend = try ScriptedBackend.http2 { side in
                guard let request = try side.readRequest() else { return }
                arrived.append(1)
                guard arrived.count > 1 else {
                    _ = eventually(within: 20) { isDropped.isRaised }
                    try side.send(.reset(request.stream, 7))
                    while try side.readFrame() {}
                    return
                }
                try side.answer(request.stream, 200, "again")
                while try side.readFrame() {}
                isLeft.raise()
            }
            let other = try ScriptedBackend.echo()
            defer { other.stop() }
            try withHTTP2Backend(backend) { gate, client throws in
                let stream = try client.open(HTTP2Field.request("GET", "/"))
                #expect(eventually { arrived.count == 1 })
                try gate.reload(speaking(other.address))
                #expect(try eventually { try gate.connectHTTP2().isAnswered(by: other) })
                isDropped.raise()
                // The first connection takes no streams any more: it goes on another.
                #expect(try client.readAnswer(stream).message?.text == "again")
                #expect(eventually(within: 10) { isLeft.isRaised })
            }
        }

        @Test func `hear of the gate's end by GOAWAY`() throws {
            let codes = Collected<UInt32>()
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    try side.answer(request.stream, 200, "ok")
                }
                for frame in side.others where frame.kind == HTTP2Frame.Kind.goAway {
                    codes.append(HTTP2Frame.value(frame.payload[4..<8]))
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                client.close()
                gate.process.signal(SIGTERM)
                #expect(gate.process.waitForExit(within: 20) == .code(0))
                #expect(eventually { codes.all == [0] })
            }
        }

        @Test func `may refuse a stream, which goes once more`() throws {
            let backend = try ScriptedBackend.http2 { side in
                guard let request = try side.readRequest() else { return }
                try side.send(.reset(request.stream, 7))
                while let request = try side.readRequest() {
                    try side.answer(request.stream, 200, String(latin1: request.content))
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let answer = try client.exchange(
                    HTTP2Field.request("POST", "/post/x"), content: Bytes("content".utf8))
                #expect(answer.status == 200 && answer.message?.text == "content")
                #expect(backend.connections.count == 1)
            }
        }

        @Test func `that refuse every stream are 502`() throws {
            let count = Collected<Int>()
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    count.append(1)
                    try side.send(.reset(request.stream, 7))
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                #expect(try client.exchange(HTTP2Field.request()).status == 502)
                #expect(count.count == 4)
            }
        }

        @Test(arguments: [2, 8, 11] as [UInt32])
        func `that reset a stream otherwise are 502, and not asked again`(_ code: UInt32) throws {
            let count = Collected<Int>()
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    count.append(1)
                    if request.path == "/first" {
                        try side.answer(request.stream, 200, "ok")
                    } else {
                        try side.send(.reset(request.stream, code))
                    }
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                #expect(try client.exchange(HTTP2Field.request("GET", "/first")).status == 200)
                #expect(try client.exchange(HTTP2Field.request()).status == 502)
                #expect(count.count == 2)
                #expect(try client.exchange(HTTP2Field.request("GET", "/first")).status == 200)
                #expect(backend.connections.count == 1)
            }
        }

        @Test(arguments: [true, false])
        func `whose stream breaks amid content cut the client off`(_ isReset: Bool) throws {
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    try side.send(
                        .headers(request.stream, [HTTP2Field(":status", "200")], ends: false),
                        .data(request.stream, Bytes("half".utf8), ends: false))
                    side.connection.wait(0.1)
                    guard isReset else { return }
                    try side.send(.reset(request.stream, 2))
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let answer = try client.exchange(HTTP2Field.request())
                #expect(answer.status == 200 && answer.message?.text == "half")
                #expect(!answer.hasEnded && answer.resetCode == 2)
                let plain = try gate.connect()
                defer { plain.close() }
                try plain.send(request("GET"))
                #expect(throws: (any Error).self) { try plain.readFinalAnswer() }
                #expect(plain.wasReset)
            }
        }

        @Test(arguments: [("GET", 200), ("PUT", 200), ("POST", 502)])
        func `that hang up cost an idempotent request nothing`(
            _ method: String, _ status: Int
        ) throws {
            let backend = try backend { side in
                guard let first = try side.readRequest() else { return }
                try side.answer(first.stream, 200, "ok")
                _ = try side.readRequest()
                throw BadAnswer(description: "hangs up")
            }
            try withHTTP2Backend(backend) { gate, client throws in
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                let answer = try client.exchange(
                    HTTP2Field.request(method, method == "POST" ? "/post/x" : "/"))
                #expect(answer.status == status)
            }
        }

        @Test func `that hang up on all connections they have cost it nothing, either`() throws {
            let (all, held) = (Collected<Int>(), Collected<Int>())
            let backend = try ScriptedBackend.http2(settings: [(3, 1)]) { side in
                all.append(1)
                let isOld = all.count <= 2
                while let request = try side.readRequest() {
                    if request.path == "/both" {
                        held.append(1)
                        _ = eventually(within: 10) { held.count == 2 }
                    } else if isOld, request.path == "/" {
                        throw BadAnswer(description: "hangs up")
                    }
                    try side.answer(request.stream, 200, isOld ? "old" : "fresh")
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                // So that the limit is known; then one connection for each.
                #expect(try client.exchange(HTTP2Field.request("GET", "/first")).status == 200)
                let both = try (0..<2).map { _ in
                    try client.open(HTTP2Field.request("GET", "/both"))
                }
                for stream in both { #expect(try client.readAnswer(stream).status == 200) }
                #expect(backend.connections.count == 2)
                for _ in 0..<2 {
                    let answer = try client.exchange(HTTP2Field.request())
                    #expect(answer.message?.text == "fresh")
                }
                #expect(backend.connections.count == 3)
            }
        }

        /// The edge that tells of the reset is used up by the answer. A POST looks before it goes,
        /// a GET goes once more when its write has found it.
        @Test(arguments: ["GET", "POST"])
        func `that are reset with their last answer cost the next request nothing`(
            _ method: String
        ) throws {
            let asked = Flag()
            let stopped = Flag()
            let backend = try backend { side in
                guard let first = try side.readRequest() else { return }
                asked.raise()
                _ = eventually { stopped.isRaised }
                try side.answer(first.stream, 200, "first")
                side.connection.reset()
            }
            try withHTTP2Backend(backend) { gate, _ throws in
                let client = try gate.connectHTTP2(patience: 5)
                defer { client.close() }
                let stream = try client.open(HTTP2Field.request())
                #expect(eventually { asked.isRaised })
                try gate.whileStopped {
                    stopped.raise()
                    #expect(eventually { backend.connections.allSatisfy(\.isClosed) })
                }
                #expect(try client.readAnswer(stream).message?.text == "first")
                let answer = try client.exchange(HTTP2Field.request(method, "/post/x"))
                #expect(answer.message?.text == "again")
                #expect(backend.connections.count == 2)
            }
        }

        @Test func `that refuse a stream and then hang up cost it nothing, either`() throws {
            let backend = try backend { side in
                guard let first = try side.readRequest() else { return }
                try side.answer(first.stream, 200, "ok")
                guard let second = try side.readRequest() else { return }
                try side.send(.reset(second.stream, 7))
                _ = try side.readRequest()
                throw BadAnswer(description: "hangs up")
            }
            try withHTTP2Backend(backend) { gate, client throws in
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                #expect(try client.exchange(HTTP2Field.request()).message?.text == "again")
                #expect(backend.connections.count == 2)
            }
        }

        // MARK: Limits of streams

        @Test(arguments: ["GET", "POST"])
        func `that take no more streams get the next request on another connection`(
            _ method: String
        ) throws {
            let backend = try backend { side in
                guard let first = try side.readRequest() else { return }
                try side.send(HTTP2Frame.settings([(3, 0)]))
                try side.answer(first.stream, 200, "first")
                #expect(try side.readRequest() == nil)
            }
            try withHTTP2Backend(backend) { gate, _ throws in
                let client = try gate.connectHTTP2(patience: 5)
                defer { client.close() }
                #expect(try client.exchange(HTTP2Field.request()).message?.text == "first")
                let answer = try client.exchange(HTTP2Field.request(method, "/post/x"))
                #expect(answer.message?.text == "again")
                #expect(eventually { backend.connections.first?.isAtEnd == true })
            }
        }

        /// The gate finds the requests and the lower limit together, in this order.
        @Test(arguments: [0, 1] as [UInt32])
        func `that lower their limit lose no request that had not gone yet`(
            _ limit: UInt32
        ) throws {
            let asked = Flag()
            let lowers = Flag()
            let isLowered = Flag()
            let isAnswered = Flag()
            let backend = try backend { side in
                guard let first = try side.readRequest() else { return }
                asked.raise()
                _ = eventually { lowers.isRaised }
                try side.send(HTTP2Frame.settings([(3, limit)]))
                isLowered.raise()
                _ = eventually { isAnswered.isRaised }
                try side.answer(first.stream, 200, "first")
            }
            try withHTTP2Backend(backend) { gate, _ throws in
                let client = try gate.connectHTTP2(patience: 5)
                defer { client.close() }
                let first = try client.open(HTTP2Field.request())
                #expect(eventually { asked.isRaised })
                var streams: [UInt32] = []
                try gate.whileStopped {
                    for _ in 0..<2 {
                        let stream = try client.open(
                            HTTP2Field.request("POST", "/post/x"), ends: false)
                        try client.sendContent(Bytes("content".utf8), on: stream)
                        streams.append(stream)
                    }
                    lowers.raise()
                    #expect(eventually { isLowered.isRaised })
                }
                for stream in streams {
                    #expect(try client.readAnswer(stream).message?.text == "again")
                }
                isAnswered.raise()
                #expect(try client.readAnswer(first).message?.text == "first")
            }
        }

        @Test func `that never take a stream are 502, and keep no connections`() throws {
            let backend = try ScriptedBackend.http2(settings: [(3, 0)]) { side in
                while let request = try side.readRequest() {
                    try side.send(.reset(request.stream, 7))
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                for number in 1...3 {
                    let answer = try client.exchange(HTTP2Field.request())
                    #expect(answer.status == 502)
                    #expect(backend.connections.count <= 4 * number)
                }
                #expect(eventually { backend.connections.allSatisfy(\.isAtEnd) })
            }
        }

        @Test func `that hang up on many requests get all of them on one connection`() throws {
            let backend = try backend { side in
                guard let first = try side.readRequest() else { return }
                try side.answer(first.stream, 200, "ok")
                try side.readUntil { side.requests.filter(\.hasEnded).count == 21 }
                throw BadAnswer(description: "hangs up")
            }
            try withHTTP2Backend(backend) { gate, client throws in
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                let streams = try (0..<20).map { _ in try client.open(HTTP2Field.request()) }
                for stream in streams {
                    #expect(try client.readAnswer(stream).message?.text == "again")
                }
                #expect(backend.connections.count == 2)
            }
        }

        @Test func `lose no answer that a slow client still takes when they leave`() throws {
            let backend = try ScriptedBackend.http2 { side in
                guard let request = try side.readRequest() else { return }
                try side.goAway(request.stream)
                try side.send(
                    .headers(request.stream, [HTTP2Field(":status", "200")], ends: false))
                _ = try side.sendContent(400_000, on: request.stream)
            }
            // The client's window is the stream's queue and the backend's window away from full.
            try withHTTP2Backend(backend, settings: [(4, 300_000)]) { gate, client throws in
                client.acknowledges = false
                let stream = try client.open(HTTP2Field.request())
                try client.send(.windowUpdate(0, 1_000_000))
                #expect(eventually(within: 10) { backend.connections.allSatisfy(\.isClosed) })
                usleep(200_000)
                try client.send(.windowUpdate(stream, 1_000_000))
                let answer = try client.readAnswer(stream)
                #expect(answer.hasEnded && answer.message?.content.count == 400_000)
            }
        }

        @Test func `get CANCEL from clients that leave`() throws {
            let code = Collected<UInt32>()
            let backend = try ScriptedBackend.http2 { side in
                try side.readUntil { side.requests.first?.resetCode != nil }
                code.append(side.requests.first?.resetCode ?? 99)
                while let request = try side.readRequest() {
                    guard request.resetCode == nil else { continue }
                    try side.answer(request.stream, 200, "ok")
                }
            }
            try withHTTP2Backend(backend) { gate, client throws in
                let stream = try client.open(HTTP2Field.request())
                #expect(eventually(within: 5) { backend.connections.count == 1 })
                usleep(100_000)
                try client.send(.reset(stream))
                #expect(eventually(within: 5) { code.all == [8] })
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                #expect(backend.connections.count == 1)
            }
        }

        @Test func `that do not answer are 504, and get no more on that connection`() throws {
            let backend = try backend { side in while try side.readFrame() {} }
            try withHTTP2Backend(backend, rest: "timeouts: {response: 300ms}") {
                gate, client throws in
                #expect(try client.exchange(HTTP2Field.request()).status == 504)
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                #expect(backend.connections.count == 2)
            }
        }

        @Test func `are left in peace when nobody needs them`() throws {
            let left = Collected<Bool>()
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    try side.answer(request.stream, 200, "ok")
                }
                left.append(side.others.contains { $0.kind == HTTP2Frame.Kind.goAway })
            }
            try withHTTP2Backend(backend, rest: "timeouts: {upstream_idle: 300ms}") {
                gate, client throws in
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                #expect(eventually(within: 20) { left.all == [true] })
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
            }
        }

        @Test func `finish what they have after a reload that drops them`() throws {
            let flag = Flag()
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    _ = eventually(within: 10) { flag.isRaised }
                    try side.answer(request.stream, 200, "old")
                }
            }
            let other = try ScriptedBackend.echo()
            defer { other.stop() }
            try withHTTP2Backend(backend) { gate, client throws in
                let stream = try client.open(HTTP2Field.request())
                #expect(eventually(within: 5) { backend.connections.count == 1 })
                usleep(100_000)
                try gate.reload(
                    speaking(other.address).replacing(
                        "[GET, HEAD, PUT, DELETE]", with: "[GET, PATCH]"))
                #expect(
                    eventually { (try? RawClient.exchange(gate.address, blocked).status) == 200 })
                let answer = try client.exchange(HTTP2Field.request("GET", "/new"))
                #expect(answer.message?.text == "GET /new HTTP/1.1\n")
                flag.raise()
                #expect(try client.readAnswer(stream).message?.text == "old")
                #expect(eventually(within: 5) { backend.connections.allSatisfy(\.isAtEnd) })
            }
        }

        // MARK: TLS

        @Test(arguments: [true, false])
        func `are spoken to over TLS if they agree by ALPN`(_ agrees: Bool) throws {
            let fixture = try TLSFixture()
            try fixture.writeCertificate(try TestTLS.certificate, as: "ca.pem")
            var tls = try TestTLS.server
            tls.takesHTTP2 = agrees
            let backend = try ScriptedBackend.http2(tls: tls) { side in
                while let request = try side.readRequest() {
                    try side.answer(request.stream, 200, request.value(":scheme") ?? "?")
                }
            }
            defer { backend.stop() }
            let text = fixture.configuration(
                backend.address, tls: [], url: "https://127.0.0.1:\(backend.address.port)",
                backendTLS: "{ca: ca.pem}, protocol: h2"
            ).replacing(", upgrade: [websocket]", with: "")
            let gate = try GateProcess(text, in: fixture.directory)
            defer { end(gate) }
            let answer = try RawClient.exchange(gate.address, request("GET"))
            #expect(answer.status == (agrees ? 200 : 502))
            if agrees { #expect(answer.text == "https") }
        }
    }
}
