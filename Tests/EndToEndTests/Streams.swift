// What the tests of long contents share: how much, in which framing, and what the gate may grow by.

import Foundation
import TestSupport
import Testing

private let wanted = ProcessInfo.processInfo.environment["METHODGATE_STREAM_BYTES"]

/// Bytes of a long content: 64 MiB, or what METHODGATE_STREAM_BYTES says.
let streamedBytes = wanted.flatMap { Int($0) } ?? 64 << 20

/// What the gate's memory may grow by, whatever the size of the content.
let allowedGrowth = 4 << 20

/// The most anonymous memory of a gate, looked at now and then, against what it had before.
struct Growth {
    private let gate: GateProcess
    private let before: Int
    private var most = 0
    private var calls = 0

    init(of gate: GateProcess) throws {
        self.gate = gate
        before = try gate.memory().anonymous
    }

    mutating func sample() throws {
        if calls.isMultiple(of: 50) { most = max(most, try gate.memory().anonymous) }
        calls += 1
    }

    /// Looks once more, and says what it was where somebody asked for so many bytes.
    func expectIsBounded(_ what: String) throws {
        let most = max(most, try gate.memory().anonymous)
        if wanted != nil { print("\(what): grew by \((most - before) / 1024) KiB") }
        #expect(most - before < allowedGrowth)
    }
}

enum Framing: String, CaseIterable {
    case length
    case chunked

    /// The field that announces so many bytes.
    func field(_ count: Int) -> String {
        self == .length ? "Content-Length: \(count)" : "Transfer-Encoding: chunked"
    }

    /// Sends `count` bytes of the pattern in this framing.
    func send(_ count: Int, _ write: (Bytes) throws -> Void) throws {
        var pattern = Pattern()
        while pattern.count < count {
            let block = pattern.next(min(count - pattern.count, 60_000))
            if self == .length {
                try write(Bytes(block))
            } else {
                let size = String(block.count, radix: 16)
                try write(Bytes("\(size)\r\n".utf8) + block + [0x0D, 0x0A])
            }
        }
        if self == .chunked { try write(Bytes("0\r\n\r\n".utf8)) }
    }

    /// Reads content in this framing until it is complete.
    ///
    /// - Returns: how many bytes of the pattern came.
    func receive(_ count: Int, _ read: () throws -> Bytes) throws -> Int {
        var pattern = Pattern()
        var decoder = ChunkDecoder()
        while self == .length ? pattern.count < count : !decoder.isComplete {
            let bytes = try read()
            guard !bytes.isEmpty else { break }
            let data = self == .length ? bytes : try decoder.decode(bytes)
            guard pattern.check(data) else { throw LaunchError("other bytes came") }
        }
        return pattern.count
    }

    /// A backend that takes `streamedBytes` and notes how many of them were right.
    func receiving(_ received: Collected<Int>, tls: TestTLS? = nil) throws -> ScriptedBackend {
        try ScriptedBackend(tls: tls) { connection in
            connection.keepsBytes = false
            guard let head = try connection.readHead() else { return }
            var first: Bytes? = connection.takeContent(after: head)
            let count = try receive(streamedBytes) {
                if let bytes = first, !bytes.isEmpty {
                    first = nil
                    return bytes
                }
                return try connection.socket.read(Deadline(seconds: 30))
            }
            received.append(count)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    /// A backend that answers with `streamedBytes`.
    func sending(tls: TestTLS? = nil) throws -> ScriptedBackend {
        try ScriptedBackend(tls: tls) { connection in
            guard try connection.readRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\n\(field(streamedBytes))\r\n\r\n")
            try send(streamedBytes) { try connection.send($0) }
        }
    }
}
