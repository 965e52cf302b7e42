// A client that sends exactly the bytes it is told to, at the pace it is told to, and reads
// answers with the strict reader.

import Glibc

/// The bytes of an answer broke the strict reader's rules, or ended before it was whole.
public struct BadAnswer: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

public final class RawClient: @unchecked Sendable {
    public let socket: Socket
    /// What has arrived and was not yet given out as part of an answer.
    public private(set) var buffer: Bytes = []
    public private(set) var isAtEnd = false
    /// Whether the connection was torn down by a RST instead of ended.
    public private(set) var wasReset = false
    /// Seconds that a single read or write may take.
    public var patience: Double

    public init(
        _ address: Address, from own: Address? = nil, patience: Double = 15,
        receiveBuffer: Int32? = nil, tls: TestTLS? = nil
    ) throws {
        socket = try Socket.connect(to: address, from: own, receiveBuffer: receiveBuffer)
        self.patience = patience
        if let tls { try socket.begin(tls, asServer: false, Deadline(seconds: patience)) }
    }

    public func send(_ bytes: Bytes) throws {
        try socket.write(bytes, Deadline(seconds: patience))
    }

    public func send(_ text: String) throws { try send(Bytes(text.utf8)) }

    /// One system call, and so most often one segment, for each byte.
    public func sendByteByByte(_ bytes: Bytes) throws {
        for byte in bytes { try socket.write(CollectionOfOne(byte), Deadline(seconds: patience)) }
    }

    /// Reads the next answer, interim ones included.
    ///
    /// - Parameter method: the method of the request that is answered.
    public func readAnswer(to method: String = "GET") throws -> WireMessage {
        let deadline = Deadline(seconds: patience)
        while true {
            do {
                let outcome = try StrictReader.response(buffer, to: method, atEnd: isAtEnd)
                if case .message(let message) = outcome {
                    buffer.removeFirst(message.length)
                    return message
                }
            } catch {
                throw BadAnswer(description: "\(error) in \(Escapes.escape(buffer.prefix(2000)))")
            }
            guard !isAtEnd else {
                let how = wasReset ? "reset" : "end"
                throw BadAnswer(
                    description: "\(how) after \(Escapes.escape(buffer.prefix(2000)))")
            }
            try fill(deadline)
        }
    }

    /// Reads the next answer that is not an interim one.
    public func readFinalAnswer(to method: String = "GET") throws -> WireMessage {
        while true {
            let answer = try readAnswer(to: method)
            if answer.status >= 200 { return answer }
        }
    }

    /// Only the head of the next answer; its content stays in the buffer and on the wire.
    public func readHead() throws -> WireMessage {
        let deadline = Deadline(seconds: patience)
        while true {
            let outcome = try StrictReader.response(buffer)
            switch outcome {
            case .message(var head), .incomplete(.some(var head)):
                buffer.removeFirst(head.headLength)
                head.content = []
                return head
            case .incomplete(nil):
                guard !isAtEnd else { throw BadAnswer(description: "end before a head") }
                try fill(deadline)
            }
        }
    }

    /// Takes bytes that have arrived, at most so many; empty at the end.
    public func readSome(atMost count: Int = 65_536) throws -> Bytes {
        if buffer.isEmpty && !isAtEnd { try fill(Deadline(seconds: patience), atMost: count) }
        let bytes = Bytes(buffer.prefix(count))
        buffer.removeFirst(bytes.count)
        return bytes
    }

    /// Takes so many bytes, whatever they are; fewer at the end.
    public func readRaw(_ count: Int) throws -> Bytes {
        let deadline = Deadline(seconds: patience)
        while buffer.count < count && !isAtEnd { try fill(deadline) }
        let bytes = Bytes(buffer.prefix(count))
        buffer.removeFirst(bytes.count)
        return bytes
    }

    /// Reads until the other side ends the connection.
    public func readToEnd() throws -> Bytes {
        let deadline = Deadline(seconds: patience)
        while !isAtEnd { try fill(deadline) }
        defer { buffer = [] }
        return buffer
    }

    /// Whether the other side ends the connection, without another byte, in that time.
    public func isClosed(within seconds: Double) throws -> Bool {
        let deadline = Deadline(seconds: seconds)
        do {
            while !isAtEnd && buffer.isEmpty { try fill(deadline) }
        } catch is TimedOut {}
        return isAtEnd && buffer.isEmpty
    }

    private func fill(_ deadline: Deadline, atMost count: Int = 65_536) throws {
        do {
            let bytes = try socket.read(atMost: count, deadline)
            isAtEnd = bytes.isEmpty
            buffer += bytes
        } catch let error as SocketError where error.isReset {
            isAtEnd = true
            wasReset = true
        }
    }

    public func halfClose() { socket.halfClose() }
    public func reset() { socket.reset() }
    public func close() { socket.close() }

    /// A whole exchange on a connection of its own.
    public static func exchange(
        _ address: Address, _ request: String, to method: String = "GET", tls: TestTLS? = nil
    ) throws -> WireMessage {
        let client = try RawClient(address, tls: tls)
        defer { client.close() }
        try client.send(request)
        return try client.readFinalAnswer(to: method)
    }
}
