// Sinks of messages against sockets of the test's own: what counts as written, who waits for whom,
// and how a sink finds its reader again.

import Foundation
import HTTPSyntax
import Memory
import Testing

@testable import Audit

/// A socket that stands for journald or a syslog daemon.
final class Receiver: @unchecked Sendable {
    private(set) var number: Int32
    private var accepted: Int32 = -1
    private var space = [UInt8](repeating: 0, count: 1 << 20)

    init(unix path: String, _ type: __socket_type = SOCK_DGRAM) throws {
        unlink(path)
        number = socket(AF_UNIX, Int32(type.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, size) }
        }
        try #require(bound == 0)
        if type == SOCK_STREAM { try #require(listen(number, 8) == 0) }
    }

    /// A UDP socket on loopback; port 0 picks one.
    init(udp port: UInt16) throws {
        number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, size) }
        }
        try #require(bound == 0)
    }

    deinit { stop() }

    func stop() {
        if accepted >= 0 { close(accepted) }
        if number >= 0 { close(number) }
        (accepted, number) = (-1, -1)
    }

    var port: UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = getsockname(number, $0, &size)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The next datagram, or nil; a file that came instead is read.
    func receive() -> [UInt8]? {
        var control = [UInt64](repeating: 0, count: 8)
        return space.withUnsafeMutableBytes { space in
            control.withUnsafeMutableBytes { control in
                var piece = iovec(iov_base: space.baseAddress, iov_len: space.count)
                return withUnsafeMutablePointer(to: &piece) { piece in
                    var message = msghdr()
                    message.msg_iov = piece
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    let count = recvmsg(number, &message, Int32(MSG_DONTWAIT))
                    guard count >= 0 else { return nil }
                    guard message.msg_controllen > 0 else { return Array(space[..<count]) }
                    let file = control.loadUnaligned(fromByteOffset: 16, as: Int32.self)
                    defer { close(file) }
                    let seals = fcntl(file, 1034)
                    return seals & 15 == 15 && count == 0 ? Self.contents(file) : nil
                }
            }
        }
    }

    private static func contents(_ file: Int32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = pread(file, &bytes, bytes.count, 0)
        return Array(bytes[..<max(0, count)])
    }

    func receiveAll() -> [[UInt8]] {
        var all: [[UInt8]] = []
        while let next = receive() { all.append(next) }
        return all
    }

    /// What a stream brought so far.
    func readStream(atMost limit: Int = 1 << 20) -> [UInt8] {
        if accepted < 0 { accepted = accept(number, nil, nil) }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = recv(accepted, &bytes, limit, Int32(MSG_DONTWAIT))
        return Array(bytes[..<max(0, count)])
    }
}

@Suite(.serialized) final class MessageSinkTests {
    let scratch: Scratch
    private var path: String { scratch.file("socket") }

    init() throws {
        _ = ignoredSignals
        scratch = try Scratch()
    }

    private func journal() throws -> AuditSink { try AuditSink(to: .journald(path: path)) }

    private func records(_ entries: [[UInt8]]) -> [String] {
        entries.compactMap { MessageTests.fields($0)["METHODGATE_RECORD"] }
    }

    @Test func `each record is one datagram`() throws {
        let receiver = try Receiver(unix: path)
        let sink = try journal()
        let stream = Sample.stream()
        for _ in 0..<7 { stream.block() }
        let lines = stream.waitingLines
        #expect(!stream.flush(to: sink).isFull)
        #expect(stream.settledPosition == stream.position)
        let received = records(receiver.receiveAll())
        #expect(received.count == lines.count)
        #expect(received == lines)
        #expect(chainFault(lines) == nil)
        #expect(sink.fault == 0)
        #expect(stream.counts == LogCounts(written: 7, dropped: 0, waiting: 0, waitingBytes: 0))
    }

