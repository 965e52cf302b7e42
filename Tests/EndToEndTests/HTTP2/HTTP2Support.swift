// What the tests of HTTP/2 share.

import Digest
import Foundation
import HTTPSyntax
import TestSupport
import Testing

/// A configuration whose one listener takes the preface; `rest` is added as it stands.
func speaking(_ backend: Address, workers: Int = 1, rest: String = "") -> String {
    configuration(backend, workers: workers, rest: rest)
        .replacing("127.0.0.1:0\"\n", with: "127.0.0.1:0\"\n    h2c: true\n")
}

extension GateProcess {
    func connectHTTP2(
        settings: [(UInt16, UInt32)] = [], patience: Double = 15
    ) throws -> HTTP2Client {
        try HTTP2Client(address, settings: settings, patience: patience)
    }
}

/// A gate that speaks HTTP/2 before that backend, and a client of it.
func withHTTP2(
    _ backend: ScriptedBackend, rest: String = "", settings: [(UInt16, UInt32)] = [],
    _ work: (GateProcess, HTTP2Client) throws -> Void
) throws {
    defer { backend.stop() }
    let gate = try GateProcess(speaking(backend.address, rest: rest))
    defer { end(gate) }
    let client = try gate.connectHTTP2(settings: settings)
    defer { client.close() }
    try work(gate, client)
}

/// A backend that answers with so many bytes, as the path says.
func sizing() throws -> ScriptedBackend {
    try ScriptedBackend { connection in
        let block = Bytes(repeating: 0x61, count: 65_536)
        while let request = try connection.readRequest() {
            let count = Int(request.target.dropFirst()) ?? 0
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
            var left = count
            while left > 0 {
                try connection.send(left < block.count ? Bytes(block.prefix(left)) : block)
                left -= min(left, block.count)
            }
        }
    }
}

/// What `Sec-WebSocket-Accept` must be (RFC 6455 §4.2.2).
func webSocketProof(of key: String) -> String {
    var digest = ByteBuffer()
    (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").withView {
        SHA1.append(digestOf: $0, to: &digest)
    }
    return Data(digest.view.bytes).base64EncodedString()
}
