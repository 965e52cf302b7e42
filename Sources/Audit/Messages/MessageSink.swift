// A sink whose reader takes messages and not bytes: journald and syslog. Each line of a batch
// becomes one message; a line counts as written when the kernel has taken its message whole. So
// what the streams know of a sink holds here too: whole lines, numbers, chain, `on_full`.

import Glibc
import HTTPSyntax
import Memory

/// A sink of messages shared by all workers. Thread-safe; never waits for its reader.
final class MessageSink: Sendable {
    private let state: Lock<MessageState>

    /// Opens nothing yet: that nobody is there is no error, but a sink that is full.
    init(_ format: MessageFormat, to address: MessageAddress) {
        state = Lock(MessageState(format, to: address))
    }

    /// As `AuditSink.write`.
    func write(_ bytes: ByteView, owner: ObjectIdentifier) -> SinkResult {
        state.withLock { $0.write(bytes, owner: owner) }
    }

    /// As `AuditSink.leaveLine`.
    func leaveLine(of owner: ObjectIdentifier) { state.withLock { $0.leaveLine(of: owner) } }
}

/// What the mutex guards.
private struct MessageState: ~Copyable {
    private let format: MessageFormat
    private var socket: MessageSocket
    private var encoder: MessageEncoder
    /// Messages on their way to the kernel, one after another.
    private var encoded = ByteBuffer()
    /// Where each of them ends in `encoded`, and its line in what is to be written.
    private var ends: [Int] = []
    private var lineEnds: [Int] = []
    /// Whether the last attempt was stopped: then one message goes ahead of the others.
    private var isFull = false
    /// Who was stopped within a message of a stream, and the rest of that message.
    private var holder: ObjectIdentifier?
    private var rest = ByteBuffer()

    /// Bytes of messages after which no other one joins a batch.
    private static let batchSize = 256 << 10

    init(_ format: MessageFormat, to address: MessageAddress) {
        self.format = format
        socket = MessageSocket(to: address, mayStream: format.mayStream)
        encoder = MessageEncoder(format)
    }

    mutating func write(_ bytes: ByteView, owner: ObjectIdentifier) -> SinkResult {
        if let holder, holder != owner { return SinkResult(written: 0, code: EBUSY) }
        var written = 0
        var code = socket.open()
        if code == 0, holder != nil {
            code = sendRest()
            if code != 0 {
                return SinkResult(
                    written: 0, code: code, mustRestartLine: socket.kind == .closed)
            }
            // The newline of the line whose message is complete now.
            written = 1
        }
        while code == 0, written < bytes.count {
            let lines = bytes.dropFirst(written)
            encode(lines)
            let result = sendBatch(lines, owner: owner)
            written += result.written
            code = result.code
            isFull = code != 0
        }
        isFull = code != 0
        return SinkResult(written: written, code: code)
    }

    mutating func leaveLine(of owner: ObjectIdentifier) {
        guard holder == owner else { return }
        // The reader sees the stream end within a message, and no message that is a wrong one.
        holder = nil
        socket.close()
    }

    /// Takes lines until a call's worth of messages is there.
    private mutating func encode(_ lines: ByteView) {
        encoded.removeAll()
        ends.removeAll(keepingCapacity: true)
        lineEnds.removeAll(keepingCapacity: true)
        let limit = isFull ? 1 : MessageSocket.batch
        var start = 0
        while start < lines.count, ends.count < limit, encoded.count < Self.batchSize {
            let end = lines.firstIndex(of: 0x0a, from: start) ?? lines.count
            encoder.append(
                lines.slice(start, end - start), to: &encoded, as: socket.kind,
                limit: format.limit(socket.kind))
            ends.append(encoded.count)
            start = Swift.min(end + 1, lines.count)
            lineEnds.append(start)
        }
    }

    // MARK: Sending

    /// Sends what is encoded. How many bytes of lines the kernel has, and the errno that stopped
    /// it, or 0.
    private mutating func sendBatch(
        _ lines: ByteView, owner: ObjectIdentifier
    ) -> (written: Int, code: Int32) {
        var sent = 0
        var mayOpenAgain = true
        while sent < ends.count {
            let kind = socket.kind
            let (count, code) = kind == .stream ? sendStream(sent, owner) : sendDatagrams(sent)
            sent += count
            if code == EMSGSIZE, sendLong(sent, lines) == 0 {
                sent += 1
            } else if MessageSocket.isGone(code), kind != .udp {
                // Its reader may have been started anew, and then the same message is its first.
                socket.close()
                let opened = mayOpenAgain ? socket.open() : code
                mayOpenAgain = false
                if opened != 0 { return (lineEnd(sent), opened) }
                if socket.kind != kind { return (lineEnd(sent), EAGAIN) }
            } else if code != 0 {
                // Of a line whose message went in part all but its newline counts as written, so
                // that its owner keeps it until the rest is.
                return (holder == nil ? lineEnd(sent) : lineEnds[sent] - 1, code)
            }
        }
        return (lineEnd(sent), 0)
    }

    private func lineEnd(_ count: Int) -> Int { count == 0 ? 0 : lineEnds[count - 1] }
    private func start(_ message: Int) -> Int { message == 0 ? 0 : ends[message - 1] }

    private mutating func sendDatagrams(_ first: Int) -> (count: Int, code: Int32) {
        socket.send(encoded.view, ends: ends, from: first)
    }

    private mutating func sendStream(
        _ first: Int, _ owner: ObjectIdentifier
    ) -> (count: Int, code: Int32) {
        let start = start(first)
        let (taken, code) = socket.send(stream: encoded.view.dropFirst(start))
        var next = first
        while next < ends.count, ends[next] <= start + taken { next += 1 }
        if code != 0, !MessageSocket.isGone(code), start + taken > self.start(next) {
            holder = owner
            rest.removeAll()
            rest.append(encoded.view.slice(start + taken, ends[next] - start - taken))
        }
        return (next - first, code)
    }

    /// Goes on within a message. The errno that stopped it, or 0; where its reader is gone the
    /// socket is closed.
    private mutating func sendRest() -> Int32 {
        let (taken, code) = socket.send(stream: rest.view)
        rest.consume(taken)
        if code == 0 { holder = nil }
        if MessageSocket.isGone(code) {
            holder = nil
            socket.close()
        }
        return code
    }

    /// Sends a message that no datagram holds: as a file, or with more of it cut off. The errno
    /// that prevents it, or 0.
    private mutating func sendLong(_ message: Int, _ lines: ByteView) -> Int32 {
        let start = start(message)
        let bytes = encoded.view.slice(start, ends[message] - start)
        if case .journal = format { return socket.send(file: bytes) }
        let lineStart = lineEnd(message)
        let line = lines.slice(lineStart, lineEnds[message] - lineStart)
        var shorter = ByteBuffer()
        var limit = bytes.count / 2
        while limit >= MessageFormat.leastLimit {
            shorter.removeAll()
            encoder.append(line.withoutNewline, to: &shorter, as: socket.kind, limit: limit)
            let (_, code) = socket.send(shorter.view, ends: [shorter.count], from: 0)
            if code != EMSGSIZE { return code }
            limit /= 2
        }
        return EMSGSIZE
    }
}

extension ByteView {
    fileprivate var withoutNewline: ByteView {
        count > 0 && self[count - 1] == 0x0a ? slice(0, count - 1) : self
    }
}
