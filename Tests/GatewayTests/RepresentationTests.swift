import HTTP1
import HTTPSyntax
import Testing

@testable import Gateway

@Suite struct RepresentationTests {
    static let rows: [(String?, Representation)] = [
        (nil, .problem), ("", .problem), ("*/*", .problem), ("application/json", .problem),
        ("application/problem+json", .problem), ("application/*", .problem),
        ("APPLICATION/JSON", .problem), ("text/html", .html), ("Text/HTML", .html),
        ("application/xhtml+xml", .html), ("text/plain", .text), ("text/*", .html),
        // What browsers send.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", .html),
        // What curl, fetch and axios send.
        ("*/*", .problem), ("application/json, text/plain, */*", .problem),
        ("text/html;q=0.5, application/json;q=0.9", .problem),
        ("application/json;q=0.1, application/problem+json, text/html;q=0.5", .problem),
        ("application/xhtml+xml;q=0.1, text/html, application/json;q=0.5", .html),
        ("text/html, application/json", .problem),
        ("text/html;q=0.9, application/json;q=0.5", .html),
        ("text/plain;q=1, text/html;q=0.9, */*;q=0.1", .text),
        ("text/html;q=0, */*", .problem), ("text/html;q=0", .problem),
        ("*/*;q=0", .problem), ("application/json;q=0, text/html;q=0.1", .html),
        ("application/json;q=0.0, text/*;q=0.001", .html),
        ("text/html; q=0.8, text/plain ; q=0.9", .text),
        ("text/html;level=1;q=0.3, text/plain;q=0.4", .text),
        ("text/html;Q=0.3, text/plain;q=0.4", .text),
        ("text/plain, text/html", .html), ("image/png", .problem), ("text/markdown", .problem),
        ("text/*;q=0.5, */*", .problem), ("text/*, */*;q=0.9", .html),
        // Nonsense never traps.
        (",,,", .problem), (";", .problem), (";;;q=", .problem), ("text/html;q", .html),
        ("text/html;q=x, text/plain", .text), ("text/html;q=2", .problem), ("/", .problem),
        ("text/html;q=1.999", .html), ("text/html;q=0.12345, text/plain;q=0.1", .html),
        (" \t , text/plain \t", .text),
    ]

    /// The form for a request with these Accept lines.
    private func preferred(_ lines: [String]) -> Representation {
        let fields = lines.map { "Accept: \($0)\r\n" }.joined()
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\(fields)X: y\r\n\r\n"
        var head = RequestHead(maximumFields: 20)
        return text.withView { view in
            let limits = HeadLimits(head: 4096, target: 100, fields: 20)
            #expect(RequestParser.parse(view, into: &head, limits: limits) == .complete)
            return Representation.preferred(head.fields, in: view)
        }
    }

    @Test(arguments: rows)
    func `the form of an answer follows Accept`(_ accept: String?, _ expected: Representation) {
        #expect(preferred(accept.map { [$0] } ?? []) == expected)
    }

    @Test func `a weight has three digits at most`() {
        #expect(preferred(["text/html;q=0.1239, text/plain;q=0.124"]) == .text)
    }

    @Test(arguments: [
        (["image/png", "text/html"], Representation.html),
        (["text/plain;q=0.5", "text/html;q=0.4"], .text),
        (["text/html;q=0.4", "text/plain;q=0.5"], .text),
        (["*/*", "text/html;q=0", "application/json;q=0"], .text),
        (["", "text/html"], .html), (["text/html", "text/html;q=0"], .html),
    ])
    func `several lines are one list`(_ lines: [String], _ expected: Representation) {
        #expect(preferred(lines) == expected)
    }
}
