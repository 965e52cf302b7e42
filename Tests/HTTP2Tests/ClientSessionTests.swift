import Foundation
import HTTP2
import HTTPSyntax
import TestSupport
import Testing

@Suite struct ClientSessionTests {
    private static func status(_ status: String = "200", _ more: HTTP2Field...) -> [HTTP2Field] {
        [HTTP2Field(":status", status)] + more
    }

    /// A session whose backend has said hello, and a request that has gone out.
    private static func asking(
        _ method: String = "GET", hasContent: Bool = false,
        limits: HeaderBlock.Limits = .init(), settings: [(UInt16, UInt32)] = []
    ) throws -> (Requester, Asked) {
        let requester = Requester(limits: limits)
        let asked = try #require(requester.ask(method, hasContent: hasContent))
        _ = requester.send()
        requester.receive(.settings(settings))
        return (requester, asked)
    }

    // MARK: Requests

    @Test func `a request is fields, content and trailers`() throws {
        let requester = Requester()
        let asked = try #require(requester.ask("POST", hasContent: true))
        asked.append("hello")
        requester.end(asked, trailers: "X-Sum: 1\r\n")
        let bytes = requester.sendBytes()
        #expect(bytes.starts(with: HTTP2Frame.preface))
        var frames: [HTTP2Frame] = []
        var rest = Bytes(bytes.dropFirst(HTTP2Frame.preface.count))
        while let (frame, length) = HTTP2Frame.read(rest) {
            frames.append(frame)
            rest.removeFirst(length)
        }
        // No push, and what the windows are.
        #expect(frames.first?.kind == HTTP2Frame.Kind.settings)
        #expect(frames.first?.payload.starts(with: [0, 2, 0, 0, 0, 0]) == true)
        let sent = frames.filter { $0.stream == 1 }
        #expect(sent.map(\.kind) == [1, 0, 1] && sent.map(\.hasEnded) == [false, false, true])
        let decoder = HTTP2FieldDecoder()
        #expect(
            try decoder.decode(sent[0].payload).map(\.description) == [
                ":method: POST", ":scheme: http", ":path: /", ":authority: a", "x-name: value",
            ])
        #expect(try decoder.decode(sent[2].payload).map(\.description) == ["x-sum: 1"])
    }

    @Test func `a request without content ends with its fields`() throws {
        let requester = Requester()
        requester.ask()
        #expect(requester.send().filter { $0.stream == 1 }.map(\.hasEnded) == [true])
    }

    @Test func `content waits for the window, and says when there is room`() throws {
        let (requester, asked) = try Self.asking("POST", hasContent: true)
        asked.append(String(repeating: "x", count: 70_000))
        requester.resume(asked)
        #expect(requester.send().filter { $0.kind == 0 }.map(\.payload.count).reduce(0, +) == 65535)
        requester.receive(.windowUpdate(0, 10), .windowUpdate(1, 10))
        #expect(requester.send().filter { $0.kind == 0 }.map(\.payload.count) == [10])
    }

    // MARK: Answers

    @Test(arguments: [
        (
            [
                HTTP2Frame.headers(1, status("200", HTTP2Field("server", "x")), ends: false),
                .data(1, Bytes("hello".utf8), ends: false), .data(1, [], ends: true),
            ],
            "HTTP/1.1 200 \r\nserver: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        ),
        (
            [
                .headers(1, status("200", HTTP2Field("content-length", "5")), ends: false),
                .data(1, Bytes("hello".utf8), ends: true),
            ],
            "HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\nhello"
        ),
        (
            [
                .headers(1, status("103", HTTP2Field("link", "x")), ends: false),
                .headers(1, status("200", HTTP2Field("grpc-status", "12"))),
            ],
            "HTTP/1.1 103 \r\nlink: x\r\n\r\n"
                + "HTTP/1.1 200 \r\ngrpc-status: 12\r\nContent-Length: 0\r\n\r\n"
        ),
        (
            [
                .headers(1, status(), ends: false), .data(1, Bytes("a".utf8), ends: false),
                .headers(1, [HTTP2Field("grpc-status", "0")]),
            ],
            "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\ngrpc-status: 0\r\n\r\n"
        ),
        (
            [
                .headers(1, status("200", HTTP2Field("content-length", "1")), ends: false),
                .data(1, Bytes("a".utf8), ends: false), .headers(1, [HTTP2Field("x-sum", "0")]),
            ],
            "HTTP/1.1 200 \r\ncontent-length: 1\r\n\r\na"
        ),
        ([.headers(1, status("204"))], "HTTP/1.1 204 \r\n\r\n"),
        (
            [.headers(1, status("204"), ends: false), .data(1, [], ends: true)],
            "HTTP/1.1 204 \r\n\r\n"
        ),
        (
            [.headers(1, status("304", HTTP2Field("content-length", "7")))],
            "HTTP/1.1 304 \r\ncontent-length: 7\r\n\r\n"
        ),
        (
            [
                .headers(1, status("200", HTTP2Field("content-length", "0")), ends: false),
                .data(1, [], ends: true),
            ],
            "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n"
        ),
    ])
    func `an answer is read as one of HTTP 1`(_ frames: [HTTP2Frame], _ text: String) throws {
        for isTrickled in [false, true] {
            let (requester, asked) = try Self.asking()
            let bytes = frames.flatMap(\.bytes)
            if isTrickled {
                for byte in bytes { #expect(requester.receive([byte])) }
                // Each byte of content is a chunk by itself.
                let isChunked = text.contains("chunked")
                #expect(
                    isChunked
                        ? asked.answer.utf8.suffix(5).elementsEqual(text.utf8.suffix(5))
                        : asked.answer == text)
            } else {
                #expect(requester.receive(bytes))
                #expect(asked.answer == text)
            }
            #expect(asked.events == [] && asked.isAnswered)
            #expect(requester.send().allSatisfy { $0.kind != HTTP2Frame.Kind.resetStream })
            #expect(requester.streamCount == 0)
        }
    }

    @Test func `HEAD has no content, whatever the fields say`() throws {
        let (requester, asked) = try Self.asking("HEAD")
        requester.receive(.headers(1, Self.status("200", HTTP2Field("content-length", "9"))))
        #expect(asked.answer == "HTTP/1.1 200 \r\ncontent-length: 9\r\n\r\n" && asked.isAnswered)
    }

    @Test(arguments: [
        ([HTTP2Frame.headers(1, [HTTP2Field("server", "x")])], AnswerProblem.statusMissing),
        ([.headers(1, status("99"))], .statusInvalid),
        ([.headers(1, status("2000"))], .statusInvalid),
        ([.headers(1, status("2x0"))], .statusInvalid),
        ([.headers(1, status("600"))], .statusInvalid),
        ([.headers(1, status("101"), ends: false)], .switchesProtocols),
        ([.headers(1, status("103"))], .interimEnds),
        ([.headers(1, status() + status())], .pseudoRepeated),
        ([.headers(1, [HTTP2Field("a", "b"), HTTP2Field(":status", "200")])], .pseudoLate),
        ([.headers(1, status("200", HTTP2Field(":path", "/")))], .pseudoUnknown),
        ([.headers(1, status("200", HTTP2Field("Server", "x")))], .nameInvalid),
        ([.headers(1, status("200", HTTP2Field("a b", "x")))], .nameInvalid),
        ([.headers(1, status("200", HTTP2Field("a:b", "x")))], .nameInvalid),
        ([.headers(1, status("200", HTTP2Field("", "x")))], .nameInvalid),
        ([.headers(1, status("200", HTTP2Field("a", "x\r\nb: c")))], .valueInvalid),
        ([.headers(1, status("200", HTTP2Field("a", "x\nb")))], .valueInvalid),
        ([.headers(1, status("200", HTTP2Field("a", "x\0b")))], .valueInvalid),
        ([.headers(1, status("200", HTTP2Field("a", " x")))], .valueInvalid),
        (
            [.headers(1, status("200", HTTP2Field("transfer-encoding", "chunked")))],
            .connectionSpecific
        ),
        ([.headers(1, status("200", HTTP2Field("connection", "close")))], .connectionSpecific),
        ([.headers(1, status("200", HTTP2Field("upgrade", "x")))], .connectionSpecific),
        ([.headers(1, status("200", HTTP2Field("content-length", "5")))], .contentTooShort),
        (
            [
                .headers(1, status("200", HTTP2Field("content-length", "5")), ends: false),
                .data(1, Bytes("hell".utf8)),
            ], .contentTooShort
        ),
        (
            [
                .headers(1, status("200", HTTP2Field("content-length", "5")), ends: false),
                .data(1, Bytes("hello!".utf8)),
            ], .contentTooLong
        ),
        (
            [
                .headers(1, status("200", HTTP2Field("content-length", "5")), ends: false),
                .headers(1, [HTTP2Field("x-sum", "1")]),
            ], .contentTooShort
        ),
        ([.headers(1, status("204"), ends: false), .data(1, Bytes("x".utf8))], .contentUnexpected),
        ([.headers(1, status("304"), ends: false), .data(1, Bytes("x".utf8))], .contentUnexpected),
        (
            [.headers(1, status("103"), ends: false), .data(1, [])], .statusMissing
        ),
        (
            [
                .headers(1, status(), ends: false),
                .headers(1, [HTTP2Field("x-sum", "1")], ends: false),
            ],
            .trailersMidway
        ),
        (
            [.headers(1, status(), ends: false), .headers(1, status())], .pseudoInTrailers
        ),
        (
            [.headers(1, status("200", HTTP2Field("a", String(repeating: "x", count: 1000))))],
            .headTooLarge
        ),
        (
            [.headers(1, status() + (0..<6).map { HTTP2Field("a\($0)", "x") })], .tooManyFields
        ),
    ])
    func `what is no answer resets its stream alone`(
        _ frames: [HTTP2Frame], _ problem: AnswerProblem
    ) throws {
        let limits = HeaderBlock.Limits(head: 500, fields: 5)
        let (requester, asked) = try Self.asking(limits: limits)
        let other = try #require(requester.ask())
        _ = requester.send()
        #expect(requester.receive(frames.flatMap(\.bytes)))
        #expect(asked.events == ["\(problem)"])
        let resets = requester.send().filter { $0.kind == HTTP2Frame.Kind.resetStream }
        #expect(resets.map(\.stream) == [1] && resets[0].payload == [0, 0, 0, 1])
        requester.receive(.headers(3, Self.status("204")))
        #expect(other.answer == "HTTP/1.1 204 \r\n\r\n" && other.events == [])
    }

    @Test func `content with HEAD is no answer`() throws {
        let (requester, asked) = try Self.asking("HEAD")
        requester.receive(.headers(1, Self.status(), ends: false), .data(1, Bytes("x".utf8)))
        #expect(asked.events == ["contentUnexpected"])
    }

    @Test func `a stream's window opens as its content is used, and not before`() throws {
        let (requester, asked) = try Self.asking()
        let block = Bytes(repeating: 0x61, count: 16_000)
        requester.receive(.headers(1, Self.status(), ends: false))
        for _ in 0..<4 { requester.receive(.data(1, block, ends: false)) }
        let updates = { requester.send().filter { $0.kind == 8 && $0.stream == 1 } }
        #expect(updates().isEmpty)
        requester.acknowledge(asked, keeping: 60_000)
        #expect(updates().isEmpty)
        requester.acknowledge(asked)
        #expect(updates().map { HTTP2Frame.value($0.payload[...]) } == [64_000])
    }

    // MARK: Ends

    @Test func `a stream that was refused was not processed`() throws {
        let (requester, asked) = try Self.asking()
        requester.receive(.reset(1, 7))
        #expect(asked.events == ["unprocessed"])
    }

    @Test func `one that was reset otherwise may have been`() throws {
        let (requester, asked) = try Self.asking()
        requester.receive(.reset(1, 2))
        #expect(asked.events == ["reset"])
        let again = try #require(requester.ask())
        _ = requester.send()
        requester.receive(.headers(3, Self.status(), ends: false), .reset(3, 7))
        #expect(again.events == ["reset"])
    }

    @Test func `GOAWAY ends what is beyond it, and lets the rest finish`() throws {
        let (requester, first) = try Self.asking()
        let second = try #require(requester.ask())
        _ = requester.send()
        requester.receive(HTTP2Frame(7, HTTP2Frame.number(1) + HTTP2Frame.number(0)))
        #expect(second.events == ["unprocessed"] && first.events == [])
        #expect(!requester.takesStreams && !requester.isOver)
        let third = requester.ask()
        _ = requester.send()
        #expect(third == nil || third?.events == ["unprocessed"])
        requester.receive(.headers(1, Self.status("204")))
        #expect(first.answer == "HTTP/1.1 204 \r\n\r\n" && first.isAnswered)
        _ = requester.send()
        #expect(requester.isOver)
    }

    @Test func `the backend says how many streams it takes`() throws {
        let (requester, _) = try Self.asking(settings: [(3, 7)])
        #expect(requester.streamLimit == 7)
    }

    @Test func `a stream that is not wanted is reset, and waits for nothing`() throws {
        let (requester, asked) = try Self.asking()
        requester.close(asked)
        #expect(requester.send().map(\.kind) == [4, 3], "its SETTINGS are acknowledged")
        requester.receive(.headers(1, Self.status()))
        #expect(asked.answer == "" && asked.events == [])
        // One that has not gone out yet does not go.
        let late = try #require(requester.ask())
        requester.close(late)
        #expect(requester.send().filter { $0.kind == HTTP2Frame.Kind.headers }.isEmpty)
        #expect(requester.streamCount == 0 && late.events == [])
    }

    @Test func `counted content may end before its stream does`() throws {
        let (requester, asked) = try Self.asking()
        requester.receive(
            .headers(1, Self.status("200", HTTP2Field("content-length", "1")), ends: false),
            .data(1, Bytes("x".utf8), ends: false))
        #expect(asked.isAnswered)
        requester.close(asked)
        #expect(requester.send().allSatisfy { $0.kind != HTTP2Frame.Kind.resetStream })
        #expect(requester.streamCount == 1)
        requester.receive(.data(1, [], ends: true))
        #expect(requester.streamCount == 0)
    }

    @Test func `content behind an answer that is whole resets its stream`() throws {
        for (method, fields, content) in [
            ("HEAD", Self.status(), ""), ("GET", Self.status("204"), ""),
            ("GET", Self.status("304"), ""),
            ("GET", Self.status("200", HTTP2Field("content-length", "1")), "x"),
        ] {
            let (requester, asked) = try Self.asking(method)
            requester.receive(.headers(1, fields, ends: false))
            if !content.isEmpty { requester.receive(.data(1, Bytes(content.utf8), ends: false)) }
            #expect(asked.isAnswered)
            requester.close(asked)
            _ = requester.send()
            #expect(requester.streamCount == 1)
            for _ in 0..<2 { requester.receive(.data(1, Bytes("more".utf8), ends: false)) }
            let resets = requester.send().filter { $0.kind == HTTP2Frame.Kind.resetStream }
            #expect(resets.map(\.stream) == [1] && resets.first?.payload == [0, 0, 0, 1])
            #expect(requester.streamCount == 0 && asked.events == [])
        }
    }

    @Test func `interim answers are together no longer than one head may be`() throws {
        let interim = HTTP2Frame.headers(
            1, Self.status("103", HTTP2Field("link", String(repeating: "x", count: 120))),
            ends: false)
        let (requester, asked) = try Self.asking(limits: .init(head: 500))
        for count in 1...4 {
            requester.receive(interim)
            #expect(asked.events == (count < 4 ? [] : ["headTooLarge"]))
        }
        let resets = requester.send().filter { $0.kind == HTTP2Frame.Kind.resetStream }
        #expect(resets.map(\.stream) == [1])
        // Those to another request count for themselves.
        let other = try #require(requester.ask())
        _ = requester.send()
        requester.receive(
            .headers(3, Self.status("103"), ends: false), .headers(3, Self.status("204")))
        #expect(other.isAnswered && other.events == [])
    }

    // MARK: Floods

    @Test(arguments: [
        HTTP2Frame.settings(), HTTP2Frame(6, Bytes(repeating: 0, count: 8)),
        .windowUpdate(0, 1), .data(1, [], ends: false), HTTP2Frame(99),
        HTTP2Frame(0, flags: 8, stream: 1, [0]), HTTP2Frame(0, flags: 8, stream: 1, [2, 0, 0]),
        .headers(3, [HTTP2Field(":status", "200")]),
    ])
    func `frames that carry nothing end the connection after a while`(_ frame: HTTP2Frame) throws {
        let (requester, _) = try Self.asking()
        let ended = try #require(requester.ask())
        _ = requester.send()
        requester.receive(
            .headers(1, Self.status(), ends: false), .headers(3, Self.status("204")))
        #expect(ended.isAnswered)
        var count = 0
        while requester.receive(frame), count < 10_000 {
            count += 1
            if count % 100 == 0 { _ = requester.send() }
        }
        #expect(count < FrameBudget.capacity + 100)
        let last = requester.send().last { $0.kind == HTTP2Frame.Kind.goAway }
        #expect(last?.payload[4..<8] == [0, 0, 0, 11] && requester.isOver)
    }

    @Test(arguments: [1, 10])
    func `padding costs where there is nothing else, however it is cut`(_ size: Int) throws {
        for (payload, isFine) in [([1, 0], false), ([1, 0x61, 0], true)] as [(Bytes, Bool)] {
            let (requester, _) = try Self.asking()
            requester.receive(.headers(1, Self.status(), ends: false))
            let frame = HTTP2Frame(0, flags: 8, stream: 1, payload).bytes
            var goesOn = true
            for _ in 0..<2 * FrameBudget.capacity where goesOn {
                for start in stride(from: 0, to: frame.count, by: size) where goesOn {
                    goesOn = requester.receive(
                        Bytes(frame[start..<min(start + size, frame.count)]))
                }
            }
            #expect(goesOn == isFine)
        }
    }

    @Test func `nothing is pushed`() throws {
        let (requester, _) = try Self.asking()
        let promise = HTTP2Frame(
            5, flags: HTTP2Frame.Flag.endHeaders, stream: 1,
            HTTP2Frame.number(2) + HTTP2Field.encode(HTTP2Field.request()))
        #expect(!requester.receive(promise))
        let last = requester.send().last
        #expect(last?.kind == HTTP2Frame.Kind.goAway && last?.payload[4..<8] == [0, 0, 0, 1])
    }

    @Test func `a field section in many pieces ends the connection`() throws {
        let (requester, _) = try Self.asking()
        var isFine = requester.receive(
            HTTP2Frame(1, stream: 1, HTTP2Field.encode(Self.status())))
        for _ in 0..<20 where isFine { isFine = requester.receive(HTTP2Frame(9, stream: 1)) }
        #expect(!isFine)
    }

    @Test func `a field section far beyond the limit ends the connection`() throws {
        let (requester, asked) = try Self.asking(limits: .init(head: 100))
        let isFine = requester.receive(
            .headers(1, Self.status("200", HTTP2Field("a", String(repeating: "x", count: 9000)))))
        #expect(!isFine && asked.answer == "")
    }

    // MARK: Both sides

    @Test func `both sides of nghttp2 understand each other`() throws {
        let requester = Requester()
        let server = Peer()
        let asked = try (0..<50).map { _ in try #require(requester.ask("POST", hasContent: true)) }
        for request in asked {
            request.append("hello")
            requester.end(request, trailers: "x-sum: 1\r\n")
        }
        #expect(server.receive(requester.sendBytes()))
        #expect(server.events.filter { $0 == "content hello" }.count == 50)
        for request in asked.reversed() {
            server.answer(
                Int32(request.number), 200, content: "\(request.number)", trailers: "x: y\r\n")
        }
        requester.receive(server.send().flatMap(\.bytes))
        for request in asked {
            let text = "\(request.number)"
            #expect(
                request.answer == "HTTP/1.1 200 \r\nserver: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "\(text.count)\r\n\(text)\r\n0\r\nx: y\r\n\r\n")
        }
        #expect(requester.streamCount == 0)
    }

    @Test func `the table of refused answers in the documentation is that of the code`() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/http2.md").standardizedFileURL
        let expected = AnswerProblem.allCases.map {
            "| \(ByteView($0.text).text) | \(ByteView($0.section).text) |"
        }
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(text.contains(expected.joined(separator: "\n") + "\n\n"))
    }
}
