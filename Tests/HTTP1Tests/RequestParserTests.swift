import HTTP1
import HTTPSyntax
import Testing

@Suite struct RequestParserTests {
    @Test(arguments: RequestCases.refused)
    func `what has two readings is refused with its reason`(bytes: String, reason: Reason) {
        #expect(parseRequest(latin(bytes)) == .failed(reason.status, reason), "\(bytes)")
    }

    @Test(arguments: RequestCases.complete + [RequestCases.browser])
    func `a well-formed head is taken whole and nothing behind it`(bytes: String) {
        #expect(parseRequest(latin(bytes)).head?.length == bytes.unicodeScalars.count, "\(bytes)")
        let more = parseRequest(latin(bytes + "GET / \0"))
        #expect(more.head?.length == bytes.unicodeScalars.count)
    }

    @Test func `statuses follow the kind of the failure`() {
        #expect(Reason.targetTooLong.status == 414)
        #expect(Reason.headTooLarge.status == 431)
        #expect(Reason.tooManyFields.status == 431)
        #expect(Reason.versionUnsupported.status == 505)
        #expect(Reason.methodTooLong.status == 501)
        #expect(Reason.transferEncodingUnsupported.status == 400)
    }

    @Test func `a browser's head is read to the last field`() throws {
        let head = try #require(parseRequest(latin(RequestCases.browser)).head)
        #expect(head.method == "GET" && head.methodID == .get && head.version == .http11)
        #expect(head.path == "/assets/app/main.css" && head.query == "?v=20250101&theme=dark")
        #expect(head.lines.count == 9 && head.framing == .none && head.flags == [.keepAlive])
        #expect(head.lines[0] == field("Host", "www.example.com", .host))
        #expect(head.lines[3] == field("Accept-Language", "en-US,en;q=0.9,de;q=0.8", .other))
        #expect(head.lines[8] == field("If-None-Match", "\"65f1c2a4-1b2f\"", .other))
    }

    @Test func `white space around a value does not belong to it`() throws {
        let bytes = RequestCases.with("A: \t b \tc\t \r\nD:e\r\nF: \r\nG:\r\n")
        let head = try #require(parseRequest(latin(bytes)).head)
        #expect(head.lines.dropFirst().map(\.value) == ["b \tc", "e", "", ""])
    }

    @Test(arguments: [
        ("/", RequestTarget.Form.origin, "/", "", ""),
        ("//a/b", .origin, "//a/b", "", ""),
        ("/a?b?c", .origin, "/a", "?b?c", ""),
        ("/?", .origin, "/", "?", ""),
        ("/0123456789abcdef0123456789?q", .origin, "/0123456789abcdef0123456789", "?q", ""),
        ("http://h", .absolute, "", "", "h"),
        ("http://h/", .absolute, "/", "", "h"),
        ("http://h?x", .absolute, "", "?x", "h"),
        ("HTTP://h:80/a/b?x", .absolute, "/a/b", "?x", "h:80"),
    ])
    func `a target has its form and parts`(
        target: String, form: RequestTarget.Form, path: String, query: String, authority: String
    ) throws {
        let bytes = "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n"
        let head = try #require(parseRequest(latin(bytes)).head)
        #expect(head.target == target && head.form == form)
        #expect(head.path == path && head.query == query && head.authority == authority)
    }

