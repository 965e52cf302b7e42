import HTTP1
import HTTPSyntax
import Testing

/// What is sent upstream for this head.
func writeRequest(
    _ bytes: [UInt8], extra: String = "", options: HeadWriter.RequestOptions = []
) -> String? {
    withGuardedBytes(bytes) { view in
        var head = RequestHead(maximumFields: 100)
        let result = RequestParser.parse(view.view, into: &head, limits: usualLimits)
        guard case .complete = result else { return nil }
        var buffer = ByteBuffer()
        buffer.append("before")
        latin(extra).withView {
            HeadWriter.request(head, in: view.view, extra: $0, options: options, into: &buffer)
        }
        return latin(buffer.view.bytes.dropFirst(6))
    }
}

/// What the client gets for this head.
func writeResponse(
    _ bytes: [UInt8], extra: String = "", options: HeadWriter.ResponseOptions = []
) -> String? {
    withGuardedBytes(bytes) { view in
        var head = ResponseHead(maximumFields: 100)
        let result = ResponseParser.parse(view.view, into: &head, limits: usualLimits)
        guard case .complete = result else { return nil }
        var buffer = ByteBuffer()
        latin(extra).withView {
            HeadWriter.response(
                head, in: view.view, extra: $0, date: ByteView("now"), options: options,
                into: &buffer)
        }
        if extra.isEmpty { expectSameLines(head, view.view, options, buffer.view) }
        return latin(buffer.view.bytes)
    }
}

/// A client of HTTP/2 gets the fields that one of HTTP/1.1 gets, less what frames content.
private func expectSameLines(
    _ head: borrowing ResponseHead, _ bytes: ByteView, _ options: HeadWriter.ResponseOptions,
    _ written: ByteView
) {
    var expected: [String] = []
    guard var text = WrittenHead(written) else {
        Issue.record("no head was written")
        return
    }
    while let line = text.next() {
        guard line.known != .transferEncoding else { continue }
        expected.append("\(line.name.text): \(line.value.text)")
    }
    let lines = AnswerLines(head, in: bytes, options: options)
    var passed: [String] = []
    var index = lines.next(from: 0, head.fields)
    while index < head.fields.count {
        let line = head.fields[index]
        let name = bytes.slice(Int(line.nameOffset), Int(line.nameLength))
        let value = bytes.slice(Int(line.valueOffset), Int(line.valueLength))
        if let known = line.name.fieldName, !line.isVariant {
            #expect(ByteView(known).text == name.text.lowercased())
        }
        passed.append("\(name.text): \(value.text)")
        index = lines.next(from: index + 1, head.fields)
    }
    if head.status >= 200, !head.fields.has(.date) { passed.append("Date: now") }
    #expect(passed == expected)
}

@Suite struct RequestWriterTests {
    static let start = "GET / HTTP/1.1\r\nHost: a\r\n"

    @Test(arguments: [
        "", "X: y\r\n", "x:y\r\nX:\t y \r\n", "Content-Length: 5\r\n", "Accept: b\r\nCookie: c\r\n",
        "transfer-encoding: Chunked\r\n", "X_Y: z\r\n", "Origin: a\r\nAuthorization: b\r\n",
    ])
    func `what needs no change is copied as it came`(lines: String) {
        #expect(writeRequest(latin(Self.start + lines + "\r\nbody")) == Self.start + lines + "\r\n")
    }

    @Test func `the caller's lines come last`() {
        let sent = writeRequest(latin(Self.start + "X: y\r\n\r\n"), extra: "Via: 1.1 g\r\n")
        #expect(sent == Self.start + "X: y\r\nVia: 1.1 g\r\n\r\n")
    }

