// One connection of a scripted backend: strict about what it reads, free in what it sends.

import Foundation
import Glibc

public final class BackendConnection: @unchecked Sendable {
    public let socket: Socket
    /// Whether the bytes are kept; turned off for transfers of many megabytes.
    public var keepsBytes = true
    /// Seconds that a single read or write may take.
    public var patience = 30.0
    private var buffer: Bytes = []
    private let lock = NSLock()
    private var all: Bytes = []
    private var complete: [WireMessage] = []
    private var failure: (any Error)?
    private var hasEnded = false
    private var hasClosed = false

    /// The other end's address.
    let peer: Address

    init(_ socket: Socket) {
        self.socket = socket
        peer = socket.peerAddress
    }

    /// All bytes that came, complete requests or not.
    public var received: Bytes { lock.withLock { all } }
    public var requests: [WireMessage] { lock.withLock { complete } }
    /// What the gate broke on this connection, if anything.
    public var error: (any Error)? { lock.withLock { failure } }
    /// Whether the gate has ended the connection.
    public var isAtEnd: Bool { lock.withLock { hasEnded } }
    /// Whether this side has closed.
    public var isClosed: Bool { lock.withLock { hasClosed } }
    /// What has come of a request that is not complete.
    public var unfinished: Bytes { lock.withLock { buffer } }

    func begin(_ tls: TestTLS) throws {
        try socket.begin(tls, asServer: true, Deadline(seconds: patience))
    }

    func note(_ error: any Error) { lock.withLock { failure = error } }

    /// Waits for more bytes.
    ///
    /// - Returns: false at the end of the stream.
    @discardableResult
    public func fill() throws -> Bool {
        do {
            let bytes = try socket.read(Deadline(seconds: patience))
            lock.withLock {
                buffer += bytes
                if keepsBytes { all += bytes }
                if bytes.isEmpty { hasEnded = true }
            }
            return !bytes.isEmpty
        } catch let error as SocketError where error.isReset {
            lock.withLock { hasEnded = true }
            return false
        }
    }

    /// The head of the next request, its content left unread; nil at the end of the stream.
    public func readHead() throws -> WireMessage? {
        while true {
            if !buffer.isEmpty {
                switch try StrictReader.request(buffer) {
                case .message(let head), .incomplete(.some(let head)): return head
                case .incomplete(nil): break
                }
            }
            guard try fill() else { return nil }
        }
    }

    /// The next request with its content; nil at the end of the stream.
    public func readRequest() throws -> WireMessage? {
        while true {
            if !buffer.isEmpty, case .message(let request) = try StrictReader.request(buffer) {
                lock.withLock {
                    buffer.removeFirst(request.length)
                    complete.append(request)
                }
                return request
            }
            guard try fill() else { return nil }
        }
    }

    /// Takes the head off, and what has come of the content after it; the rest is on the socket.
    public func takeContent(after head: WireMessage) -> Bytes {
        lock.withLock {
            defer { buffer = [] }
            return Bytes(buffer.dropFirst(head.headLength))
        }
    }

    /// Takes so many bytes, whatever they are; fewer at the end of the stream.
    public func readRaw(_ count: Int) throws -> Bytes {
        while buffer.count < count, try fill() {}
        return lock.withLock {
            let bytes = Bytes(buffer.prefix(count))
            buffer.removeFirst(bytes.count)
            return bytes
        }
    }

    public func send(_ bytes: Bytes) throws {
        try socket.write(bytes, Deadline(seconds: patience))
    }

    public func send(_ text: String) throws { try send(Bytes(text.utf8)) }

    public func sendByteByByte(_ bytes: Bytes) throws {
        for byte in bytes { try socket.write(CollectionOfOne(byte), Deadline(seconds: patience)) }
    }

    /// Sleeps; a slow backend.
    public func wait(_ seconds: Double) { usleep(UInt32(seconds * 1e6)) }

    public func reset() {
        socket.reset()
        lock.withLock { hasClosed = true }
    }

    public func close() {
        socket.close()
        lock.withLock { hasClosed = true }
    }

    func shutDown() { socket.shutDown() }
}
