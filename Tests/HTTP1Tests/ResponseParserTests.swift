import HTTP1
import HTTPSyntax
import Testing

enum ResponseCases {
    static func with(_ lines: String) -> String { "HTTP/1.1 200 OK\r\n" + lines + "\r\n" }

    static let refused: [(String, Reason)] = [
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1 200 OK\n\r\n", .bareLF),
        ("HTTP/1.1\n", .bareLF),
        ("HTTP/1.1 200\n\r\n", .bareLF),
        ("HTTP/1.1 200 OK\rX: y\r\n\r\n", .bareCR),
        ("HTTP/1.1 200\rX", .bareCR),
        ("HTTP/1.1  200 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1\t200 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1 200\tOK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1 20 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1 2000 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1 2x0 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1.1\r\n\r\n", .statusLineInvalid),
        ("http/1.1 200 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/1 200 OK\r\n\r\n", .statusLineInvalid),
        ("ICY 200 OK\r\n\r\n", .statusLineInvalid),
        ("<html>", .statusLineInvalid),
        ("HTTP/1.20 200 OK\r\n\r\n", .statusLineInvalid),
        ("HTTP/3.0 200 OK\r\n\r\n", .versionUnsupported),
        ("HTTP/2.0 200 OK\r\n\r\n", .versionUnsupported),
        ("HTTP/0.9 200 OK\r\n\r\n", .versionUnsupported),
        ("HTTP/1.1 099 OK\r\n\r\n", .statusOutOfRange),
        ("HTTP/1.1 000 OK\r\n\r\n", .statusOutOfRange),
        ("HTTP/1.1 600 OK\r\n\r\n", .statusOutOfRange),
        ("HTTP/1.1 999 OK\r\n\r\n", .statusOutOfRange),
        ("HTTP/1.1 200 O\0K\r\n\r\n", .controlInReasonPhrase),
        ("HTTP/1.1 200 OK\u{7f}\r\n\r\n", .controlInReasonPhrase),
        (with(" X: y\r\n"), .obsFold),
        (with("X: y\r\n\tz\r\n"), .obsFold),
        (with("X : y\r\n"), .whiteSpaceBeforeColon),
        (with("X: y\0\r\n"), .nulInValue),
        (with("X: y\u{1}\r\n"), .controlInValue),
        (with("X: y\n"), .bareLF),
        (with("X: y\rz\r\n"), .bareCR),
        (with("X\r\n"), .colonMissing),
        (with("Content-Length: 1\r\nContent-Length: 1\r\n"), .contentLengthRepeated),
        (with("Content-Length: 1, 1\r\n"), .contentLengthInvalid),
        (with("Content-Length: 9223372036854775808\r\n"), .contentLengthTooLarge),
        (with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), .twoFramings),
        (with("Transfer-Encoding: identity\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: gzip, chunked\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: chunked, gzip\r\n"), .transferEncodingUnsupported),
        (
            with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            .transferEncodingRepeated
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
    ]

    static let complete: [(String, Int, String, BodyFraming)] = [
        (with(""), 200, "OK", .untilClose),
        ("HTTP/1.1 200\r\n\r\n", 200, "", .untilClose),
        ("HTTP/1.1 200 \r\n\r\n", 200, "", .untilClose),
        ("HTTP/1.0 404 Not  Found\t!\r\n\r\n", 404, "Not  Found\t!", .untilClose),
        ("HTTP/1.1 500 \u{e4}\u{f6}\r\nX: \u{fc}\r\n\r\n", 500, "\u{e4}\u{f6}", .untilClose),
        ("HTTP/1.1 599 a\r\n\r\n", 599, "a", .untilClose),
        ("HTTP/1.1 100 Continue\r\n\r\n", 100, "Continue", .untilClose),
        (with("Content-Length: 0\r\n"), 200, "OK", .none),
        (with("Content-Length: 12\r\n"), 200, "OK", .length(12)),
        (with("Transfer-Encoding: chunked\r\n"), 200, "OK", .chunked),
        (with("Content_Length: 12\r\n"), 200, "OK", .untilClose),
        (with("Host: a b\r\nHost: c\r\nExpect: x\r\n"), 200, "OK", .untilClose),
    ]
}

@Suite struct ResponseParserTests {
    @Test(arguments: ResponseCases.refused)
    func `what a backend may not send is a 502`(bytes: String, reason: Reason) {
        #expect(parseResponse(latin(bytes)) == .failed(502, reason), "\(bytes)")
    }

    @Test(arguments: ResponseCases.complete)
    func `a well-formed response is read`(
        bytes: String, status: Int, reason: String, framing: BodyFraming
    ) throws {
        let head = try #require(parseResponse(latin(bytes + "\0")).head)
        #expect(head.length == bytes.unicodeScalars.count)
        #expect(head.status == status && head.reason == reason && head.framing == framing)
    }

    @Test func `limits of a response are 502 as well`() {
        let bytes = latin(ResponseCases.with("X: y\r\nX: z\r\n"))
        let small = HeadLimits(head: bytes.count - 1, target: 1, fields: 9)
        #expect(parseResponse(bytes, limits: small) == .failed(502, .headTooLarge))
        let few = HeadLimits(head: 1000, target: 1, fields: 1)
        #expect(parseResponse(bytes, limits: few) == .failed(502, .tooManyFields))
    }

    @Test func `a backend that closes or upgrades says so`() throws {
        let bytes = "HTTP/1.1 101 X\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"
        #expect(try #require(parseResponse(latin(bytes)).head).flags == [.upgrade, .close])
    }
}
