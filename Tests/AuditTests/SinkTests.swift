import Foundation
import HTTPSyntax
import Testing

@testable import Audit

/// Serialized, since one test lowers the limit on the size of files.
@Suite(.serialized) final class SinkTests {
    let scratch: Scratch
    /// Objects that stand for workers.
    let first = Scratch.Owner()
    let second = Scratch.Owner()

    init() throws {
        _ = ignoredSignals
        scratch = try Scratch()
    }

    private func sink(_ name: String) throws -> AuditSink {
        try AuditSink(to: .file(path: scratch.file(name)))
    }

    private func write(
        _ text: String, to sink: AuditSink, by owner: Scratch.Owner? = nil
    ) -> SinkResult {
        sink.write(view(text), owner: ObjectIdentifier(owner ?? first))
    }

    private func contents(_ name: String) -> String {
        String(decoding: scratch.contents(name), as: UTF8.self)
    }

    // MARK: Regular files

    @Test func `a file is made for its owner and group and appended to`() throws {
        let mask = umask(0)
        defer { umask(mask) }
        let sink = try sink("log")
        #expect(write("a\n", to: sink) == SinkResult(written: 2, code: 0))
        #expect(write("b\n", to: try self.sink("log")).written == 2)
        #expect(write("c\n", to: sink).written == 2)
        #expect(contents("log") == "a\nb\nc\n")
        var status = stat()
        #expect(stat(scratch.file("log"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o640)
    }