    @Test func `a socket that is not there is a full sink until it is`() throws {
        let sink = try journal()
        let stream = Sample.stream()
        stream.block()
        let result = stream.flush(to: sink)
        #expect(result == SinkResult(written: 0, code: ENOENT))
        #expect(!result.isMomentary)
        #expect(sink.fault == ENOENT)
        #expect(stream.counts.waiting == 1)
        let receiver = try Receiver(unix: path)
        #expect(!stream.flush(to: sink).isFull)
        #expect(sink.fault == 0)
        #expect(records(receiver.receiveAll()).count == 1)
    }

    @Test func `a reader that was started anew gets the record that the old one missed`() throws {
        let sink = try journal()
        let stream = Sample.stream()
        var all: [String] = []
        for _ in 0..<3 {
            let receiver = try Receiver(unix: path)
            stream.block()
            #expect(!stream.flush(to: sink).isFull)
            all += records(receiver.receiveAll())
            receiver.stop()
        }
        stream.block()
        #expect(stream.flush(to: sink).code == ECONNREFUSED)
        unlink(path)
        #expect(stream.flush(to: sink).code == ENOENT)
        let receiver = try Receiver(unix: path)
        #expect(!stream.flush(to: sink).isFull)
        all += records(receiver.receiveAll())
        #expect(all.count == 4)
        #expect(chainFault(all) == nil)
    }

    @Test func `a reader that rests is waited for, record by record`() throws {
        let receiver = try Receiver(unix: path)
        let sink = try journal()
        let stream = Sample.stream()
        var all: [String] = []
        for _ in 0..<3000 { stream.block() }
        var attempts = 0
        while true {
            let result = stream.flush(to: sink)
            #expect(result.isFull == (stream.pendingCount > 0))
            if !result.isFull { break }
            #expect(result.code == EAGAIN && result.isMomentary)
            #expect(stream.settledPosition < stream.position)
            all += records(receiver.receiveAll())
            attempts += 1
        }
        all += records(receiver.receiveAll())
        #expect(attempts > 1)
        #expect(all.count == 3000)
        #expect(chainFault(all) == nil)
    }

    @Test func `what a resting reader does not take can be dropped and is counted`() throws {
        let receiver = try Receiver(unix: path)
        let sink = try journal()
        let stream = Sample.stream()
        for _ in 0..<3000 { stream.block() }
        #expect(stream.flush(to: sink).isFull)
        let dropped = stream.dropPending()
        #expect(dropped > 0 && stream.pendingCount == 0)
        var all = records(receiver.receiveAll())
        #expect(all.count == 3000 - dropped)
        stream.block()
        #expect(!stream.flush(to: sink).isFull)
        all += records(receiver.receiveAll())
        #expect(chainFault(all) == nil)
        #expect(json(all.last ?? "")?["methodgate.dropped_total"] as? Int == dropped)
        #expect(stream.counts.dropped == UInt64(dropped))
    }

    @Test func `a record that no datagram holds goes to the journal as a sealed file`() throws {
        let receiver = try Receiver(unix: path)
        let sink = try journal()
        let stream = Sample.stream()
        stream.block()
        var request = Sample.request
        request.path = view("/long")
        // Longer than a socket's buffer can be.
        let readings = (0..<64).map { "/\($0)" + String(repeating: "\u{1}", count: 500) }
        for _ in 0..<4 { stream.append(Sample.block(request), readings: readings) }
        stream.block()
        let lines = stream.waitingLines
        #expect(lines[1].utf8.count > 190_000)
        var entry = 0
        var received: [String] = []
        while stream.flush(to: sink).isFull, entry < 100 {
            received += records(receiver.receiveAll())
            entry += 1
        }
        received += records(receiver.receiveAll())
        let isSame = received == lines
        #expect(isSame)
    }

