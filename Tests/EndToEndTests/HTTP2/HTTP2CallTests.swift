// What gRPC's clients get where the fields of a call are refused: grpc-status, since they look for
// nothing else.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Calls of gRPC` {
        /// What is wrong with the fields, and the status and the `grpc-status` that it gets.
        static let refused: [(fields: [HTTP2Field], status: Int, call: String)] = [
            ([HTTP2Field("Upper", "x")], 400, "13"),
            ([HTTP2Field("connection", "close")], 400, "13"),
            ([HTTP2Field(":late", "x")], 400, "13"),
            ([HTTP2Field("x", String(repeating: "v", count: 40_000))], 431, "8"),
            ((0..<150).map { HTTP2Field("x-\($0)", "v") }, 431, "8"),
            // This one the parser of HTTP/1.1 refuses.
            ([HTTP2Field("content-length", "x")], 400, "13"),
        ]

        @Test(arguments: refused, [true, false])
        func `whose fields are refused get a status that they understand`(
            _ refused: (fields: [HTTP2Field], status: Int, call: String), _ isFirst: Bool
        ) throws {
            let type = [HTTP2Field("content-type", "application/grpc+proto")]
            let fields = isFirst ? type + refused.fields : refused.fields + type
            try withHTTP2(try .echo()) { _, client throws in
                let stream = client.takeStream()
                let request = HTTP2Field.request("POST", "/post/x", fields)
                try client.raw.send(HTTP2Frame.section(stream, request).flatMap(\.bytes))
                try expect(refused.status, refused.call, try client.readAnswer(stream))
                #expect(try client.exchange(HTTP2Field.request()).status == 200)
            }
        }

        @Test func `whose target or protocol is refused likewise`() throws {
            let type = HTTP2Field("content-type", "application/grpc")
            try withHTTP2(try .echo()) { _, client throws in
                let path = "/" + String(repeating: "p", count: 9000)
                let long = try client.exchange(HTTP2Field.request("POST", path, [type]))
                try expect(414, "8", long)
                let other = try client.exchange(
                    [HTTP2Field(":protocol", "other")] + HTTP2Field.request("CONNECT", "/", [type]))
                try expect(501, "12", other)
            }
        }

        private func expect(_ status: Int, _ call: String, _ answer: HTTP2Answer) throws {
            let message = try #require(answer.message)
            #expect(message.status == status)
            #expect(message.value("grpc-status") == call)
            #expect(message.value("content-type") == "application/grpc")
            #expect(message.value("methodgate-event") != nil)
            #expect(message.content.isEmpty)
        }

        @Test func `of gRPC-Web get a document besides`() throws {
            let fields = [
                HTTP2Field("Upper", "x"), HTTP2Field("content-type", "application/grpc-web"),
            ]
            try withHTTP2(try .echo()) { _, client throws in
                let answer = try client.exchange(HTTP2Field.request("POST", "/post/x", fields))
                let message = try #require(answer.message)
                #expect(message.value("grpc-status") == "13")
                #expect(message.value("content-type") == "application/problem+json")
            }
        }
    }
}
