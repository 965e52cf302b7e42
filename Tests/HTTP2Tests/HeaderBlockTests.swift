import Foundation
import HTTPSyntax
import TestSupport
import Testing

@testable import HTTP2

/// The text that a request's fields come to, or what is wrong with them.
private func outcome(
    _ fields: [HTTP2Field], ends: Bool = true, trailers: Bool = false,
    limits: HeaderBlock.Limits = .init()
) -> (text: String, problem: HeaderProblem?) {
    var block = HeaderBlock()
    block.begin(trailers: trailers, limits: limits)
    for field in fields {
        field.name.withView { name in field.value.withView { block.add(name, $0) } }
    }
    block.finish(hasEnded: ends)
    return (block.text.view.text, block.problem)
}

private func field(_ name: String, _ value: String) -> HTTP2Field { HTTP2Field(name, value) }

@Suite struct HeaderBlockTests {
    @Test func `a request becomes the head that says the same in HTTP 1.1`() {
        let fields = HTTP2Field.request(
            "PUT", "/a?b=c", [field("accept", "*/*"), field("te", "trailers")])
        let found = outcome(fields)
        #expect(found.problem == nil)
        #expect(
            found.text
                == "PUT /a?b=c HTTP/1.1\r\nHost: a.example\r\naccept: */*\r\nte: trailers\r\n\r\n")
    }

    @Test func `cookie crumbs are one field again`() {
        let fields = HTTP2Field.request(
            "GET", "/", [field("cookie", "a=1"), field("x", "y"), field("cookie", "b=2")])
        #expect(outcome(fields).text.hasSuffix("\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n"))
    }

    @Test func `a cookie of nothing is one, and a crumb of nothing a crumb`() {
        func sent(_ crumbs: [String]) -> String {
            outcome(HTTP2Field.request("GET", "/", crumbs.map { field("cookie", $0) })).text
        }
        #expect(sent([""]).hasSuffix("\r\ncookie: \r\n\r\n"))
        #expect(sent(["", "a=b"]).hasSuffix("\r\ncookie: ; a=b\r\n\r\n"))
        #expect(!sent([]).contains("cookie"))
    }

    @Test func `cookie crumbs count as one line, and with all their bytes`() {
        let crumbs = (0..<150).map { field("cookie", "name-\($0)=value") }
        let others = (0..<99).map { field("x-\($0)", "v") }
        #expect(outcome(HTTP2Field.request("GET", "/", others + crumbs)).problem == nil)
        #expect(outcome(HTTP2Field.request("GET", "/", crumbs + others)).problem == nil)
        let more = others + [field("x", "1"), field("x", "2"), field("x", "3")]
        #expect(
            outcome(HTTP2Field.request("GET", "/", crumbs + more + more)).problem == .tooManyFields)
        #expect(
            outcome(HTTP2Field.request("GET", "/", crumbs), limits: .init(head: 2000)).problem
                == .headTooLarge)
        let empty = Array(repeating: field("cookie", ""), count: 150)
        #expect(outcome(HTTP2Field.request("GET", "/", empty)).problem == nil)
    }

    @Test func `content without a length is chunked, and with one it is counted`() {
        #expect(
            outcome(HTTP2Field.request("POST", "/"), ends: false).text
                .hasSuffix("\r\nTransfer-Encoding: chunked\r\n\r\n"))
        let counted = HTTP2Field.request("POST", "/", [field("content-length", "3")])
        #expect(outcome(counted, ends: false).text.hasSuffix("\r\ncontent-length: 3\r\n\r\n"))
    }

    @Test func `a request without authority has the host that its Host names`() {
        let fields = HTTP2Field.request().filter { $0 != field(":authority", "a.example") }
        #expect(
            outcome(fields + [field("host", "b.example")]).text
                == "GET / HTTP/1.1\r\nhost: b.example\r\n\r\n")
        #expect(
            outcome(HTTP2Field.request("GET", "/", [field("host", "A.example")])).text
                == "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    }

    @Test(arguments: [
        ("http", "a.example", "A.example:80", true), ("http", "a.example:80", "a.example", true),
        ("https", "a.example", "a.example:443", true), ("HTTPS", "[::1]:443", "[::1]", true),
        ("http", "a.example", "a.example:443", false),
        ("https", "a.example", "a.example:80", false),
        ("http", "a.example:8080", "a.example", false),
        ("http", "a.example:80", "b.example", false), ("http", "a.example", ":80", false),
    ])
    func `the default port makes no other host of it`(
        _ scheme: String, _ authority: String, _ host: String, _ isSame: Bool
    ) {
        let fields = [
            field(":method", "GET"), field(":scheme", scheme), field(":path", "/"),
            field(":authority", authority), field("host", host),
        ]
        let found = outcome(fields)
        #expect(found.problem == (isSame ? nil : .authorityMismatch))
        if isSame { #expect(found.text == "GET / HTTP/1.1\r\nHost: \(authority)\r\n\r\n") }
    }

    @Test func `a second Host is written out for the parser to refuse`() {
        let hosts = [field("host", "a.example"), field("host", "a.example")]
        #expect(
            outcome(HTTP2Field.request("GET", "/", hosts)).text
                == "GET / HTTP/1.1\r\nHost: a.example\r\nhost: a.example\r\n\r\n")
    }

    @Test func `CONNECT keeps its authority-form`() {
        let fields = [field(":method", "CONNECT"), field(":authority", "b.example:443")]
        #expect(
            outcome(fields, ends: false).text
                == "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n")
    }

    @Test func `a request for a WebSocket becomes its handshake, with a key of our own`() {
        let fields = HTTP2Field.request(
            "CONNECT", "/chat",
            [
                field(":protocol", "websocket"), field("sec-websocket-key", "x"),
                field("sec-websocket-version", "13"),
            ])
        let found = outcome(fields, ends: false)
        #expect(found.problem == nil)
        let lines = found.text.components(separatedBy: "\r\n")
        #expect(lines[0] == "GET /chat HTTP/1.1")
        #expect(lines.contains("Connection: Upgrade") && lines.contains("Upgrade: websocket"))
        let keys = lines.filter { $0.lowercased().hasPrefix("sec-websocket-key: ") }
        #expect(keys.count == 1 && keys[0].count == 19 + 24)
        #expect(outcome(fields, ends: false).text != found.text, "no two keys are equal")
        #expect(!found.text.contains("chunked"))
    }

    @Test(arguments: [
        ([field("", "x")], HeaderProblem.nameEmpty),
        ([field("Accept", "x")], .nameUpperCase),
        ([field("a b", "x")], .nameNotToken), ([field("a:b", "x")], .nameNotToken),
        ([field("a\r\nb", "x")], .nameNotToken), ([field("a\0", "x")], .nameNotToken),
        ([field("\u{e4}", "x")], .nameNotToken),
        ([field("a", "x\r\nb: c")], .valueWithLineEnd), ([field("a", "x\ny")], .valueWithLineEnd),
        ([field("a", "x\ry")], .valueWithLineEnd), ([field("a", "x\0y")], .valueWithNUL),
        ([field("a", " x")], .valuePadded), ([field("a", "x\t")], .valuePadded),
        ([field("connection", "close")], .connectionSpecific),
        ([field("keep-alive", "1")], .connectionSpecific),
        ([field("proxy-connection", "close")], .connectionSpecific),
        ([field("transfer-encoding", "chunked")], .connectionSpecific),
        ([field("upgrade", "h2c")], .connectionSpecific),
        ([field("te", "trailers, deflate")], .teUnknown),
        ([field(":status", "200")], .pseudoUnknown), ([field(":x", "1")], .pseudoUnknown),
        ([field(":path", "/b")], .pseudoRepeated), ([field(":method", "GET")], .pseudoRepeated),
        ([field("a", "b"), field(":authority", "c")], .pseudoLate),
        ([field("host", "b.example")], .authorityMismatch),
        ([field(":protocol", "websocket")], .protocolWithoutConnect),
        ([field("content-length", "5")], .contentTooShort),
    ]) func `what HTTP 2 forbids is refused`(_ more: [HTTP2Field], _ problem: HeaderProblem) {
        #expect(outcome(HTTP2Field.request("GET", "/", more)).problem == problem)
    }

    @Test(
        arguments: [
            (":method", nil, HeaderProblem.methodMissing), (":scheme", nil, .schemeMissing),
            (":path", nil, .pathMissing), (":path", "", .pathMissing),
            (":method", "G T", .methodNotToken), (":method", "", .methodNotToken),
            (":method", "GET / HTTP/1.1\r\nX: y", .valueWithLineEnd),
            (":scheme", "ftp", .schemeUnknown), (":path", "a", .pathForm),
            (":path", "http://b.example/", .pathForm), (":path", "/a b", .pathWithSpace),
            (":path", "/a\tb", .pathWithSpace),
            (":path", "/ HTTP/1.1\r\n\r\nGET /", .valueWithLineEnd),
            (":path", "/a\0", .valueWithNUL), (":path", "**", .pathForm),
            (":authority", "u@a.example", .authorityInvalid),
            (":authority", "a.example/x", .authorityInvalid),
            (":authority", "a b", .authorityInvalid),
            (":authority", "a\r\nX: y", .valueWithLineEnd),
        ] as [(String, String?, HeaderProblem)])
    func `pseudo-fields that are missing or would break a line are refused`(
        _ name: String, _ value: String?, _ problem: HeaderProblem
    ) {
        let fields = HTTP2Field.request().compactMap { line -> HTTP2Field? in
            guard line.name == Bytes(name.utf8) else { return line }
            return value.map { field(name, $0) }
        }
        #expect(outcome(fields).problem == problem)
    }

    @Test func `CONNECT with a path is malformed, and read as CONNECT all the same`() {
        var block = HeaderBlock()
        for fields in [
            HTTP2Field.request("CONNECT", "/"),
            [field(":method", "CONNECT"), field(":authority", "b:1"), field(":scheme", "https")],
        ] {
            block.begin(trailers: false, limits: .init())
            for field in fields {
                field.name.withView { name in field.value.withView { block.add(name, $0) } }
            }
            block.finish(hasEnded: true)
            #expect(block.problem == nil && block.facts.isConnect && block.facts.isMalformed)
            #expect(block.text.view.text.hasPrefix("CONNECT "))
            #expect(!block.text.view.text.hasPrefix("CONNECT /"))
        }
        block.begin(trailers: false, limits: .init())
        #expect(!block.facts.isMalformed && !block.facts.isConnect)
    }

    @Test func `CONNECT without an authority, and a tunnel of another protocol, are refused`() {
        #expect(
            outcome([field(":method", "CONNECT"), field(":path", "/")]).problem == .connectForm)
        #expect(outcome([field(":method", "CONNECT")]).problem == .connectForm)
        let fields = HTTP2Field.request("CONNECT", "/", [field(":protocol", "connect-udp")])
        #expect(outcome(fields).problem == .protocolUnknown)
    }

    @Test func `of what is refused that is told which was sound`() {
        func told(_ fields: [HTTP2Field], _ limits: HeaderBlock.Limits = .init()) -> [String] {
            var block = HeaderBlock()
            block.begin(trailers: false, limits: limits)
            for field in fields {
                field.name.withView { name in field.value.withView { block.add(name, $0) } }
            }
            block.finish(hasEnded: true)
            #expect(block.problem != nil)
            block.describe()
            return [
                block.refusedMethod.text, block.refusedTarget.text, block.text.view.text,
            ]
        }
        let fields = [
            field("x", "y"), field("connection", "close"), field("accept", "text/html"),
            field("z", "z"), field("accept", "a\r\nb: c"),
        ]
        #expect(
            told(HTTP2Field.request("PUT", "/a", fields)) == [
                "PUT", "/a",
                "PUT /a HTTP/1.1\r\nHost: a.example\r\nx: y\r\naccept: text/html\r\n\r\n",
            ])
        let many = (0..<2000).map { _ in field("accept", "text/html") }
        let text = told(HTTP2Field.request("PUT", "/a", [field("te", "x")] + many))[2]
        #expect(text.utf8.count < 4000)
        #expect(told(HTTP2Field.request("PUT", "a b", fields)) == ["PUT", "a b", ""])
        let long = "/" + String(repeating: "x", count: 9000)
        #expect(told(HTTP2Field.request("PUT", long)) == ["PUT", "\(long.prefix(4096))", ""])
    }

    /// Each stands in the record, whatever is wrong with it and wherever it comes.
    @Test(arguments: [
        ("GET /public", "/secret"), ("GE T", "/a"), ("GET", "/public /secret"), ("G\0T", "/a"),
        ("GET", "/a\0b"), ("GET", "/a HTTP/1.1\r\nHost: b"), (" GET", "/a "), ("HEAD", "a"),
    ])
    func `method and path of what is refused stay what they were`(
        _ method: String, _ path: String
    ) {
        for isTurned in [false, true] {
            var block = HeaderBlock()
            block.begin(trailers: false, limits: .init())
            var fields = [
                field(":odd", "x"), field(":method", method), field(":scheme", "https"),
                field(":path", path), field(":authority", "a.example"),
            ]
            if isTurned { fields.reverse() }
            for field in fields {
                field.name.withView { name in field.value.withView { block.add(name, $0) } }
            }
            block.finish(hasEnded: true)
            #expect(block.problem != nil)
            block.describe()
            #expect(block.refusedMethod.text == method)
            #expect(block.refusedTarget.text == path)
            #expect(block.text.view.text == "")
            #expect(block.isHead == (method == "HEAD"))
        }
    }

    @Test func `a sound request line is told, though its authority is not sound`() {
        var block = HeaderBlock()
        block.begin(trailers: false, limits: .init())
        let fields = [
            field(":authority", "exa mple"), field(":method", "PUT"), field(":scheme", "https"),
            field(":path", "/a?b"), field("accept", "text/html"), field(":authority", "b"),
        ]
        for field in fields {
            field.name.withView { name in field.value.withView { block.add(name, $0) } }
        }
        block.finish(hasEnded: true)
        #expect(block.problem == .authorityInvalid)
        block.describe()
        #expect(block.text.view.text == "PUT /a?b HTTP/1.1\r\naccept: text/html\r\n\r\n")
    }

    @Test func `trailers end the message and have no pseudo-fields`() {
        let trailers = [field("x-sum", "1")]
        #expect(outcome(trailers, trailers: true).text == "0\r\nx-sum: 1\r\n\r\n")
        #expect(outcome(trailers, ends: false, trailers: true).problem == .trailersMidway)
        #expect(outcome([field(":path", "/")], trailers: true).problem == .pseudoInTrailers)
    }

    @Test func `beyond the limits nothing more is kept, and the first problem stays`() {
        let limits = HeaderBlock.Limits(head: 1000, target: 100, fields: 10)
        let large = [field("a", String(repeating: "x", count: 1000)), field("B", "y")]
        #expect(
            outcome(HTTP2Field.request("GET", "/", large), limits: limits).problem
                == .headTooLarge)
        let path = "/" + String(repeating: "x", count: 100)
        #expect(outcome(HTTP2Field.request("GET", path), limits: limits).problem == .targetTooLong)
        let many = (0..<20).map { field("a\($0)", "") }
        #expect(
            outcome(HTTP2Field.request("GET", "/", many), limits: limits).problem
                == .tooManyFields)
    }

    @Test func `the table of refusals in the documentation is that of the code`() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/http2.md").standardizedFileURL
        let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
            .map(String.init).filter { $0.hasPrefix("| 4") || $0.hasPrefix("| 5") }
        let expected = HeaderProblem.allCases.map {
            "| \($0.status) | \(ByteView($0.text).text) | \(ByteView($0.section).text) |"
        }
        #expect(rows == expected)
    }
}
