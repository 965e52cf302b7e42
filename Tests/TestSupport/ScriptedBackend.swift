// A backend that does what a test tells it to. Each connection runs in a thread of its own, so a
// script is plain code from top to bottom that may wait, trickle, stop, or break off.

import Foundation
import Glibc

public final class ScriptedBackend: @unchecked Sendable {
    /// What a connection does, from its acceptance to its end; an error ends it.
    public typealias Script = @Sendable (BackendConnection) throws -> Void

    public let address: Address
    private let listener: Socket
    private let script: Script
    private let tls: TestTLS?
    private let lock = NSLock()
    private var accepted: [BackendConnection] = []
    private var isStopping = false
    private var running = 0

    /// Listens, on a port the kernel chooses by default, and serves until `stop()`.
    public init(
        on address: Address = .loopback, tls: TestTLS? = nil, _ script: @escaping Script
    ) throws {
        self.tls = tls
        listener = try Socket.listen(on: address)
        self.address = listener.localAddress
        self.script = script
        Thread.detachNewThread { self.acceptAll() }
    }

    deinit { stop() }

    private func acceptAll() {
        while !lock.withLock({ isStopping }) {
            guard let socket = listener.accept(Deadline(seconds: 0.2)) else { continue }
            let connection = BackendConnection(socket)
            let isServed = lock.withLock {
                guard !isStopping else { return false }
                accepted.append(connection)
                running += 1
                return true
            }
            guard isServed else { return connection.close() }
            Thread.detachNewThread { self.serve(connection) }
        }
    }

    private func serve(_ connection: BackendConnection) {
        do {
            if let tls { try connection.begin(tls) }
            try script(connection)
        } catch {
            connection.note(error)
        }
        connection.close()
        lock.withLock { running -= 1 }
    }

    /// Every connection so far, in the order of acceptance.
    public var connections: [BackendConnection] { lock.withLock { accepted } }

    /// Every complete request so far, in the order of connections.
    public var requests: [WireMessage] { connections.flatMap(\.requests) }

    /// Waits until all that has been sent to this backend so far has been read, ends included:
    /// connections are accepted in their order, so an own one comes after all others.
    public func settle() {
        guard let probe = try? Socket.connect(to: address) else { return }
        let own = probe.localAddress
        _ = eventually(within: 2) { connections.contains { $0.peer == own } }
        probe.close()
        _ = eventually(within: 2) {
            connections.allSatisfy { $0.isAtEnd || $0.isClosed || !$0.socket.hasInput }
        }
        lock.withLock { accepted.removeAll { $0.peer == own } }
    }

    /// Drops the connections that the gate has ended from the list.
    public func forgetEnded() {
        lock.withLock { accepted.removeAll { $0.isAtEnd || $0.error != nil } }
    }

    /// Stops listening and breaks all connections; the scripts end on their next read or write.
    public func stop() {
        let open = lock.withLock {
            isStopping = true
            return accepted
        }
        listener.shutDown()
        for connection in open { connection.shutDown() }
        _ = eventually(within: 2) { lock.withLock { running == 0 } }
    }

    /// Answers every request on every connection with the same bytes.
    public static func always(
        _ reply: String, on address: Address = .loopback
    ) throws -> ScriptedBackend {
        try ScriptedBackend(on: address) { connection in
            while try connection.readRequest() != nil { try connection.send(reply) }
        }
    }

    /// Answers every request with `200` and the request line as content.
    public static func echo(
        on address: Address = .loopback, tls: TestTLS? = nil
    ) throws -> ScriptedBackend {
        try ScriptedBackend(on: address, tls: tls) { connection in
            while let request = try connection.readRequest() {
                let line = request.startLine + "\n"
                let head = "HTTP/1.1 200 OK\r\nContent-Length: \(line.utf8.count)\r\n\r\n"
                try connection.send(request.method == "HEAD" ? head : head + line)
            }
        }
    }
}
