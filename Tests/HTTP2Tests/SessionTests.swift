import HTTP2
import HTTPSyntax
import TestSupport
import Testing

@Suite struct SessionTests {
    private static let start = HTTP2Frame.preface + HTTP2Frame.settings().bytes

    @Test func `what comes does not depend on how the bytes are split`() {
        let frames = [
            HTTP2Frame.headers(1, HTTP2Field.request("POST", "/a"), ends: false),
            .data(1, Bytes("hello".utf8), ends: false),
            .headers(1, [HTTP2Field("x-sum", "1")]), .headers(3, HTTP2Field.request("GET", "/b")),
        ]
        let bytes = Self.start + frames.flatMap(\.bytes)
        let whole = Peer()
        #expect(whole.receive(bytes))
        #expect(
            whole.events == [
                "request 1 POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
                "content hello", "trailers 0\r\nx-sum: 1\r\n\r\n",
                "request 3 GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n", "end",
            ])
        let trickled = Peer()
        for byte in bytes { #expect(trickled.receive([byte])) }
        #expect(
            trickled.events.filter { !$0.hasPrefix("content") }
                == whole.events.filter { !$0.hasPrefix("content") })
    }

    @Test func `a few requests and resets are taken in at a time, and any content`() {
        let peer = Peer()
        peer.receive(Self.start)
        let pairs = stride(from: UInt32(1), to: 41, by: 2).map { stream in
            HTTP2Frame.headers(stream, HTTP2Field.request()).bytes
                + HTTP2Frame.reset(stream).bytes
        }
        var rest = Array(pairs.joined())
        for turn in 1...10 {
            #expect(peer.receiveSome(rest, limit: 4) == pairs[0].count * 2)
            rest.removeFirst(pairs[0].count * 2)
            #expect(peer.events.count { $0.hasPrefix("request") } == turn * 2)
            #expect(peer.events.count { $0.hasPrefix("closed") } == turn * 2)
        }
        #expect(rest.isEmpty)
        let begin = HTTP2Frame.headers(41, HTTP2Field.request("PUT"), ends: false).bytes
        let content = (0..<100).flatMap { _ in HTTP2Frame.data(41, [1], ends: false).bytes }
        #expect(peer.receiveSome(begin + content, limit: 4) == begin.count + content.count)
        #expect(peer.events.count { $0.hasPrefix("content") } == 100)
    }

    @Test func `small frames and long sections are taken in some at a time`() {
        let peer = Peer()
        peer.receive(Self.start)
        peer.receive(HTTP2Frame.headers(1, HTTP2Field.request("PUT"), ends: false).bytes)
        let piece = HTTP2Frame.data(1, [1], ends: false).bytes
        let content = (0..<1000).flatMap { _ in piece }
        #expect(peer.receiveSome(content) == 256 * piece.count)
        let line = HTTP2Field("x", String(repeating: "~", count: 4000))
        let section = HTTP2Frame.headers(3, HTTP2Field.request("GET", "/", [line])).bytes
        let others = [UInt32(5), 7, 9].flatMap {
            HTTP2Frame.headers($0, HTTP2Field.request("GET", "/", [line])).bytes
        }
        peer.receive(Array(content.dropFirst(256 * piece.count)))
        #expect(peer.receiveSome(section + others) == 2 * section.count)
    }

    @Test func `what is left is not looked at once the connection is to end`() {
        let peer = Peer()
        peer.receive(Self.start)
        let broken = HTTP2Frame(2, stream: 0, Bytes(repeating: 0, count: 5)).bytes
        let more = HTTP2Frame.headers(1, HTTP2Field.request()).bytes
        #expect(peer.receiveSome(broken + more, limit: 4) == broken.count + more.count)
        #expect(!peer.receive(more) && peer.events.isEmpty)
    }

    @Test func `an answer is fields, content and trailers`() throws {
        let peer = Peer()
        peer.receive(Self.start + HTTP2Frame.headers(1, HTTP2Field.request()).bytes)
        peer.answer(1, 200, content: "hello", trailers: "x-sum: 1\r\n")
        let sent = peer.send().filter { $0.stream == 1 }
        #expect(sent.map(\.kind) == [1, 0, 1])
        #expect(sent.map(\.hasEnded) == [false, false, true])
        let decoder = HTTP2FieldDecoder()
        #expect(
            try decoder.decode(sent[0].payload).map(\.description)
                == [":status: 200", "server: x"])
        #expect(try decoder.decode(sent[2].payload).map(\.description) == ["x-sum: 1"])
        #expect(peer.events.last == "closed 0")
    }

    @Test func `a value that comes but once takes no other one's place in the table`() throws {
        let peer = Peer()
        peer.receive(Self.start)
        let usual = String(repeating: "x", count: 80)
        var sizes: [Int] = []
        for stream in stride(from: Int32(1), to: 601, by: 2) {
            peer.receive(HTTP2Frame.headers(UInt32(stream), HTTP2Field.request()).bytes)
            peer.answer(stream, usual, unique: "01a22c95-af3b-776c-9674-\(stream)")
            sizes.append(try #require(peer.send().last { $0.kind == 1 }).payload.count)
        }
        #expect(sizes[0] > 80 && sizes.dropFirst().allSatisfy { $0 < 60 })
    }

    @Test func `content waits for the window`() {
        let peer = Peer()
        let settings = HTTP2Frame.settings([(4, 3)]).bytes
        peer.receive(
            HTTP2Frame.preface + settings + HTTP2Frame.headers(1, HTTP2Field.request()).bytes)
        peer.answer(1, 200, content: "hello")
        #expect(peer.send().filter { $0.kind == 0 }.map(\.payload) == [Bytes("hel".utf8)])
        peer.receive(HTTP2Frame.windowUpdate(1, 10).bytes)
        let rest = peer.send().filter { $0.kind == 0 }
        #expect(rest.map(\.payload) == [Bytes("lo".utf8)] && rest[0].hasEnded)
    }

    @Test func `trailers wait for no window`() {
        let peer = Peer()
        let settings = HTTP2Frame.settings([(4, 5)]).bytes
        peer.receive(
            HTTP2Frame.preface + settings + HTTP2Frame.headers(1, HTTP2Field.request()).bytes)
        peer.answer(1, 200, content: "hello", ends: false)
        #expect(peer.send().filter { $0.stream == 1 }.map(\.kind) == [1, 0])
        peer.end(1, trailers: "x-sum: 1\r\n")
        let rest = peer.send()
        #expect(rest.map(\.kind) == [1] && rest[0].hasEnded)
        #expect(peer.events.last == "closed 0")
    }

    @Test func `fields on streams that have ended long ago are a flood`() {
        let peer = Peer()
        peer.receive(Self.start)
        for stream in stride(from: Int32(1), to: 601, by: 2) {
            peer.receive(HTTP2Frame.headers(UInt32(stream), HTTP2Field.request()).bytes)
            peer.answer(stream, 204, content: "")
            _ = peer.send()
        }
        // One that is open keeps the connection from being idle.
        peer.receive(HTTP2Frame.headers(601, HTTP2Field.request("PUT"), ends: false).bytes)
        let late = HTTP2Frame.headers(1, [HTTP2Field("x-sum", "1")]).bytes
        var count = 0
        while count < 10_000, peer.receive(late) { count += 1 }
        #expect(count <= FrameBudget.capacity)
    }

    @Test func `a stream's window opens as its content is used, and not before`() {
        let peer = Peer()
        peer.receive(
            Self.start + HTTP2Frame.headers(1, HTTP2Field.request("POST"), ends: false).bytes)
        let piece = Bytes(repeating: 1, count: 16384)
        for _ in 0..<3 { peer.receive(HTTP2Frame.data(1, piece, ends: false).bytes) }
        func updates() -> [HTTP2Frame] { peer.send().filter { $0.kind == 8 && $0.stream == 1 } }
        #expect(updates().isEmpty)
        peer.acknowledge(1, 3 * 16384)
        #expect(updates().map { HTTP2Frame.value($0.payload[...]) } == [3 * 16384])
    }

    /// What ends a connection, and the code it is told.
    @Test(
        arguments: [
            (
                "PING", Array(repeating: HTTP2Frame(6, Bytes(repeating: 0, count: 8)), count: 3000),
                11
            ),
            ("SETTINGS", Array(repeating: HTTP2Frame.settings([(4, 65535)]), count: 3000), 11),
            ("an unknown type", Array(repeating: HTTP2Frame(77, [1]), count: 3000), 11),
            ("WINDOW_UPDATE", Array(repeating: HTTP2Frame.windowUpdate(0, 1), count: 3000), 11),
            (
                "PRIORITY",
                Array(repeating: HTTP2Frame(2, stream: 5, [0, 0, 0, 0, 1]), count: 3000), 11
            ),
            (
                "a stream out of order",
                [.headers(5, HTTP2Field.request()), .headers(3, HTTP2Field.request())], 1
            ),
            ("DATA on a stream that was never opened", [.data(7, [1])], 1),
            (
                "DATA of padding alone",
                [.headers(1, HTTP2Field.request("POST"), ends: false)]
                    + Array(
                        repeating: HTTP2Frame(0, flags: 8, stream: 1, [3, 0, 0, 0]), count: 3000),
                11
            ),
        ] as [(String, [HTTP2Frame], UInt32)])
    func `a flood ends the connection with the right code`(
        _ name: String, _ frames: [HTTP2Frame], _ code: UInt32
    ) {
        let peer = Peer()
        #expect(peer.receive(Self.start))
        _ = peer.send()
        var isGoing = true
        var sent: [HTTP2Frame] = []
        for frame in frames where isGoing {
            isGoing = peer.receive(frame.bytes)
            sent += peer.send()
        }
        let goAway = sent.last { $0.kind == 7 }
        #expect(goAway.map { HTTP2Frame.value($0.payload[4..<8]) } == code, "\(name)")
        #expect(peer.isOver)
    }

    /// RFC 9113 §5.1: an answer is all that may come on a stream once its request is whole, or has
    /// been taken back.
    @Test(
        arguments: [
            ("END_STREAM", HTTP2Frame.headers(1, HTTP2Field.request())),
            ("RST_STREAM", HTTP2Frame.reset(1)),
        ], [HTTP2Frame.data(1, [1]), .headers(1, HTTP2Field.request())])
    func `what comes on a stream that its client has ended ends the connection`(
        _ end: (name: String, frame: HTTP2Frame), _ late: HTTP2Frame
    ) {
        for isAnswered in [false, true] {
            let peer = Peer()
            #expect(peer.receive(Self.start))
            if end.frame.kind == 3 {
                peer.receive(
                    HTTP2Frame.headers(1, HTTP2Field.request("POST"), ends: false).bytes)
            }
            #expect(peer.receive(end.frame.bytes))
            if isAnswered { peer.answer(1, 204, content: "") }
            _ = peer.send()
            // Others, on whose account nobody forgets it.
            for stream in stride(from: UInt32(3), to: 101, by: 2) {
                peer.receive(HTTP2Frame.headers(stream, HTTP2Field.request()).bytes)
                peer.answer(Int32(stream), 204, content: "")
                _ = peer.send()
            }
            #expect(!peer.receive(late.bytes), "\(end.name), answered: \(isAnswered)")
            #expect(peer.send().last.map { HTTP2Frame.value($0.payload[4..<8]) } == 5)
        }
    }

    @Test func `who resets a stream may be sent what was on its way`() {
        let peer = Peer()
        #expect(peer.receive(Self.start))
        peer.receive(HTTP2Frame.headers(1, HTTP2Field.request("POST"), ends: false).bytes)
        peer.reset(1, .cancel)
        _ = peer.send()
        #expect(peer.receive(HTTP2Frame.data(1, [1], ends: false).bytes))
        #expect(peer.receive(HTTP2Frame.headers(1, [HTTP2Field("x", "y")]).bytes))
        // That was the end.
        #expect(!peer.receive(HTTP2Frame.data(1, [1]).bytes))
    }

    @Test func `priorities change nothing`() {
        let peer = Peer()
        #expect(peer.receive(Self.start))
        #expect(peer.send().contains { $0.kind == 4 && Self.says($0, 9, 1) })
        for stream in [UInt32(1), 3, 5] {
            peer.receive(HTTP2Frame.headers(stream, HTTP2Field.request()).bytes)
        }
        // Everything else behind stream 5, and that is the heaviest.
        let exclusive = HTTP2Frame(2, stream: 5, [0x80, 0, 0, 0, 255])
        for byte in exclusive.bytes { #expect(peer.receive([byte])) }
        for stream in [Int32(1), 3, 5] {
            peer.answer(stream, 200, content: String(repeating: "x", count: 20_000))
        }
        let order = peer.send().filter { $0.kind == 0 }.map(\.stream)
        #expect(order == [1, 3, 5, 1, 3, 5])
    }

    /// One that is never at its end would else keep the connection's window to itself.
    @Test func `an answer waits for no older one`() {
        let peer = Peer()
        let settings = HTTP2Frame.settings([(4, 1 << 20)]).bytes
        #expect(peer.receive(HTTP2Frame.preface + settings))
        for stream in [UInt32(1), 3] {
            peer.receive(HTTP2Frame.headers(stream, HTTP2Field.request()).bytes)
        }
        peer.answer(1, 200, content: String(repeating: "x", count: 300_000), ends: false)
        peer.answer(3, 200, content: "small")
        let frames = peer.send()
        #expect(frames.contains { $0.stream == 3 && $0.hasEnded })
        #expect(Self.content(frames) == 65_535)
    }

    @Test func `what is made ready for one call is bounded`() {
        let peer = Peer()
        let settings = HTTP2Frame.settings([(4, 1 << 20)]).bytes
        let start: Bytes = HTTP2Frame.preface + settings
        #expect(peer.receive(start + HTTP2Frame.windowUpdate(0, 1 << 24).bytes))
        for stream in stride(from: Int32(1), to: 41, by: 2) {
            peer.receive(HTTP2Frame.headers(UInt32(stream), HTTP2Field.request()).bytes)
            peer.answer(stream, 200, content: String(repeating: "x", count: 60_000))
        }
        var content = 0
        var ends = 0
        while true {
            let frames = peer.send(limit: 96 * 1024)
            guard !frames.isEmpty else { break }
            let size = frames.reduce(0) { $0 + $1.payload.count + 9 }
            #expect(size < 96 * 1024 + 16_384 + 9)
            content += Self.content(frames)
            ends += frames.count { $0.kind == 0 && $0.hasEnded }
        }
        #expect(content == 20 * 60_000 && ends == 20)
    }

    /// Bytes of DATA.
    private static func content(_ frames: [HTTP2Frame]) -> Int {
        frames.reduce(0) { $0 + ($1.kind == 0 ? $1.payload.count : 0) }
    }

    /// The identifier and value of a setting.
    private static func says(_ frame: HTTP2Frame, _ id: UInt16, _ value: UInt32) -> Bool {
        let entry = Bytes([UInt8(id >> 8), UInt8(id & 255)]) + HTTP2Frame.number(value)
        for start in stride(from: 0, to: frame.payload.count - 5, by: 6) {
            if Bytes(frame.payload[start..<(start + 6)]) == entry { return true }
        }
        return false
    }

    @Test(arguments: [
        HTTP2Frame(2, stream: 7, [0, 0, 0, 7, 1]), HTTP2Frame(2, stream: 7, [0x80, 0, 0, 7, 1]),
        HTTP2Frame(2, stream: 0, [0, 0, 0, 7, 1]),
        HTTP2Frame(1, flags: 0x25, stream: 7, [0, 0, 0, 7, 1]),
    ])
    func `a stream that depends on itself, or is none, ends the connection`(_ frame: HTTP2Frame) {
        for size in [1, 100] {
            let peer = Peer()
            #expect(peer.receive(Self.start))
            var bytes = frame.bytes[...]
            var isGoing = true
            while isGoing, !bytes.isEmpty {
                isGoing = peer.receive(Bytes(bytes.prefix(size)))
                bytes = bytes.dropFirst(size)
            }
            #expect(peer.send().last.map { HTTP2Frame.value($0.payload[4..<8]) } == 1)
            #expect(peer.isOver)
        }
    }

    @Test func `streams taken back at once end the connection, answered ones do not`() {
        let peer = Peer()
        #expect(peer.receive(Self.start))
        var stream: UInt32 = 1
        for _ in 0..<2000 {
            #expect(peer.receive(HTTP2Frame.headers(stream, HTTP2Field.request()).bytes))
            peer.answer(Int32(stream), 204, content: "")
            _ = peer.send()
            stream += 2
        }
        var count = 0
        while count < 1000,
            peer.receive(
                HTTP2Frame.headers(stream, HTTP2Field.request()).bytes
                    + HTTP2Frame.reset(stream).bytes)
        {
            _ = peer.send()
            stream += 2
            count += 1
        }
        #expect((100..<400).contains(count))
        #expect(peer.send().last.map { HTTP2Frame.value($0.payload[4..<8]) } == 11)
    }

    /// A browser that leaves pages, or scrolls past pictures, is no flood.
    @Test func `answers that are broken off cost a frame each, and interim ones are none`() {
        func count(_ answer: (Peer, Int32) -> Void) -> Int {
            let peer = Peer()
            #expect(peer.receive(Self.start))
            var count = 0
            while count < 5000 {
                let stream = UInt32(count * 2 + 1)
                let open = HTTP2Frame.headers(stream, HTTP2Field.request()).bytes
                guard peer.receive(open) else { break }
                answer(peer, Int32(stream))
                _ = peer.send()
                guard peer.receive(HTTP2Frame.reset(stream).bytes) else { break }
                count += 1
            }
            return count
        }
        let content = count { $0.answer($1, 200, content: "half", ends: false) }
        #expect((1900...2000).contains(content), "each takes a point, and none comes back")
        let interim = count { $0.interim($1) }
        #expect((100..<200).contains(interim))
    }

    @Test func `DATA of a stream that was reset is passed over, and costs`() {
        let peer = Peer()
        #expect(peer.receive(Self.start))
        peer.receive(HTTP2Frame.headers(1, HTTP2Field.request("POST"), ends: false).bytes)
        peer.reset(1, .cancel)
        _ = peer.send()
        let frames = Array(repeating: HTTP2Frame.data(1, [1], ends: false), count: 1000)
        // In pieces that fit no frame.
        var bytes = frames.flatMap(\.bytes)
        while !bytes.isEmpty {
            #expect(peer.receive(Bytes(bytes.prefix(7))))
            bytes.removeFirst(min(7, bytes.count))
        }
        // SETTINGS have cost something, too.
        let isGoing = peer.receive(frames.dropFirst(10).flatMap(\.bytes))
        #expect(isGoing)
        let isOver = !peer.receive(frames.prefix(10).flatMap(\.bytes))
        #expect(isOver)
        #expect(peer.send().last.map { HTTP2Frame.value($0.payload[4..<8]) } == 11)
    }

    @Test func `streams that are reset by the client's fault end the connection`() {
        let peer = Peer()
        #expect(peer.receive(Self.start))
        var count = 0
        while count < 1000,
            peer.receive(HTTP2Frame.headers(UInt32(count * 2 + 1), HTTP2Field.request()).bytes)
        {
            peer.reset(Int32(count * 2 + 1), .protocolError)
            _ = peer.send()
            count += 1
        }
        #expect((100..<400).contains(count))
    }

    @Test func `a field section that never ends is cut off`() {
        let peer = Peer()
        #expect(peer.receive(Self.start))
        let begin = HTTP2Frame(1, flags: 0, stream: 1, HTTP2Field.encode(HTTP2Field.request()))
        var isGoing = peer.receive(begin.bytes)
        let line = HTTP2Field.encode([HTTP2Field("a", "b")])
        var count = 0
        while isGoing, count < 1000 {
            isGoing = peer.receive(HTTP2Frame(9, stream: 1, line).bytes)
            count += 1
        }
        #expect(!isGoing && count < 1000)
    }

    @Test(arguments: [
        (512 * 1024, 16384, true), (512 * 1024, 1024, false), (32 * 1024, 1024, false),
    ])
    func `a field section has the frames that its limit fills`(
        _ limit: Int, _ size: Int, _ isWhole: Bool
    ) {
        let lines = (0..<50).map { HTTP2Field("x-\($0)", String(repeating: "v", count: 4096)) }
        let request = HTTP2Field.request("GET", "/", lines)
        let bytes = HTTP2Frame.section(1, request, by: size).flatMap(\.bytes)
        let peer = Peer(limits: .init(head: limit))
        #expect(peer.receive(Self.start + bytes) == isWhole)
        #expect(peer.events.first?.hasPrefix("request 1 GET / ") == (isWhole ? true : nil))
        // A reload may allow more.
        let other = Peer()
        #expect(other.receive(Self.start))
        other.adopt(.init(head: limit))
        #expect(other.receive(bytes) == isWhole)
    }

    @Test(arguments: [(65_000, true), (66_000, false)])
    func `a single field of more than 64 KiB breaks the compression`(
        _ length: Int, _ isRead: Bool
    ) {
        let line = HTTP2Field("x", String(repeating: "v", count: length))
        let request = HTTP2Field.request("GET", "/", [line])
        let peer = Peer(limits: .init(head: 512 * 1024))
        #expect(peer.receive(Self.start))
        peer.receive(HTTP2Frame.section(1, request).flatMap(\.bytes))
        #expect(peer.events.isEmpty == !isRead)
        let code = peer.send().last { $0.kind == 7 }.map { HTTP2Frame.value($0.payload[4..<8]) }
        #expect(code == (isRead ? nil : 9))
    }

    /// nghttp2 tells of no end where the stream is gone by then.
    @Test func `a field section is over with its last frame, whatever became of the stream`() {
        let peer = Peer()
        #expect(peer.receive(Self.start))
        peer.receive(HTTP2Frame.headers(1, HTTP2Field.request("PUT"), ends: false).bytes)
        #expect(!peer.isInSection)
        let trailers = HTTP2Field.encode([HTTP2Field("x-sum", "1")])
        peer.receive(HTTP2Frame(1, flags: 1, stream: 1, Bytes(trailers.prefix(3))).bytes)
        #expect(peer.isInSection)
        peer.reset(1, .cancel)
        _ = peer.send()
        #expect(peer.isInSection)
        let end = HTTP2Frame(9, flags: 4, stream: 1, Bytes(trailers.dropFirst(3))).bytes
        peer.receive(Bytes(end.dropLast(1)))
        #expect(peer.isInSection)
        #expect(peer.receive(Bytes(end.suffix(1))))
        #expect(!peer.isInSection)
    }

    @Test func `a field section that unfolds to very many bytes is cut off`() {
        // One line goes into the table, and is named again by one byte each (RFC 7541 §6.1).
        let peer = Peer(limits: .init(head: 4096))
        #expect(peer.receive(Self.start))
        let line = HTTP2Field("x", String(repeating: "y", count: 3500))
        var block = HTTP2Field.encode(HTTP2Field.request())
        block += [0x40] + HTTP2Field.encode([line]).dropFirst()
        block += Bytes(repeating: 0xbe, count: 10_000)
        let frame = HTTP2Frame(1, flags: 5, stream: 1, block)
        #expect(!peer.receive(frame.bytes))
        #expect(peer.send().last.map { HTTP2Frame.value($0.payload[4..<8]) } == 11)
    }

    @Test func `the preface is told from HTTP 1.1 by its first different byte`() {
        let preface = HTTP2Frame.preface
        for length in 0..<preface.count {
            #expect(Bytes(preface.prefix(length)).withView(Preface.find) == .begun)
        }
        #expect((preface + [0]).withView(Preface.find) == .complete)
        for text in ["G", "PRI * HTTP/1.1\r\n", "PUT / HTTP/1.1\r\n"] {
            #expect(text.withView(Preface.find) == .other)
        }
    }
}
