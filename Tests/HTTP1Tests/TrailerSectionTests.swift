import HTTP1
import HTTPSyntax
import Testing

@Suite struct TrailerSectionTests {
    private func parse(
        _ bytes: [UInt8], _ limits: HeadLimits = usualLimits
    ) -> (ParseResult, Int, [ParsedLine]) {
        withGuardedBytes(bytes) { view in
            var fields = FieldSection(capacity: limits.fields)
            let (result, length) = TrailerSection.parse(view.view, into: &fields, limits: limits)
            return (result, length, result == .complete ? parsedLines(fields, in: view.view) : [])
        }
    }

    @Test func `a section ends with its empty line`() {
        let (result, length, lines) = parse(latin("X: y\r\nDate: z \r\n\r\nGET / "))
        #expect(result == .complete && length == 18)
        #expect(lines == [field("X", "y", .other), field("Date", "z", .date)])
        let empty = parse(latin("\r\n\0"))
        #expect(empty.0 == .complete && empty.1 == 2 && empty.2.isEmpty)
    }

    @Test(arguments: [
        ("\n", Reason.bareLF), ("\rX", .bareCR), (" X: y\r\n\r\n", .obsFold),
        ("X: y\r\n z\r\n\r\n", .obsFold), ("X : y\r\n\r\n", .whiteSpaceBeforeColon),
        ("X: \0\r\n\r\n", .nulInValue), ("X\r\n\r\n", .colonMissing),
        (": y\r\n\r\n", .fieldNameMissing),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", .whiteSpaceBeforeColon), ("X: y\n\r\n", .bareLF),
        ("X: \u{1}\r\n", .controlInValue), ("X\u{e4}: y\r\n", .fieldNameNotToken),
    ])
    func `trailers are held to the rules of a head`(bytes: String, reason: Reason) {
        #expect(parse(latin(bytes)).0 == .failed(ProtocolError(reason)))
    }

    @Test func `limits hold for trailers`() {
        let limits = HeadLimits(head: 12, target: 1, fields: 1)
        #expect(parse(latin("X: abcdef\r\n"), limits).0 == .incomplete)
        #expect(parse(latin("X: abcdefg\r\n"), limits).0 == .failed(ProtocolError(.headTooLarge)))
        #expect(parse(latin("X:\r\nY:\r\n"), limits).0 == .failed(ProtocolError(.tooManyFields)))
    }

    @Test(arguments: [
        "X: y\r\nDate: z \r\n\r\n", "X: y\r\n z\r\n", "\r\n", "X : y\r\n\r\n", "X: \0",
    ])
    func `a trailer section fed byte by byte has one verdict`(text: String) {
        let bytes = latin(text)
        let whole = parse(bytes)
        for length in 0..<bytes.count {
            let (result, _, _) = parse(Array(bytes[0..<length]))
            #expect(result == .incomplete || result == whole.0)
        }
    }

    @Test(arguments: [
        "Grpc-Status", "Server-Timing", "X-Checksum", "Content-Digest", "Repr-Digest", "Digest",
        "Content-MD5", "X_Y", "Trace-Result",
    ])
    func `what says nothing about the message may pass`(name: String) {
        #expect(mayPass(name))
    }

    @Test(
        arguments: FieldName.allCases.filter { $0 != .other }.map { ByteView($0.name).text } + [
            "Content_Length", "Transfer_Encoding", "X_HTTP_Method_Override", "X-Forwarded-Anything",
            "x_forwarded_anything", "If-Match", "IF_NONE_MATCH", "Range", "Content-Encoding",
            "Content-Range", "Cache-Control", "Pragma", "Age", "Expires", "Vary", "Retry-After",
            "WWW-Authenticate", "Proxy-Anything", "Access-Control-Allow-Origin", "Close", "Refresh",
            "Accept-Encoding", "X-Auth-User", "Remote-User", "Content-Security-Policy", "ETag",
        ])
    func `framing, routing, authentication and the like may not`(name: String) {
        #expect(!mayPass(name))
        #expect(!mayPass(name.uppercased()))
    }

    @Test(arguments: [
        "X-Request-ID", "traceparent", "Retry-After", "X-User-Id", "X-Auth-Level", "Grpc-Status",
    ])
    func `behind an answer more may pass`(name: String) {
        #expect(!mayPass(name) || name == "Grpc-Status")
        #expect(mayPass(name, inRequest: false))
    }

    @Test(
        arguments: FieldName.allCases
            .filter { ![.other, .xRequestID, .traceparent].contains($0) }
            .map { ByteView($0.name).text } + [
                "Content_Length", "Set_Cookie", "X_Request_ID", "Content-Encoding", "Content-Range",
                "Cache-Control", "Age", "ETag", "WWW-Authenticate", "Proxy-Anything", "Close",
                "Access-Control-Allow-Origin", "Content-Security-Policy", "Refresh",
            ])
    func `what changes an answer may not`(name: String) {
        #expect(!mayPass(name, inRequest: false))
        #expect(!mayPass(name.uppercased(), inRequest: false))
    }

    private func mayPass(_ name: String, inRequest: Bool = true) -> Bool {
        latin(name).withView { view in
            let match = FieldName.lookup(view)
            let line = FieldLine(
                nameOffset: 0, nameLength: UInt16(view.count), valueOffset: 0, valueLength: 0,
                name: match.name, isVariant: match.isVariant)
            return TrailerSection.mayPass(line, name: view, inRequest: inRequest)
        }
    }
}