    @Test func `the targets that are no path have none`() throws {
        let asterisk = try #require(
            parseRequest(latin("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")).head)
        #expect(asterisk.form == .asterisk && asterisk.path == "" && asterisk.target == "*")
        let authority = try #require(
            parseRequest(latin("CONNECT b:1 HTTP/1.1\r\nHost: a\r\n\r\n")).head)
        #expect(authority.form == .authority && authority.path == "")
        #expect(authority.authority == "b:1" && authority.methodID == .connect)
    }

    static let framings: [(String, BodyFraming, HeadFlags)] = [
        ("", .none, []),
        ("Content-Length: 0\r\n", .none, [.lengthZero]),
        ("Content-Length: 00\r\n", .none, [.lengthZero]),
        ("Content-Length: 007\r\n", .length(7), []),
        ("Content-Length: 9223372036854775807\r\n", .length(UInt64(Int64.max)), []),
        ("Transfer-Encoding: Chunked\r\n", .chunked, []),
        ("Content_Length: 7\r\n", .none, [.hasVariants]),
        ("Transfer_Encoding: chunked\r\nContent-Length: 7\r\n", .length(7), [.hasVariants]),
        ("Connection: close\r\n", .none, [.close]),
        ("Connection: Keep-Alive, Upgrade\r\n", .none, [.keepAlive]),
        ("Connection: upgrade\r\nUpgrade: websocket\r\n", .none, [.upgrade]),
        ("Upgrade: websocket\r\n", .none, []),
        ("Connection: x\r\nConnection: close\r\n", .none, [.close, .namesFields]),
        ("Connection: host, te, content-length\r\n", .none, []),
        ("Expect: 100-Continue\r\n", .none, [.expectContinue]),
        ("Expect: 100-continue, x\r\n", .none, [.expectContinue, .unknownExpectation]),
        ("Expect: x\r\n", .none, [.unknownExpectation]),
    ]

    @Test(arguments: framings)
    func `framing and flags follow the fields`(
        lines: String, framing: BodyFraming, flags: HeadFlags
    ) throws {
        let head = try #require(parseRequest(latin(RequestCases.with(lines))).head)
        #expect(head.framing == framing)
        #expect(head.flags == flags)
    }

    @Test func `an HTTP 1.0 client expects and upgrades nothing`() throws {
        let bytes = """
            POST / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\nExpect: y, 100-continue\r\n\r\n
            """
        #expect(try #require(parseRequest(latin(bytes)).head).flags == [])
    }

    @Test func `a line spelled with an underscore is marked and not believed`() throws {
        let bytes = RequestCases.with("Content_Length: 5\r\nx_forwarded-For: b\r\nX_Y: z\r\n")
        let head = try #require(parseRequest(latin(bytes)).head)
        #expect(head.lines[1] == field("Content_Length", "5", .contentLength, isVariant: true))
        #expect(head.lines[2] == field("x_forwarded-For", "b", .xForwardedFor, isVariant: true))
        #expect(head.lines[3] == field("X_Y", "z", .other))
    }

    @Test func `a head of the limit passes and a byte more does not`() {
        let bytes = latin(RequestCases.with("X: y\r\n"))
        var limits = usualLimits
        limits.head = bytes.count
        #expect(parseRequest(bytes, limits: limits).head != nil)
        limits.head = bytes.count - 1
        #expect(parseRequest(bytes, limits: limits) == .failed(431, .headTooLarge))
        #expect(
            parseRequest(Array(bytes.dropLast()), limits: limits) == .failed(431, .headTooLarge))
        #expect(parseRequest(Array(bytes.dropLast(2)), limits: limits) == .incomplete)
    }

    @Test func `a target beyond the limit is refused before its line has ended`() {
        let limits = HeadLimits(head: 1000, target: 20, fields: 10)
        let longest = "/" + String(repeating: "a", count: 19)
        let good = "GET \(longest) HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(parseRequest(latin(good), limits: limits).head?.target == longest)
        #expect(parseRequest(latin("GET \(longest)"), limits: limits) == .incomplete)
        #expect(
            parseRequest(latin("GET \(longest)b"), limits: limits) == .failed(414, .targetTooLong))
        let long = "GET \(longest)b\0"
        #expect(parseRequest(latin(long), limits: limits) == .failed(414, .targetTooLong))
        let method = String(repeating: "M", count: 21)
        #expect(parseRequest(latin(method), limits: limits) == .failed(501, .methodTooLong))
        #expect(
            parseRequest(latin(method.dropLast() + " / HTTP/1.0\r\n\r\n"), limits: limits).head
                != nil)
    }

    @Test func `field lines beyond the limit are refused`() {
        let limits = HeadLimits(head: 1000, target: 20, fields: 3)
        let three = "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n"
        #expect(parseRequest(latin(three + "\r\n"), limits: limits).head?.lines.count == 3)
        #expect(
            parseRequest(latin(three + "Y: 3\r\n"), limits: limits) == .failed(431, .tooManyFields))
    }

    @Test func `a name longer than its length can say is refused`() {
        let limits = HeadLimits(head: 200_000, target: 20, fields: 3)
        let long = String(repeating: "a", count: 65536)
        let bytes = latin("GET / HTTP/1.1\r\n\(long)")
        #expect(parseRequest(bytes, limits: limits) == .failed(431, .headTooLarge))
        #expect(parseRequest(Array(bytes.dropLast()), limits: limits) == .incomplete)
    }

    @Test func `every byte but HTAB, CR and LF decides the same anywhere in a value`() {
        for byte in UInt8.min...UInt8.max where ![9, 10, 13].contains(byte) {
            let isRefused = byte < 0x20 || byte == 0x7f
            for offset in 0..<20 {
                var bytes = latin(RequestCases.with("X: aaaaaaaaaaaaaaaaaaaab\r\n"))
                bytes[bytes.count - 25 + offset] = byte
                #expect((parseRequest(bytes).head == nil) == isRefused)
            }
        }
    }

    @Test func `only token bytes make a field name, at any place`() {
        for byte in UInt8.min...UInt8.max {
            for offset in 0..<19 {
                var bytes = latin(RequestCases.with("X-aaaaaaaaaaaaaaaaa: y\r\n"))
                bytes[bytes.count - 26 + offset] = byte
                let isColon = byte == 0x3a && offset > 0
                #expect((parseRequest(bytes).head != nil) == (Token.contains(byte) || isColon))
            }
        }
    }
}

func field(
    _ name: String, _ value: String, _ known: FieldName, isVariant: Bool = false
) -> ParsedLine {
    ParsedLine(name: name, value: value, known: known, isVariant: isVariant)
}
