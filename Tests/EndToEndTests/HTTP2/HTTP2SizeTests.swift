// Heads of HTTP/2 that are longer than usual, as the limits let them be.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Long heads of HTTP 2` {
        private static let lines = (0..<50).map {
            HTTP2Field("x-\($0)", String(repeating: "v", count: 4096))
        }

        @Test func `pass to a backend where request_head lets them`() throws {
            let rest = "limits: {request_head: 512KiB}"
            try withHTTP2(try .echo(), rest: rest) { _, client throws in
                let stream = client.takeStream()
                let request = HTTP2Field.request("GET", "/", Self.lines)
                try client.raw.send(HTTP2Frame.section(stream, request).flatMap(\.bytes))
                #expect(try client.readAnswer(stream).status == 200)
                #expect(client.goAways.isEmpty)
            }
        }

        @Test func `pass to a client where response_head lets them`() throws {
            let backend = try ScriptedBackend.http2 { side in
                while let request = try side.readRequest() {
                    try side.send(
                        HTTP2Frame.section(
                            request.stream, [HTTP2Field(":status", "200")] + Self.lines))
                }
            }
            let rest = "limits: {response_head: 512KiB}"
            try withHTTP2Backend(backend, rest: rest) { gate, _ throws in
                for _ in 0..<2 {
                    let answer = try RawClient.exchange(gate.address, request("GET"))
                    #expect(answer.status == 200)
                    #expect(answer.value("x-49")?.count == 4096)
                }
                #expect(backend.connections.count == 1)
            }
        }
    }
}
