// What is refused before it is a head: its record says what was asked for, as it came.

import Foundation
import TestSupport
import Testing

/// A request that is refused, and what its record says.
struct RefusedRequest: Sendable, CustomTestStringConvertible {
    var method = "GET"
    var path = "/any/x"
    var authority = "a.example"
    /// In front of the others.
    var first: HTTP2Field?
    var status = 400
    /// `http.request.method`, `http.request.method_original`, `url.original`, `url.path`.
    var told: [String?]

    var testDescription: String {
        "\(method) \(path.prefix(40)) \(first.map { "\($0)" } ?? "") \(authority)"
    }

    var fields: [HTTP2Field] {
        (first.map { [$0] } ?? []) + [
            HTTP2Field(":path", path), HTTP2Field(":method", method),
            HTTP2Field(":scheme", "http"), HTTP2Field(":authority", authority),
        ]
    }

    static let all = [
        Self(
            method: "GET /public", path: "/secret",
            told: ["_OTHER", "GET /public", "/secret", nil]),
        Self(method: "GE T", told: ["_OTHER", "GE T", "/any/x", nil]),
        Self(method: "G\0T", told: ["_OTHER", "G\0T", "/any/x", nil]),
        Self(path: "/public /secret", told: ["GET", nil, "/public /secret", nil]),
        Self(path: "/any/x\0y", told: ["GET", nil, "/any/x\0y", nil]),
        Self(
            path: "/any/x HTTP/1.1\r\nHost: evil\r\n\r\n",
            told: ["GET", nil, "/any/x HTTP/1.1\r\nHost: evil\r\n\r\n", nil]),
        Self(
            first: HTTP2Field(":odd", "x"), told: ["GET", nil, "/any/x", "/any/x"]),
        Self(
            method: "PATCH", first: HTTP2Field(":scheme", " http"),
            told: ["PATCH", nil, "/any/x", "/any/x"]),
        Self(authority: "exa mple", told: ["GET", nil, "/any/x", "/any/x"]),
        Self(authority: "u@a.example", told: ["GET", nil, "/any/x", "/any/x"]),
        Self(
            method: "HEAD", path: "/" + String(repeating: "x", count: 9000), status: 414,
            told: ["HEAD", nil, "/" + String(repeating: "x", count: 2047), nil]),
        Self(method: "HEAD", path: "/a\0", told: ["HEAD", nil, "/a\0", nil]),
        Self(
            method: "HEAD", authority: " a.example", told: ["HEAD", nil, "/any/x", "/any/x"]),
    ]
}

extension `End to end` {
    struct `HTTP 2, refused` {
        @Test(arguments: RefusedRequest.all)
        func `requests are recorded as they came, and HEAD gets no content`(
            _ request: RefusedRequest
        ) throws {
            let backend = try ScriptedBackend.echo()
            try withHTTP2(backend) { gate, client throws in
                let answer = try client.exchange(request.fields)
                #expect(answer.status == request.status)
                #expect(answer.message?.text.isEmpty == (request.method == "HEAD"))
                let record = try gate.blockRecord()
                #expect(record["event.action"] == "malformed-request")
                #expect(record["http.request.method"] == request.told[0])
                #expect(record["http.request.method_original"] == request.told[1])
                #expect(record["url.original"]?.prefix(2000) == request.told[2]?.prefix(2000))
                #expect(record["url.path"] == request.told[3])
                #expect(backend.requests.isEmpty)
            }
        }

        /// RFC 9113 §8.1.1.
        @Test(arguments: [
            [HTTP2Field(":method", "GET"), HTTP2Field(":path", "/")],
            [HTTP2Field(":method", "CONNECT")],
            [
                HTTP2Field(":method", "CONNECT"), HTTP2Field(":path", "/"),
                HTTP2Field("connection", "x"),
            ],
        ])
        func `a malformed request for a tunnel is reset behind its answer`(
            _ fields: [HTTP2Field]
        ) throws {
            try withHTTP2(try .echo()) { gate, client throws in
                let others = [
                    HTTP2Field(":scheme", "http"), HTTP2Field(":authority", "a.example"),
                    HTTP2Field(":protocol", "websocket"),
                ]
                for ends in [true, false] {
                    let stream = try client.open(others + fields, ends: ends)
                    #expect(try client.readAnswer(stream).status == 400)
                    try client.readUntil { client.answers[stream]?.resetCode != nil }
                    #expect(client.answers[stream]?.resetCode == 1)
                }
            }
        }

        /// RFC 9113 §8.5.
        @Test func `a CONNECT to no port is reset behind its answer`() throws {
            try withHTTP2(try .echo()) { gate, client throws in
                let stream = try client.open([
                    HTTP2Field(":method", "CONNECT"), HTTP2Field(":authority", "a.example"),
                ])
                #expect(try client.readAnswer(stream).status == 400)
                try client.readUntil { client.answers[stream]?.resetCode != nil }
                #expect(client.answers[stream]?.resetCode == 1)
            }
        }

        /// Its length is no fault of its form.
        @Test func `a CONNECT that is too long is not reset`() throws {
            try withHTTP2(try .echo()) { _, client throws in
                let long = String(repeating: "a", count: 9000) + ".example:80"
                let stream = try client.open([
                    HTTP2Field(":method", "CONNECT"), HTTP2Field(":authority", long),
                ])
                #expect(try client.readAnswer(stream).status == 414)
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
                #expect(client.answers[stream]?.resetCode == nil)
            }
        }

        @Test func `a line that asks for a method is no preface, and its method is recorded`()
            throws
        {
            try withHTTP2(try .echo()) { gate, _ throws in
                let answer = try RawClient.exchange(gate.address, "GET foo bar\r\n\r\n")
                #expect(answer.status == 400)
                let record = try gate.blockRecord()
                #expect(record["http.request.method"] == "GET")
                #expect(record.integer("http.response.status_code") == 400)
            }
        }
    }
}