    @Test func `workers share a socket without tearing`() throws {
        let receiver = try Receiver(unix: path)
        let sink = try journal()
        let all = Lock<(entries: [[UInt8]], isDone: Bool)>(([], false))
        let reader = Thread {
            while true {
                let isLast = all.withLock { $0.isDone }
                let more = receiver.receiveAll()
                all.withLock { $0.entries += more }
                if isLast && more.isEmpty { return }
                usleep(100)
            }
        }
        reader.start()
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            let stream = AuditStream(
                id: StreamID(start: Sample.start, worker: worker), observer: Sample.observer,
                redactQuery: true)
            for _ in 0..<50 {
                for _ in 0..<5 { stream.block() }
                while stream.flush(to: sink).isFull { usleep(50) }
            }
        }
        all.withLock { $0.isDone = true }
        while !reader.isFinished { usleep(1000) }
        let lines = records(all.withLock { $0.entries })
        #expect(lines.count == 1000)
        for worker in 0..<4 {
            #expect(chainFault(lines.filter { $0.contains("cdef/\(worker)\"") }) == nil)
        }
    }

    // MARK: syslog

    private func syslog() throws -> AuditSink {
        try AuditSink(to: .syslog(path: path, facility: 16))
    }

    private func texts(_ messages: [UInt8]) -> [String] {
        lines(messages).map { String($0[($0.range(of: "] {")?.upperBound ?? $0.endIndex)...]) }
            .map { "{" + $0 }
    }

    @Test func `a syslog daemon gets datagrams`() throws {
        let receiver = try Receiver(unix: path)
        let sink = try syslog()
        let stream = Sample.stream()
        for _ in 0..<3 { stream.block() }
        let lines = stream.waitingLines
        #expect(!stream.flush(to: sink).isFull)
        let messages = receiver.receiveAll().map { String(decoding: $0, as: UTF8.self) }
        #expect(messages.map { $0.hasPrefix("<133>1 ") } == [true, true, true])
        #expect(zip(messages, lines).allSatisfy { $0.hasSuffix("] " + $1) })
    }

    @Test func `many messages of one call are each as long as one may be`() throws {
        let receiver = try Receiver(unix: path, SOCK_STREAM)
        let sink = try syslog()
        let stream = Sample.stream()
        for _ in 0..<100 { stream.block() }
        #expect(!stream.flush(to: sink).isFull)
        #expect(!String(decoding: receiver.readStream(), as: UTF8.self).contains("cut="))
    }

    @Test func `a syslog daemon that wants a stream gets one, and no message torn`() throws {
        let receiver = try Receiver(unix: path, SOCK_STREAM)
        let sink = try syslog()
        let (one, two) = (Sample.stream(), Sample.stream())
        for _ in 0..<2000 { one.block() }
        two.block()
        var result = one.flush(to: sink)
        #expect(result.code == EAGAIN && result.written > 0)
        // Where a message went in part its line does, so that nothing else comes between.
        let isWithinMessage = one.state.queue.begunLine.count > 0
        #expect(two.flush(to: sink).code == (isWithinMessage ? EBUSY : EAGAIN))
        #expect(one.settledPosition < one.position)
        var bytes: [UInt8] = []
        while result.isFull {
            bytes += receiver.readStream(atMost: 50_000)
            result = one.flush(to: sink)
        }
        while two.flush(to: sink).isFull { bytes += receiver.readStream() }
        while true {
            let more = receiver.readStream()
            if more.isEmpty { break }
            bytes += more
        }
        let all = texts(bytes)
        #expect(all.count == 2001)
        #expect(chainFault(Array(all.prefix(2000))) == nil)
    }

    @Test func `a message whose reader went away within it is sent again whole`() throws {
        var receiver = try Receiver(unix: path, SOCK_STREAM)
        let sink = try syslog()
        let stream = Sample.stream()
        for _ in 0..<2000 { stream.block() }
        #expect(stream.flush(to: sink).code == EAGAIN)
        var bytes = receiver.readStream(atMost: 1 << 24)
        receiver.stop()
        let old = texts(bytes)
        let settled = stream.settledPosition
        #expect(stream.flush(to: sink).code == ECONNREFUSED)
        #expect(stream.settledPosition <= settled)
        receiver = try Receiver(unix: path, SOCK_STREAM)
        bytes = []
        while stream.flush(to: sink).isFull { bytes += receiver.readStream() }
        bytes += receiver.readStream(atMost: 1 << 24)
        let new = texts(bytes)
        #expect(json(new.last ?? "")?["event.sequence"] as? Int == 2000)
        #expect(old.count + new.count == 2000)
        #expect(chainFault(old + new) == nil)
    }

    @Test func `who leaves a stream within a message leaves others alone`() throws {
        let receiver = try Receiver(unix: path, SOCK_STREAM)
        let sink = try syslog()
        let (one, two) = (Sample.stream(), Sample.stream())
        for _ in 0..<2000 { one.block() }
        #expect(one.flush(to: sink).isFull)
        sink.leaveLine(of: ObjectIdentifier(one))
        two.block()
        _ = receiver.readStream(atMost: 1 << 24)
        #expect(two.flush(to: sink).code != EBUSY)
    }

    @Test func `UDP on this machine notices that nobody listens`() throws {
        let probe = try Receiver(udp: 0)
        let port = probe.port
        probe.stop()
        let sink = try AuditSink(to: .syslogUDP(host: "127.0.0.1", port: port, facility: 16))
        let stream = Sample.stream()
        for _ in 0..<3 { stream.block() }
        for _ in 0..<3 {
            #expect(stream.flush(to: sink) == SinkResult(written: 0, code: ECONNREFUSED))
        }
        let receiver = try Receiver(udp: port)
        #expect(!stream.flush(to: sink).isFull)
        #expect(receiver.receiveAll().count == 3)
        receiver.stop()
        // The first one is lost with its reader, as UDP has it; no other one is.
        for _ in 0..<3 { stream.block() }
        _ = stream.flush(to: sink)
        for _ in 0..<3 { stream.block() }
        #expect(stream.flush(to: sink).code == ECONNREFUSED)
        let again = try Receiver(udp: port)
        #expect(!stream.flush(to: sink).isFull)
        #expect(again.receiveAll().count == 5)
    }

    @Test func `a UDP message has a limit and says what is cut`() throws {
        let receiver = try Receiver(udp: 0)
        let sink = try AuditSink(
            to: .syslogUDP(host: "127.0.0.1", port: receiver.port, facility: 16))
        let stream = Sample.stream()
        stream.append(
            Sample.block(),
            readings: (0..<60).map { "/\($0)" + String(repeating: "a", count: 400) })
        #expect(!stream.flush(to: sink).isFull)
        let message = try #require(receiver.receive())
        #expect(message.count <= 8192 && message.count > 8000)
        #expect(String(decoding: message, as: UTF8.self).contains(" cut=\""))
    }

    @Test func `a path that no socket address holds is full and no crash`() throws {
        let sink = try AuditSink(to: .journald(path: "/" + String(repeating: "x", count: 200)))
        let stream = Sample.stream()
        stream.block()
        #expect(stream.flush(to: sink).code == ENAMETOOLONG)
    }

    @Test func `nothing is opened again by a signal`() throws {
        #expect(try journal().reopen() == .unchanged)
        #expect(try journal().reopenIfMoved() == .unchanged)
    }

    // MARK: Files

    @Test func `who leaves a file within a line leaves others a line of their own`() throws {
        #expect(mkfifo(scratch.file("fifo"), 0o600) == 0)
        let reader = open(scratch.file("fifo"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let sink = try AuditSink(to: .file(path: scratch.file("fifo")))
        let long = String(repeating: "a", count: 99_999) + "\n"
        let (one, two) = (Scratch.Owner(), Scratch.Owner())
        let result = sink.write(view(long), owner: ObjectIdentifier(one))
        #expect(result.code == EAGAIN)
        #expect(sink.fault == EAGAIN)
        #expect(sink.write(view("b\n"), owner: ObjectIdentifier(two)).code == EBUSY)
        sink.leaveLine(of: ObjectIdentifier(two))
        #expect(sink.write(view("b\n"), owner: ObjectIdentifier(two)).code == EBUSY)
        sink.leaveLine(of: ObjectIdentifier(one))
        var chunk = [UInt8](repeating: 0, count: 200_000)
        #expect(read(reader, &chunk, chunk.count) == result.written)
        #expect(sink.write(view("b\n"), owner: ObjectIdentifier(two)).written == 2)
        #expect(read(reader, &chunk, chunk.count) == 3)
        #expect(Array(chunk.prefix(3)) == [0x0a, 0x62, 0x0a])
    }
}
