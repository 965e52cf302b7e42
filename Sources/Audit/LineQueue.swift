// Lines between their encoding and the kernel. A line whose beginning is written stays whole
// until its end is written too: then it can be written again where its beginning was truncated
// away, and everything behind it can be dropped without corrupting it.

import HTTPSyntax

/// Encoded lines that wait, in order. For one thread.
struct LineQueue: ~Copyable {
    /// Whole lines; the first one may be written in part.
    var lines = ByteBuffer()
    /// How much of `lines` the kernel has.
    private var written = 0

    /// Storage beyond this is given back once everything is written.
    private static let kept = 256 << 10

    init() {}

    /// Bytes that wait.
    var count: Int { lines.count - written }

    var unwritten: ByteView { lines.view.dropFirst(written) }

    /// Takes note that the kernel took `count` bytes more; then `compact` forgets what it can.
    mutating func advance(_ count: Int) { written += count }

    /// The last one of the lines that are completely written; empty where there is none.
    var lastWrittenLine: ByteView {
        let end = endOfWrittenLines
        guard end > 0 else { return .empty }
        var start = end - 1
        let view = lines.view
        while start > 0, view[start - 1] != 0x0a { start -= 1 }
        return view.slice(start, end - 1 - start)
    }

    /// Forgets the lines that are completely written.
    mutating func compact() {
        let end = endOfWrittenLines
        lines.consume(end)
        written -= end
        if lines.isEmpty, lines.capacity > Self.kept { lines.release() }
    }

    private var endOfWrittenLines: Int {
        if written == lines.count { return written }
        var end = written
        let view = lines.view
        while end > 0, view[end - 1] != 0x0a { end -= 1 }
        return end
    }

    /// The line in the middle of which the kernel stopped, without its end; empty where it
    /// stopped between lines. After `compact` it is the first one.
    var begunLine: ByteView {
        guard written > 0 else { return .empty }
        return lines.view.slice(0, lines.view.firstIndex(of: 0x0a) ?? lines.count)
    }

    /// Has the begun line written from its beginning.
    mutating func restartLine() { written = 0 }

    /// Lines that wait, one that is written in part among them.
    var waitingLines: UInt64 { UInt64(unwritten.lineCount) }

    /// Drops the lines that have not been begun and returns how many they were.
    mutating func dropUnbegun() -> Int {
        let begun = begunLine.count
        let end = begun == 0 ? 0 : begun + 1
        let dropped = lines.view.dropFirst(end).lineCount
        lines.truncate(to: end)
        return dropped
    }
}

extension ByteView {
    var lineCount: Int {
        var lines = 0
        for index in 0..<count where self[index] == 0x0a { lines += 1 }
        return lines
    }
}

extension LineQueue {
    /// Writes what waits, as far as the sink takes it.
    mutating func write(to sink: AuditSink, owner: ObjectIdentifier) -> SinkResult {
        guard count > 0 else { return SinkResult(written: 0, code: 0) }
        var result = sink.write(unwritten, owner: owner)
        if result.mustRestartLine {
            restartLine()
            result = sink.write(unwritten, owner: owner)
        }
        advance(result.written)
        return result
    }
}
