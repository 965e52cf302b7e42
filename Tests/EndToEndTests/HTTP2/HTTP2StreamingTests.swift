// Content of any size over HTTP/2 in front: every byte arrives, memory stays bounded.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Streaming over HTTP 2` {
        private func withGate(
            _ backend: ScriptedBackend, _ work: (GateProcess, HTTP2Client) throws -> Void
        ) throws {
            defer { backend.stop() }
            let gate = try GateProcess(speaking(backend.address))
            defer { end(gate) }
            let client = try gate.connectHTTP2(patience: 60)
            defer { client.close() }
            #expect(try client.exchange(HTTP2Field.request("PATCH")).status == 405)
            try work(gate, client)
        }

        /// With a length, or without: then the backend gets chunks.
        @Test(arguments: Framing.allCases)
        func `an upload costs bounded memory`(_ framing: Framing) throws {
            let received = Collected<Int>()
            try withGate(try framing.receiving(received)) { gate, client throws in
                var growth = try Growth(of: gate)
                let length = HTTP2Field("content-length", "\(streamedBytes)")
                let fields = framing == .length ? [length] : []
                let stream = try client.open(
                    HTTP2Field.request("POST", "/post/x", fields), ends: false)
                try Framing.length.send(streamedBytes) {
                    try client.sendContent($0, on: stream, ends: false)
                    try growth.sample()
                }
                try client.sendContent([], on: stream)
                #expect(try client.readAnswer(stream).status == 200)
                #expect(received.all == [streamedBytes])
                try growth.expectIsBounded("upload over HTTP/2, \(framing)")
            }
        }

        @Test(arguments: Framing.allCases)
        func `a download costs bounded memory`(_ framing: Framing) throws {
            try withGate(try framing.sending()) { gate, client throws in
                var growth = try Growth(of: gate)
                var pattern = Pattern()
                client.takesContent = { bytes in
                    guard pattern.check(bytes) else { throw LaunchError("other bytes came") }
                    try growth.sample()
                }
                let stream = try client.open(HTTP2Field.request())
                let answer = try client.readAnswer(stream)
                #expect(answer.status == 200)
                #expect(answer.hasEnded)
                #expect(pattern.count == streamedBytes)
                try growth.expectIsBounded("download over HTTP/2, \(framing)")
            }
        }
    }
}