    @Test(arguments: [
        "Connection: close", "Connection: keep-alive", "Keep-Alive: timeout=5", "connection:",
        "Proxy-Connection: close", "TE: trailers", "Trailer: X", "Upgrade: websocket",
        "HTTP2-Settings: a", "Proxy-Authorization: a", "Proxy-Authenticate: a", "Via: 1.1 x",
        "Forwarded: for=1", "X-Forwarded-For: 1", "x-forwarded-proto: https",
        "X-Forwarded-Host: b", "X-Forwarded-Port: 1", "X-Forwarded-Server: b", "X-Real-IP: 1",
        "X-HTTP-Method-Override: DELETE", "x-http-method: DELETE", "X-Method-Override: DELETE",
        "X-Original-URL: /", "X-Rewrite-URL: /", "Proxy: http://b", "Expect: 100-continue",
        "X_Forwarded_For: 1", "x-forwarded_for: 1", "Content_Length: 5", "Content_Type: a",
        "Transfer_Encoding: chunked", "X_HTTP_METHOD_OVERRIDE: DELETE", "Keep_Alive: x",
    ])
    func `what no back-end may see is removed wherever it stands`(line: String) {
        let line = line + "\r\n"
        let clean = Self.start + "X: y\r\nZ: a\r\n\r\n"
        #expect(writeRequest(latin(Self.start + line + "X: y\r\nZ: a\r\n\r\n")) == clean)
        #expect(writeRequest(latin(Self.start + "X: y\r\n" + line + "Z: a\r\n\r\n")) == clean)
        #expect(writeRequest(latin(Self.start + "X: y\r\nZ: a\r\n" + line + "\r\n")) == clean)
        #expect(
            writeRequest(latin("GET / HTTP/1.1\r\n" + line + "Host: a\r\n\r\n")) == Self.start
                + "\r\n")
        let twice = Self.start + line + line + "X: y\r\nZ: a\r\n" + line + "\r\n"
        #expect(writeRequest(latin(twice)) == clean)
    }

    @Test(arguments: [
        ("X-HTTP-Method-Override: PUT", HeadWriter.RequestOptions.keepsMethodOverrides),
        ("x-http-method: PUT", .keepsMethodOverrides),
        ("X-Method-Override:PUT", .keepsMethodOverrides),
        ("X_HTTP-Method_Override: PUT", .keepsMethodOverrides),
        ("X-Original-URL: /", .keepsOriginalURL), ("X_Original_URL: /", .keepsOriginalURL),
        ("X-Rewrite-URL: /", .keepsRewriteURL), ("Proxy: a", .keepsProxy),
    ])
    func `a rule may keep what is removed elsewhere, unless Connection names it`(
        line: String, option: HeadWriter.RequestOptions
    ) {
        let sent = Self.start + line + "\r\nX: y\r\n\r\n"
        let clean = Self.start + "X: y\r\n\r\n"
        let all: HeadWriter.RequestOptions = [
            .keepsMethodOverrides, .keepsOriginalURL, .keepsRewriteURL, .keepsProxy,
        ]
        #expect(writeRequest(latin(sent), options: option) == sent)
        #expect(writeRequest(latin(sent), options: all) == sent)
        #expect(writeRequest(latin(sent), options: all.subtracting(option)) == clean)
        let name = line.prefix { $0 != ":" }.lowercased()
        let named = Self.start + line + "\r\nConnection: close, \(name)\r\nX: y\r\n\r\n"
        #expect(writeRequest(latin(named), options: all) == clean)
    }

    @Test(arguments: ["X_Forwarded_For: 1", "Content_Length: 5", "TE: trailers", "Via: 1.1 x"])
    func `what no rule may keep is removed all the same`(line: String) {
        let sent = Self.start + line + "\r\nX: y\r\n\r\n"
        let all = HeadWriter.RequestOptions(rawValue: 0xfe)
        #expect(writeRequest(latin(sent), options: all) == Self.start + "X: y\r\n\r\n")
    }

    @Test func `what Connection names is removed`() {
        let bytes = Self.start + "X-Foo: 1\r\nConnection: close, x-foo\r\nX-FOO: 2\r\nY: 3\r\n\r\n"
        #expect(writeRequest(latin(bytes)) == Self.start + "Y: 3\r\n\r\n")
        let second =
            Self.start + "Connection: a\r\nConnection: ,\t, b\r\nA: 1\r\nB: 2\r\nAB: 3\r\n\r\n"
        #expect(writeRequest(latin(second)) == Self.start + "AB: 3\r\n\r\n")
    }

    @Test(arguments: [
        "Host", "Content-Length", "Cookie", "Authorization", "Content-Type", "Accept", "Origin",
        "Accept-Encoding", "Cache-Control", "If-Match", "Range", "X-Request-Id", "traceparent",
        "Access-Control-Request-Method", "X-Auth-User", "If", "CF-Connecting-IP",
        "True-Client-IP", "Remote-User", "Sec-Fetch-Site", "X-CSRF-Token", "Date", "User-Agent",
    ])
    func `Connection cannot remove what others judge by`(name: String) {
        let line = name == "Host" ? "" : "\(name): 0\r\n"
        let bytes = Self.start + "Connection: close, \(name.lowercased()), x\r\n\(line)X: y\r\n\r\n"
        #expect(writeRequest(latin(bytes)) == Self.start + line + "\r\n")
    }

    @Test func `Connection cannot remove the framing`() {
        let bytes =
            Self.start + "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(writeRequest(latin(bytes)) == Self.start + "Transfer-Encoding: chunked\r\n\r\n")
    }

    @Test func `an HTTP 1.0 request becomes one of HTTP 1.1`() {
        let bytes =
            "POST /a?b HTTP/1.0\r\nX: y\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
        #expect(
            writeRequest(latin(bytes), extra: "Host: b\r\n")
                == "POST /a?b HTTP/1.1\r\nX: y\r\nContent-Length: 1\r\nHost: b\r\n\r\n")
    }

    @Test(arguments: [
        ("GET http://b/c?d", "Host: B", "GET /c?d", "Host: b"),
        ("GET http://b", "Host: b", "GET /", "Host: b"),
        ("GET HTTPS://b:443?x", "host:b", "GET /?x", "Host: b:443"),
        ("OPTIONS http://b", "Host: b", "OPTIONS *", "Host: b"),
        ("OPTIONS http://b/", "Host: b", "OPTIONS /", "Host: b"),
        ("OPTIONS http://b?", "Host: b", "OPTIONS /?", "Host: b"),
        ("OPTIONS *", "Host: b", "OPTIONS *", "Host: b"),
    ])
    func `an absolute form becomes an origin form and its authority the Host`(
        line: String, host: String, newLine: String, newHost: String
    ) {
        let bytes = "\(line) HTTP/1.1\r\nA: 1\r\n\(host)\r\nB: 2\r\n\r\n"
        let expected =
            line == newLine
            ? "\(newLine) HTTP/1.1\r\nA: 1\r\n\(newHost)\r\nB: 2\r\n\r\n"
            : "\(newLine) HTTP/1.1\r\n\(newHost)\r\nA: 1\r\nB: 2\r\n\r\n"
        #expect(writeRequest(latin(bytes)) == expected)
    }

    @Test func `an absolute form of HTTP 1.0 needs no Host`() {
        let sent = writeRequest(latin("GET http://b/c HTTP/1.0\r\nA: 1\r\n\r\n"))
        #expect(sent == "GET /c HTTP/1.1\r\nHost: b\r\nA: 1\r\n\r\n")
    }

    @Test func `fields that frame or route are written plainly`() {
        let bytes = """
            POST / HTTP/1.1\r\nhost:\ta \r\nX:\ty\r\nTransfer-Encoding:\tchunked\t\r\nZ: a\r\n\r\n
            """
        let plain = """
            POST / HTTP/1.1\r\nhost: a\r\nX:\ty\r\nTransfer-Encoding: chunked\r\nZ: a\r\n\r\n
            """
        #expect(writeRequest(latin(bytes)) == plain)
    }

    @Test func `a tab or nothing before a length is made a space`() {
        for blank in ["\t", "", "  "] {
            let bytes = Self.start + "Content-Length:\(blank)5\r\nX: y\r\n\r\n"
            let sent = writeRequest(latin(bytes))
            #expect(sent == Self.start + "Content-Length: 5\r\nX: y\r\n\r\n")
        }
    }

    @Test func `Expect passes with content`() {
        let bytes = Self.start + "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n"
        #expect(writeRequest(latin(bytes)) == bytes)
    }

    @Test func `whatever is forwarded is well-formed and framed as it was judged`() throws {
        var generator = FixedSeed(5)
        let forbidden: Set<FieldName> = [
            .connection, .te, .trailer, .upgrade, .keepAlive, .via, .forwarded, .xForwardedFor,
            .xHTTPMethodOverride, .xOriginalURL, .proxy,
        ]
        let texts = RequestCases.complete + [RequestCases.browser]
        for text in texts + texts + texts {
            for _ in 0..<40 {
                let bytes = mutated(latin(text), &generator)
                guard let judged = parseRequest(bytes).head, judged.form != .authority,
                    judged.version == .http11, let sent = writeRequest(bytes)
                else { continue }
                let head = try #require(parseRequest(latin(sent)).head)
                #expect(head.length == sent.unicodeScalars.count)
                #expect(head.framing == judged.framing && head.method == judged.method)
                #expect(head.query == judged.query && head.form != .absolute)
                #expect(judged.path.isEmpty || head.path == judged.path)
                #expect(!head.lines.contains { $0.isVariant || forbidden.contains($0.known) })
            }
        }
    }
}