    @Test func `a line that an earlier process left unfinished stays a line of its own`() throws {
        #expect(
            FileManager.default.createFile(
                atPath: scratch.file("log"), contents: Data("a\nbro".utf8)))
        let sink = try sink("log")
        #expect(contents("log") == "a\nbro")
        #expect(write("c\n", to: sink) == SinkResult(written: 2, code: 0))
        #expect(write("d\n", to: sink).written == 2)
        #expect(contents("log") == "a\nbro\nc\nd\n")
    }

    @Test func `a file that is renamed is left for a new one at its path`() throws {
        let sink = try sink("log")
        _ = write("a\n", to: sink)
        #expect(sink.reopenIfMoved() == .unchanged)
        #expect(rename(scratch.file("log"), scratch.file("log.1")) == 0)
        _ = write("b\n", to: sink)
        #expect(sink.reopenIfMoved() == .reopened)
        #expect(sink.generation == 1)
        #expect(sink.reopenIfMoved() == .unchanged)
        _ = write("c\n", to: sink)
        #expect(contents("log.1") == "a\nb\n")
        #expect(contents("log") == "c\n")
    }

    @Test func `a file that is deleted or replaced is opened again`() throws {
        let sink = try sink("log")
        #expect(unlink(scratch.file("log")) == 0)
        #expect(sink.reopenIfMoved() == .reopened)
        _ = write("a\n", to: sink)
        #expect(contents("log") == "a\n")
        #expect(FileManager.default.createFile(atPath: scratch.file("new"), contents: nil))
        #expect(rename(scratch.file("new"), scratch.file("log")) == 0)
        #expect(sink.reopenIfMoved() == .reopened)
        _ = write("b\n", to: sink)
        #expect(contents("log") == "b\n")
    }

    @Test func `SIGUSR1 opens the path again though the file is the same`() throws {
        let sink = try sink("log")
        #expect(sink.reopen() == .reopened)
        _ = write("a\n", to: sink)
        #expect(contents("log") == "a\n")
    }

    @Test func `a path that does not open keeps the old file`() throws {
        let sink = try sink("log")
        #expect(rename(scratch.file("log"), scratch.file("log.1")) == 0)
        #expect(mkdir(scratch.file("log"), 0o700) == 0)
        #expect(
            sink.reopen() == .failed(SinkError(path: scratch.file("log"), code: EISDIR)))
        #expect(sink.reopenIfMoved() != .reopened)
        #expect(sink.generation == 0)
        #expect(!write("a\n", to: sink).isFull)
        #expect(contents("log.1") == "a\n")
    }

    @Test func `truncation in place leaves neither a hole nor half a line`() throws {
        let sink = try sink("log")
        _ = write("aaaa\n", to: sink)
        #expect(truncate(scratch.file("log"), 0) == 0)
        #expect(sink.reopenIfMoved() == .unchanged)
        _ = write("b\n", to: sink)
        #expect(contents("log") == "b\n")
    }

    // MARK: Deleted files

    @Test func `what follows a deletion goes to a new file at once`() throws {
        let sink = try sink("log")
        _ = write("a\n", to: sink)
        #expect(unlink(scratch.file("log")) == 0)
        #expect(write("b\n", to: sink) == SinkResult(written: 2, code: 0))
        #expect(contents("log") == "b\n")
        #expect(sink.generation == 1)
        #expect(sink.reopenIfMoved() == .unchanged)
        // Of a renamed one as well, once it has gone.
        #expect(rename(scratch.file("log"), scratch.file("log.1")) == 0)
        _ = write("c\n", to: sink)
        #expect(contents("log.1") == "b\nc\n")
        #expect(unlink(scratch.file("log.1")) == 0)
        _ = write("d\n", to: sink)
        #expect(contents("log") == "d\n")
    }

    @Test(arguments: [false, true])
    func `a FIFO that nobody reads in a deleted file's place is full`(_ looks: Bool) throws {
        let sink = try sink("log")
        _ = write("a\n", to: sink)
        #expect(unlink(scratch.file("log")) == 0)
        #expect(mkfifo(scratch.file("log"), 0o600) == 0)
        if looks { #expect(sink.reopenIfMoved() == .unchanged) }
        for _ in 0..<2 {
            #expect(write("b\n", to: sink) == SinkResult(written: 0, code: ENXIO))
        }
        #expect(sink.fault == ENXIO)
        #expect(sink.generation == 0)
        let reader = open(scratch.file("log"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        #expect(write("b\n", to: sink) == SinkResult(written: 2, code: 0))
        #expect(sink.fault == 0)
        #expect(sink.generation == 1)
    }

    @Test(arguments: [false, true])
    func `where nothing opens in a deleted file's place the log is full`(_ looks: Bool) throws {
        let sink = try sink("log")
        _ = write("a\n", to: sink)
        #expect(unlink(scratch.file("log")) == 0)
        #expect(mkdir(scratch.file("log"), 0o700) == 0)
        var error = SinkError(path: scratch.file("log"), code: EISDIR)
        error.leavesNothing = true
        if looks { #expect(sink.reopenIfMoved() == .failed(error)) }
        for _ in 0..<2 {
            #expect(write("b\n", to: sink) == SinkResult(written: 0, code: EISDIR))
        }
        #expect(sink.fault == EISDIR)
        #expect(sink.reopenIfMoved() == .failed(error))
        #expect(rmdir(scratch.file("log")) == 0)
        #expect(write("b\n", to: sink) == SinkResult(written: 2, code: 0))
        #expect(contents("log") == "b\n")
        #expect(sink.generation == 1)
    }

    @Test func `a file without a name that a link leads to is written to`() throws {
        let number = open(scratch.file("out"), O_RDWR | O_CREAT, 0o600)
        defer { close(number) }
        #expect(unlink(scratch.file("out")) == 0)
        let sinks = [
            try AuditSink(to: .file(path: "/proc/self/fd/\(number)")),
            AuditSink(.standardOutput, try SinkFile.inherited(number, name: "standard output")),
        ]
        for sink in sinks {
            for _ in 0..<2 { #expect(!write("a\n", to: sink).isFull) }
            #expect(sink.generation == 0)
        }
        var space = [UInt8](repeating: 0, count: 100)
        #expect(pread(number, &space, 100, 0) == 8)
    }

    // MARK: A full disk

    @Test func `a full device says so and takes nothing`() throws {
        let sink = try AuditSink(to: .file(path: "/dev/full"))
        let result = write("a\n", to: sink)
        #expect(result == SinkResult(written: 0, code: ENOSPC))
        #expect(result.isFull)
        #expect(result.reason == "No space left on device")
        #expect(sink.reopenIfMoved() == .unchanged)
    }

    /// Lets files grow to `room` bytes beyond what `name` is made to hold.
    private func limit(_ name: String, room: UInt64, _ body: (() -> Void) throws -> Void) throws {
        let size: UInt64 = 256 << 20
        #expect(truncate(scratch.file(name), Int(size)) == 0)
        var old = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old) == 0)
        var new = old
        new.rlim_cur = rlim_t(size + room)
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &new) == 0)
        let restore = { _ = setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old) }
        defer { restore() }
        try body(restore)
    }

    private func tail(_ name: String, from offset: UInt64 = 256 << 20) throws -> [UInt8] {
        let handle = try #require(FileHandle(forReadingAtPath: scratch.file(name)))
        try handle.seek(toOffset: offset)
        return Array(try handle.readToEnd() ?? Data())
    }

    @Test func `a line cut off by a full disk is continued when there is room`() throws {
        let sink = try sink("log")
        let (one, two) = (Sample.stream(), Sample.stream())
        for _ in 0..<3 { one.block() }
        two.block()
        let waiting = one.pendingCount
        let line = try #require(one.waitingLines.first?.utf8.count)
        try limit("log", room: 1500) { makeRoom in
            let result = one.flush(to: sink)
            #expect(result == SinkResult(written: 1500, code: EFBIG))
            #expect(one.settledPosition == 1500)
            #expect(one.flush(to: sink) == SinkResult(written: 0, code: EFBIG))
            #expect(two.flush(to: sink) == SinkResult(written: 0, code: EBUSY))
            // A rotation has to wait for the end of the line.
            #expect(rename(scratch.file("log"), scratch.file("log.1")) == 0)
            #expect(sink.reopenIfMoved() == .deferred)
            makeRoom()
        }
        #expect(two.flush(to: sink).code == EBUSY)
        #expect(!one.flush(to: sink).isFull)
        #expect(sink.generation == 1)
        #expect(!two.flush(to: sink).isFull)
        let old = try tail("log.1")
        #expect(old.count == waiting)
        #expect(chainFault(lines(old)) == nil)
        #expect(line < 1500)
        #expect(chainFault(lines(scratch.contents("log"))) == nil)
    }

    @Test func `the rest of a cut line is kept when what follows is dropped`() throws {
        let sink = try sink("log")
        let stream = Sample.stream()
        for _ in 0..<4 { stream.block() }
        let line = (try #require(stream.waitingLines.first)).utf8.count + 1
        try limit("log", room: UInt64(line) + 10) { makeRoom in
            #expect(stream.flush(to: sink).isFull)
            #expect(stream.dropPending() == 2)
            #expect(stream.position == UInt64(2 * line))
            #expect(stream.flush(to: sink) == SinkResult(written: 0, code: EFBIG))
            makeRoom()
        }
        stream.block()
        #expect(!stream.flush(to: sink).isFull)
        let lines = lines(try tail("log"))
        #expect(chainFault(lines) == nil)
        #expect(lines.compactMap { json($0)?["event.sequence"] as? Int } == [1, 2, 5, 6])
    }

    @Test func `the chain goes on from the last whole line when the disk filled behind it`() throws
    {
        let sink = try sink("log")
        let (one, two) = (Sample.stream(), Sample.stream())
        for _ in 0..<4 { one.block() }
        let line = (try #require(one.waitingLines.first)).utf8.count + 1
        try limit("log", room: UInt64(2 * line)) { makeRoom in
            #expect(one.flush(to: sink) == SinkResult(written: 2 * line, code: EFBIG))
            #expect(one.dropPending() == 2)
            #expect(one.pendingCount == 0)
            makeRoom()
        }
        two.block()
        #expect(!two.flush(to: sink).isFull)
        one.block()
        #expect(!one.flush(to: sink).isFull)
        var lines = lines(try tail("log"))
        lines.remove(at: 2)
        #expect(chainFault(lines) == nil)
        #expect(lines.compactMap { json($0)?["event.sequence"] as? Int } == [1, 2, 5, 6])
    }

    @Test func `a cut line whose beginning is truncated away is written again`() throws {
        let sink = try sink("log")
        let (one, two) = (Sample.stream(), Sample.stream())
        for _ in 0..<2 { one.block() }
        two.block()
        try limit("log", room: 10) { _ in
            #expect(one.flush(to: sink).written == 10)
            #expect(truncate(scratch.file("log"), 0) == 0)
            #expect(two.flush(to: sink).code == EBUSY)
            #expect(!one.flush(to: sink).isFull)
            #expect(!two.flush(to: sink).isFull)
        }
        let lines = lines(scratch.contents("log"))
        #expect(lines.count == 3)
        #expect(chainFault(Array(lines.prefix(2))) == nil)
        #expect(one.settledPosition == one.position)
    }

    @Test(arguments: [false, true])
    func `a cut line whose file is deleted is written again to a new one`(_ looks: Bool) throws {
        let sink = try sink("log")
        let (one, two) = (Sample.stream(), Sample.stream())
        for _ in 0..<2 { one.block() }
        two.block()
        try limit("log", room: 10) { _ in
            #expect(one.flush(to: sink) == SinkResult(written: 10, code: EFBIG))
            #expect(two.flush(to: sink).code == EBUSY)
            #expect(unlink(scratch.file("log")) == 0)
            if looks { #expect(sink.reopenIfMoved() == .reopened) }
            #expect(!two.flush(to: sink).isFull)
            #expect(!one.flush(to: sink).isFull)
        }
        let lines = lines(scratch.contents("log"))
        #expect(lines.count == 3)
        #expect(chainFault(Array(lines.dropFirst())) == nil)
        #expect(one.settledPosition == one.position)
        #expect(sink.generation == 1)
    }

    @Test func `everybody whose cut line is deleted writes it again`() throws {
        let sink = try sink("log")
        let (one, two) = (Sample.stream(), Sample.stream())
        for stream in [one, two] {
            for _ in 0..<2 { stream.block() }
            try limit("log", room: 10) { _ in
                #expect(stream.flush(to: sink) == SinkResult(written: 10, code: EFBIG))
                #expect(unlink(scratch.file("log")) == 0)
                #expect(sink.reopen() == .reopened)
            }
        }
        for stream in [one, two] { #expect(!stream.flush(to: sink).isFull) }
        let lines = lines(scratch.contents("log"))
        #expect(lines.count == 4)
        #expect(chainFault(Array(lines.prefix(2))) == nil)
        #expect(chainFault(Array(lines.suffix(2))) == nil)
    }

    // MARK: FIFOs and inherited descriptors

    @Test func `a FIFO without a reader is full and opens when one comes`() throws {
        #expect(mkfifo(scratch.file("fifo"), 0o600) == 0)
        let sink = try sink("fifo")
        #expect(write("a\n", to: sink) == SinkResult(written: 0, code: ENXIO))
        let reader = open(scratch.file("fifo"), O_RDONLY | O_NONBLOCK)
        #expect(write("b\n", to: sink) == SinkResult(written: 2, code: 0))
        #expect(sink.generation == 0)
        close(reader)
        #expect(write("c\n", to: sink) == SinkResult(written: 0, code: EPIPE))
        #expect(sink.reopen() == .unchanged)
        let again = open(scratch.file("fifo"), O_RDONLY | O_NONBLOCK)
        #expect(write("d\n", to: sink) == SinkResult(written: 2, code: 0))
        close(again)
    }

    @Test func `a full FIFO stops within a line and lets nobody else in`() throws {
        #expect(mkfifo(scratch.file("fifo"), 0o600) == 0)
        let reader = open(scratch.file("fifo"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let sink = try sink("fifo")
        let long = String(repeating: "a", count: 99_999) + "\n"
        let result = write(long, to: sink)
        #expect(result.code == EAGAIN && result.written > 0 && result.written < 100_000)
        #expect(write("b\n", to: sink, by: second) == SinkResult(written: 0, code: EBUSY))
        #expect(sink.reopen() == .deferred)
        var chunk = [UInt8](repeating: 0, count: 200_000)
        #expect(read(reader, &chunk, chunk.count) == result.written)
        let rest = sink.write(
            view(long).dropFirst(result.written), owner: ObjectIdentifier(first))
        #expect(rest == SinkResult(written: 100_000 - result.written, code: 0))
        #expect(write("b\n", to: sink, by: second).written == 2)
        #expect(read(reader, &chunk, chunk.count) == rest.written + 2)
    }

    @Test func `who was stopped between lines holds nobody up`() throws {
        #expect(mkfifo(scratch.file("fifo"), 0o600) == 0)
        let reader = open(scratch.file("fifo"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let sink = try sink("fifo")
        let page = String(repeating: "a", count: 4095) + "\n"
        let result = write(String(repeating: page, count: 30), to: sink)
        #expect(result.code == EAGAIN && result.written % 4096 == 0)
        #expect(write("b\n", to: sink, by: second).code == EAGAIN)
    }

    @Test func `an inherited pipe keeps its flags and is not waited for`() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer {
            for end in ends { close(end) }
        }
        let sink = AuditSink(
            .standardOutput, try SinkFile.inherited(ends[1], name: "standard output"))
        #expect(write("a\n", to: sink).written == 2)
        #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
        #expect(write(String(repeating: "a", count: 200_000), to: sink).code == EAGAIN)
        #expect(sink.reopen() == .unchanged)
        #expect(sink.reopenIfMoved() == .unchanged)
    }

    @Test func `an inherited socket keeps its flags and is not waited for`() throws {
        var ends: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let sink = AuditSink(
            .standardOutput, try SinkFile.inherited(ends[1], name: "standard output"))
        #expect(write("a\n", to: sink).written == 2)
        #expect(write(String(repeating: "a", count: 2_000_000), to: sink).code == EAGAIN)
        #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
        for end in ends { close(end) }
        #expect(write("a\n", to: sink).isFull)
    }

    @Test func `an inherited file is appended to`() throws {
        let number = open(scratch.file("out"), O_WRONLY | O_CREAT, 0o600)
        defer { close(number) }
        let sink = AuditSink(
            .standardOutput, try SinkFile.inherited(number, name: "standard output"))
        _ = write("aaaa\n", to: sink)
        #expect(truncate(scratch.file("out"), 0) == 0)
        _ = write("b\n", to: sink)
        #expect(contents("out") == "b\n")
    }

    @Test func `what cannot be opened says where and why`() throws {
        let missing = scratch.file("no/such/log")
        let error = #expect(throws: SinkError.self) { try AuditSink(to: .file(path: missing)) }
        #expect(
            "\(try #require(error))" == "cannot open the log \(missing): No such file or directory")
        #expect(throws: SinkError(path: scratch.path, code: EISDIR)) {
            try AuditSink(to: .file(path: self.scratch.path))
        }
        let closed = #expect(throws: SinkError.self) {
            _ = try SinkFile.inherited(9999, name: "standard output")
        }
        #expect(
            "\(try #require(closed))" == "cannot open the log standard output: Bad file descriptor")
    }

    @Test func `a socket at the path is refused by name`() throws {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = scratch.file("s")
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
        }
        #expect(bound == 0)
        let error = #expect(throws: SinkError.self) { try AuditSink(to: .file(path: path)) }
        #expect("\(try #require(error))" == "cannot open the log \(path): it is a socket")
    }

    // MARK: A write that hangs

    /// A sink with a worker in the middle of a write that takes long: the kernel mixes a lot of
    /// bytes into its randomness. The body runs meanwhile; then the write comes to its end.
    private func duringWrite(_ body: (AuditSink) -> Void) throws -> AuditSink {
        let sink = try AuditSink(to: .file(path: "/dev/urandom"))
        let size = 1 << 28
        let zeros = try #require(calloc(size, 1)?.assumingMemoryBound(to: UInt8.self))
        let base = UInt(bitPattern: zeros)
        let owner = ObjectIdentifier(first)
        let writer = Thread {
            guard let bytes = UnsafePointer<UInt8>(bitPattern: base) else { return }
            _ = sink.write(ByteView(base: bytes, count: size), owner: owner)
        }
        writer.start()
        while !writer.isFinished, sink.reopenIfMoved() != .deferred { usleep(100) }
        body(sink)
        #expect(!writer.isFinished)
        while !writer.isFinished { usleep(1000) }
        sink.leaveLine(of: owner)
        free(zeros)
        return sink
    }

    @Test func `nobody who looks after a log waits for a worker that writes`() throws {
        let sink = try duringWrite { sink in
            #expect(sink.reopenIfMoved() == .deferred)
        }
        #expect(sink.reopenIfMoved() == .unchanged)
        #expect(sink.generation == 0)
    }

    @Test func `what is asked for during a write happens at its end`() throws {
        let sink = try duringWrite { sink in
            #expect(sink.reopen() == .deferred)
            #expect(sink.reopenIfMoved() == .deferred)
            #expect(sink.generation == 0)
        }
        #expect(write("\n", to: sink) == SinkResult(written: 1, code: 0))
        #expect(sink.generation == 1)
    }

    // MARK: Rotation as the stream sees it

    @Test func `a stream says once that its log was reopened`() throws {
        let sink = try sink("log")
        let stream = Sample.stream()
        stream.block()
        stream.noteReopening(of: sink, at: Sample.time)
        stream.flush(to: sink)
        #expect(rename(scratch.file("log"), scratch.file("log.1")) == 0)
        #expect(sink.reopenIfMoved() == .reopened)
        for _ in 0..<2 { stream.noteReopening(of: sink, at: Sample.time) }
        stream.block()
        stream.flush(to: sink)
        let all = lines(scratch.contents("log.1")) + lines(scratch.contents("log"))
        #expect(
            all.compactMap { json($0)?["event.action"] as? String }
                == ["method-blocked", "log-reopened", "method-blocked"])
        #expect(chainFault(all) == nil)
    }

    @Test func `a stream that moves to another log tells of that one's changes alone`() throws {
        let (old, new) = (try sink("old"), try sink("new"))
        let stream = Sample.stream()
        #expect(old.reopen() == .reopened)
        stream.noteReopening(of: old, at: Sample.time)
        stream.flush(to: old)
        stream.adopt(redactQuery: false, otherSink: new)
        stream.noteReopening(of: new, at: Sample.time)
        #expect(stream.pendingCount == 0)
        #expect(new.reopen() == .reopened)
        stream.noteReopening(of: new, at: Sample.time)
        stream.flush(to: new)
        #expect(lines(scratch.contents("new")).count == 1)
    }

    @Test func `threads that share a sink never tear a line`() throws {
        let sink = try sink("log")
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            let stream = AuditStream(
                id: StreamID(start: Sample.start, worker: worker), observer: Sample.observer,
                redactQuery: true)
            for _ in 0..<50 {
                for _ in 0..<5 { stream.block() }
                stream.flush(to: sink)
                if worker == 0 { _ = sink.reopen() }
            }
        }
        let all = lines(scratch.contents("log"))
        #expect(all.count == 1000)
        for worker in 0..<4 {
            #expect(chainFault(all.filter { $0.contains("cdef/\(worker)\"") }) == nil)
        }
    }
}

extension Scratch {
    final class Owner {}
}
