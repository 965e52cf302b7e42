// What the tests of tunnels share: a handshake, backends that switch, and the records.

import Foundation
import TestSupport
import Testing

/// A configuration that grants WebSocket below /ws; `rest` is added as it stands.
func granting(_ backend: Address, _ rest: String = "", workers: Int = 1) -> String {
    configuration(
        backend, workers: workers,
        rest: "  /ws/{rest...}: {methods: [GET], upgrade: [websocket], id: socket}\n" + rest)
}

/// The example of RFC 6455 §1.3.
let handshake = request(
    "GET", "/ws/room?secret", "Connection: Upgrade", "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    "X-Request-Id: abc-1")
let accepted =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

/// A backend that switches, and then does what it is told with the bytes.
func switching(
    _ script: @escaping @Sendable (BackendConnection) throws -> Void
) throws -> ScriptedBackend {
    try ScriptedBackend { connection in
        guard try connection.readRequest() != nil else { return }
        try connection.send(accepted)
        try script(connection)
    }
}

/// A backend that sends back what comes, and ends when the client has.
func echoing() throws -> ScriptedBackend {
    try switching { connection in
        connection.keepsBytes = false
        while true {
            let bytes = try connection.readRaw(1)
            guard !bytes.isEmpty else { return }
            try connection.send(bytes + (try connection.readRaw(connection.unfinished.count)))
        }
    }
}

extension GateProcess {
    /// Opens a tunnel.
    func tunnel(patience: Double = 5) throws -> RawClient {
        let client = try connect(patience: patience)
        try client.send(handshake)
        #expect(try client.readAnswer().status == 101)
        return client
    }

    /// Records of tunnels, once there are so many.
    func tunnelRecords(_ count: Int) throws -> [LogRecord] {
        var found: [LogRecord] = []
        let isThere = try eventually {
            found = try log.records().filter { $0["event.action"]?.hasPrefix("tunnel-") == true }
            return found.count >= count
        }
        #expect(isThere, "\(found.map { $0["event.action"] ?? "" })")
        return found
    }
}

extension RawClient {
    /// Sends a text through an echo and gets it back.
    func isEchoed(_ text: String) throws -> Bool {
        try send(text)
        return try readRaw(text.utf8.count) == Bytes(text.utf8)
    }
}
