// The bytes that the tests of the request parser share, each with what must become of it.

import HTTP1
import HTTPSyntax

enum RequestCases {
    /// A head with these field lines, each ended by CRLF, besides Host.
    static func with(_ lines: String) -> String {
        "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"
    }

    static let refused: [(String, Reason)] = [
        // Request line
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .emptyLineFirst),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareLF),
        ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareCR),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .whiteSpaceInRequestLine),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotToken),
        ("G\u{c4}T / HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotToken),
        ("GET\0 / HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotToken),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", .methodNotToken),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .whiteSpaceInRequestLine),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .whiteSpaceInRequestLine),
        ("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", .whiteSpaceInRequestLine),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .whiteSpaceInRequestLine),
        ("GET / HTTP/1.1\t\r\nHost: a\r\n\r\n", .whiteSpaceInRequestLine),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET\r\nHost: a\r\n\r\n", .versionMissing),
        ("GET /\r\nHost: a\r\n\r\n", .versionMissing),
        ("GET /\n", .bareLF),
        ("GET /\rX", .bareCR),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLF),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCR),
        ("GET / HTTP/1.1\r\rHost: a\r\n\r\n", .bareCR),
        ("GET / H\nHost: a\r\n\r\n", .bareLF),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/1\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/11.1\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/1,1\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/x.1\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / ICAP/1.0\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/2.0X\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/1.2\r\n\r\n", .hostMissing),
        ("GET / HTTP/1.2\nHost: a\r\n\r\n", .bareLF),
        ("GET / HTTP/1.20\r\nHost: a\r\n\r\n", .versionInvalid),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .versionUnsupported),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionUnsupported),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionUnsupported),
        // Target
        ("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", .controlInTarget),
        ("GET /\u{1f} HTTP/1.1\r\nHost: a\r\n\r\n", .controlInTarget),
        ("GET /aaaaaaaaaaaaaaaa\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n", .controlInTarget),
        ("GET /?\u{1} HTTP/1.1\r\nHost: a\r\n\r\n", .controlInTarget),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .fragmentInTarget),
        ("GET /a?b# HTTP/1.1\r\nHost: a\r\n\r\n", .fragmentInTarget),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .targetForm),
        ("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", .targetScheme),
        ("GET 1:80 HTTP/1.1\r\nHost: a\r\n\r\n", .targetForm),
        ("GET \\a HTTP/1.1\r\nHost: a\r\n\r\n", .targetForm),
        ("GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", .targetForm),
        ("GET ** HTTP/1.1\r\nHost: a\r\n\r\n", .targetForm),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .asteriskForm),
        ("options * HTTP/1.1\r\nHost: a\r\n\r\n", .asteriskForm),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .targetScheme),
        ("GET file:///etc HTTP/1.1\r\nHost: a\r\n\r\n", .targetScheme),
        ("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", .targetScheme),
        ("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", .authorityInvalid),
        ("GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", .authorityInvalid),
        ("GET http://?b HTTP/1.1\r\nHost: a\r\n\r\n", .authorityInvalid),
        ("GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n", .authorityInvalid),
        ("GET http://a\\b/ HTTP/1.1\r\nHost: a\r\n\r\n", .authorityInvalid),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .userinfo),
        ("GET http://a:80@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .userinfo),
        ("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", .authorityInvalid),
        ("CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", .authorityInvalid),
        ("CONNECT a:80x HTTP/1.1\r\nHost: a\r\n\r\n", .authorityInvalid),
        // Field lines
        (with(" X: y\r\n"), .obsFold),
        (with("\tX: y\r\n"), .obsFold),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .obsFold),
        (with("X: y\r\n z\r\n"), .obsFold),
        (with(": y\r\n"), .fieldNameMissing),
        (with("X : y\r\n"), .whiteSpaceBeforeColon),
        (with("X\t: y\r\n"), .whiteSpaceBeforeColon),
        (with("X Y: z\r\n"), .whiteSpaceBeforeColon),
        (with("X\r\n"), .colonMissing),
        (with("X\n"), .bareLF),
        (with("X\r:\r\n"), .bareCR),
        (with("X(y): z\r\n"), .fieldNameNotToken),
        (with("X\u{e4}: z\r\n"), .fieldNameNotToken),
        (with("\0X: z\r\n"), .fieldNameNotToken),
        (with("X\u{8}: z\r\n"), .fieldNameNotToken),
        (with("X: y\0z\r\n"), .nulInValue),
        (with("X: y\u{1}\r\n"), .controlInValue),
        (with("X: 0123456789abcdef0123456789abcdef\u{1b}[0m\r\n"), .controlInValue),
        (with("X: y\u{7f}\r\n"), .controlInValue),
        (with("X: \u{b}y\r\n"), .controlInValue),
        (with("X: y\nZ: a\r\n"), .bareLF),
        (with("X: y\rZ: a\r\n"), .bareCR),
        (with("X: y\r\r\n"), .bareCR),
        (with("X: y\r\n\n"), .bareLF),
        // Host
        ("GET / HTTP/1.1\r\n\r\n", .hostMissing),
        ("GET / HTTP/1.1\r\nHos_t: a\r\n\r\n", .hostMissing),
        ("GET http://a/ HTTP/1.1\r\n\r\n", .hostMissing),
        (with("Host: a\r\n"), .hostRepeated),
        (with("hOST: b\r\n"), .hostRepeated),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", .hostRepeated),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .hostInvalid),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .hostInvalid),
        ("GET / HTTP/1.1\r\nHost: a.example..\r\n\r\n", .hostInvalid),
        ("GET http://a..b/ HTTP/1.1\r\nHost: a..b\r\n\r\n", .authorityInvalid),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .hostInvalid),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .hostInvalid),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .hostInvalid),
        ("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", .hostInvalid),
        ("GET / HTTP/1.0\r\nHost: a:b\r\n\r\n", .hostInvalid),
        ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", .hostMismatch),
        ("GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", .hostMismatch),
        ("GET http://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n", .hostMismatch),
        ("GET https://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", .hostMismatch),
        ("GET http://a./ HTTP/1.1\r\nHost: a\r\n\r\n", .hostMismatch),
        // Framing
        (with("Content-Length:\r\n"), .contentLengthInvalid),
        (with("Content-Length: +5\r\n"), .contentLengthInvalid),
        (with("Content-Length: -5\r\n"), .contentLengthInvalid),
        (with("Content-Length: 5 5\r\n"), .contentLengthInvalid),
        (with("Content-Length: 5, 5\r\n"), .contentLengthInvalid),
        (with("Content-Length: 5,\r\n"), .contentLengthInvalid),
        (with("Content-Length: 0x5\r\n"), .contentLengthInvalid),
        (with("Content-Length: 5.0\r\n"), .contentLengthInvalid),
        (with("Content-Length: 1e3\r\n"), .contentLengthInvalid),
        (with("Content-Length: \u{b2}\r\n"), .contentLengthInvalid),
        (with("Content-Length: 9223372036854775808\r\n"), .contentLengthTooLarge),
        (with("Content-Length: 18446744073709551616\r\n"), .contentLengthTooLarge),
        (with("Content-Length: 18446744073709551621\r\n"), .contentLengthTooLarge),
        (with("Content-Length: 99999999999999999999999\r\n"), .contentLengthTooLarge),
        (with("Content-Length: 99999999999999999999999x\r\n"), .contentLengthInvalid),
        (with("Content-Length: 5\r\nContent-Length: 5\r\n"), .contentLengthRepeated),
        (with("Content-Length: 5\r\nContent-length: 6\r\n"), .contentLengthRepeated),
        (with("Content-Length: 0\r\nContent-Length: 0\r\n"), .contentLengthRepeated),
        (with("Transfer-Encoding:\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: identity\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: gzip, chunked\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: chunked, identity\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: chunked, chunked\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: ,chunked\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: \"chunked\"\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: chunked;q=1\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: xchunked\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: chunke\r\n"), .transferEncodingUnsupported),
        (with("Transfer-Encoding: chun\u{6b}ed\u{a0}\r\n"), .transferEncodingUnsupported),
        (
            with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            .transferEncodingRepeated
        ),
        (
            with("Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n"),
            .transferEncodingRepeated
        ),
        (
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            .transferEncodingInHTTP10
        ),
        (with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), .twoFramings),
        (with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), .twoFramings),
        (
            with("Connection: " + String(repeating: "a,", count: 513) + "\r\n"),
            .connectionTooLong
        ),
    ]

    static let complete: [String] = [
        with(""),
        with("X:\r\n"),
        with("X: \t \r\n"),
        with("X:y\r\nX: \ty\t \r\nX: a\tb c\r\n"),
        with("X: \u{80}\u{ff}\u{a0}\r\n"),
        with("!#$%&'*+-.^_`|~09az: \"quoted\" (comment) \\ ,;:\r\n"),
        with("Content-Length: 5\r\n"),
        with("Content-Length: 0\r\n"),
        with("Content-Length: 0000000000000000000000000005\r\n"),
        with("Content-Length: 9223372036854775807\r\n"),
        with("Content-Length:\t5\t\r\n"),
        with("Transfer-Encoding: chunked\r\n"),
        with("transfer-encoding:CHUNKED \r\n"),
        with("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n"),
        with("Connection: close\r\nConnection: , x-foo ,\r\nConnection:\r\n"),
        with("Expect: 100-continue\r\nContent-Length: 1\r\n"),
        "GET / HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://A.example:80/b?c HTTP/1.1\r\nHost: a.EXAMPLE\r\n\r\n",
        "GET hTTpS://a:443 HTTP/1.1\r\nHost: a:\r\n\r\n",
        "GET http://[::1]:8080?x HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
        "GET http://a/ HTTP/1.0\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: b\r\n\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n",
        "PURGE /a%2fb?x=\u{ff}\\\"<>^`{|} HTTP/1.1\r\nHost: a-b_c.example:65535\r\n\r\n",
        "!#$%&'*+-.^_`|~aZ9 / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    /// A head as browsers send it.
    static let browser = """
        GET /assets/app/main.css?v=20250101&theme=dark HTTP/1.1\r
        Host: www.example.com\r
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
        Accept-Language: en-US,en;q=0.9,de;q=0.8\r
        Accept-Encoding: gzip, deflate, br\r
        Connection: keep-alive\r
        Cookie: session=3f2504e04f8911d39a0c0305e82c3301; theme=dark\r
        Upgrade-Insecure-Requests: 1\r
        If-None-Match: "65f1c2a4-1b2f"\r
        \r\n
        """
}
