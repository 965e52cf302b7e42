// The backend behind a conformance gate: whatever pooled connection a request comes by, it takes
// the next answer of the case that runs.

import Foundation
import TestSupport

/// A request that must reach the backend, and what it answers.
struct BackendExchange: Sendable {
    static let ok = Bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)

    /// `{authority}` in it stands for the backend's host and port.
    var expected: Bytes
    /// Sent as soon as the head of the request is there.
    var interim: Bytes = []
    var reply: Bytes = Self.ok
    var closes = false
    var resets = false
    /// What follows a 101, if that is what the reply is.
    var tunnel: BackendTunnel?

    init(expected: Bytes) { self.expected = expected }

    mutating func answer(_ section: Section) throws {
        if section.words.first == "tunnel" {
            try section.allow(["tunnel", "close"])
            tunnel = tunnel ?? BackendTunnel()
            tunnel?.reply = try section.bytes()
            tunnel?.closes = section.words.contains("close")
            return
        }
        try section.allow(["interim", "close", "reset"])
        if section.words.contains("interim") {
            interim = try section.bytes()
        } else {
            reply = try section.bytes()
        }
        closes = section.words.contains("close")
        resets = section.words.contains("reset")
    }
}

/// Bytes that must reach the backend after its 101, and what it sends then. It stays until the
/// gate ends the connection, unless it closes.
struct BackendTunnel: Sendable {
    var expected: Bytes = []
    var reply: Bytes = []
    var closes = false
}

final class CaseBackend: @unchecked Sendable {
    private let lock = NSLock()
    private var script: [BackendExchange] = []
    private var next = 0
    private var isByteByByte = false
    private var seen: [WireMessage] = []
    private var errors: [String] = []
    private var server: ScriptedBackend?

    init(tls: TestTLS? = nil) throws {
        server = try ScriptedBackend(tls: tls) { [unowned self] connection in
            try self.serve(connection)
        }
    }

    var address: Address { server?.address ?? .loopback }
    var requests: [WireMessage] { lock.withLock { seen } }
    var problems: [String] { lock.withLock { errors } }

    /// What came of requests that are not whole, on connections still open and on those ended.
    var unfinished: [(bytes: Bytes, hasEnded: Bool)] {
        (server?.connections ?? []).filter { !$0.unfinished.isEmpty }
            .map { ($0.unfinished, $0.isAtEnd) }
    }

    /// Forgets the last case; from now on requests get these answers, in this order.
    func begin(_ exchanges: [BackendExchange], byteByByte: Bool) {
        server?.forgetEnded()
        lock.withLock {
            script = exchanges
            next = 0
            isByteByByte = byteByByte
            seen = []
            errors = []
        }
    }

    /// Waits until what the gate has sent has been seen.
    func settle() { server?.settle() }

    func stop() { server?.stop() }

    private func serve(_ connection: BackendConnection) throws {
        do {
            while try connection.readHead() != nil {
                let exchange = lock.withLock { () -> BackendExchange? in
                    next += 1
                    return next <= script.count ? script[next - 1] : nil
                }
                try send(exchange?.interim ?? [], on: connection)
                guard let request = try connection.readRequest() else { return }
                lock.withLock { seen.append(request) }
                guard let exchange else {
                    try connection.send("HTTP/1.1 599 Unscripted\r\nContent-Length: 0\r\n\r\n")
                    continue
                }
                if exchange.resets { return connection.reset() }
                try send(exchange.reply, on: connection)
                if exchange.closes { return }
                if let tunnel = exchange.tunnel { return try serve(tunnel, on: connection) }
            }
        } catch let error as Malformed {
            lock.withLock {
                errors.append("malformed request upstream: \(error)")
                errors.append(Escapes.escape(connection.unfinished))
            }
            throw error
        } catch is SocketError {
            // The gate may break off while a bad answer is still being sent.
        }
    }

    private func serve(_ tunnel: BackendTunnel, on connection: BackendConnection) throws {
        var came = try connection.readRaw(tunnel.expected.count)
        try send(tunnel.reply, on: connection)
        if !tunnel.closes { came += try connection.readRaw(.max) }
        guard came != tunnel.expected else { return }
        lock.withLock { errors.append("through the tunnel upstream: \(Escapes.escape(came))") }
    }

    private func send(_ bytes: Bytes, on connection: BackendConnection) throws {
        if lock.withLock({ isByteByByte }) {
            try connection.sendByteByByte(bytes)
        } else {
            try connection.send(bytes)
        }
    }
}