@Suite struct ResponseWriterTests {
    @Test func `a response is written anew with its fields as they came`() {
        let bytes = "HTTP/1.0 200 Fine\r\nDate: then\r\nX: y\r\nx:\tz\r\nSet-Cookie: a\r\n\r\nbody"
        #expect(
            writeResponse(latin(bytes), extra: "Connection: close\r\n")
                == "HTTP/1.1 200 Fine\r\nDate: then\r\nX: y\r\nx:\tz\r\nSet-Cookie: a\r\n"
                + "Connection: close\r\n\r\n")
    }

    @Test(arguments: [
        ("HTTP/1.1 204\r\n\r\n", "HTTP/1.1 204 \r\nDate: now\r\n\r\n"),
        (
            "HTTP/1.1 204 No\r\nContent-Length: 0\r\nDate: x\r\n\r\n",
            "HTTP/1.1 204 No\r\nDate: x\r\n\r\n"
        ),
        (
            "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\nDate: x\r\n\r\n",
            "HTTP/1.1 204 No\r\nDate: x\r\n\r\n"
        ),
        (
            "HTTP/1.1 103 H\r\nLink: x\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 103 H\r\nLink: x\r\n\r\n"
        ),
        (
            "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 304 N\r\nContent-Length: 5\r\nDate: now\r\n\r\n"
        ),
    ])
    func `a status without content has no framing, and a final one a Date`(
        bytes: String, expected: String
    ) {
        #expect(writeResponse(latin(bytes)) == expected)
    }

    @Test func `hop-by-hop fields and what Connection names stay here`() {
        let bytes = """
            HTTP/1.1 200 OK\r\nConnection: close, x-a, date, set-cookie\r\nX-A: 1\r\nDate: d\r\n\
            Keep-Alive: 1\r\nSet-Cookie: c\r\nUpgrade: h2c\r\nTrailer: x\r\nContent-Length: 5\r\n\
            Proxy-Authenticate: x\r\nContent_Length: 6\r\nVia: 1.1 b\r\n\r\n
            """
        #expect(
            writeResponse(latin(bytes))
                == "HTTP/1.1 200 OK\r\nDate: d\r\nSet-Cookie: c\r\nContent-Length: 5\r\nVia: 1.1 b\r\n\r\n"
        )
    }

    @Test func `the caller's options drop what it writes itself`() {
        let bytes = latin(
            "HTTP/1.1 405 N\r\nAllow: PUT\r\nAccess-Control-Allow-Methods: PUT\r\n"
                + "Transfer-Encoding: chunked\r\nDate: d\r\nAllow: DELETE\r\n\r\n")
        let all: HeadWriter.ResponseOptions = [
            .dropsAllow, .dropsAllowMethods, .dropsTransferEncoding,
        ]
        #expect(
            writeResponse(bytes, extra: "Allow: GET\r\n", options: all)
                == "HTTP/1.1 405 N\r\nDate: d\r\nAllow: GET\r\n\r\n")
        #expect(writeResponse(bytes)?.contains("Transfer-Encoding: chunked\r\n") == true)
    }

    @Test func `whatever is sent to the client is well-formed`() throws {
        var generator = FixedSeed(6)
        for (text, _, _, _) in ResponseCases.complete {
            for _ in 0..<100 {
                let bytes = mutated(latin(text), &generator)
                guard let judged = parseResponse(bytes).head, let sent = writeResponse(bytes) else {
                    continue
                }
                let head = try #require(parseResponse(latin(sent)).head)
                #expect(head.length == sent.unicodeScalars.count && head.status == judged.status)
                let hasContent = judged.status >= 200 && judged.status != 204
                #expect(head.framing == (hasContent ? judged.framing : .untilClose))
            }
        }
    }
}
