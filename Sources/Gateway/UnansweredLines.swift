import Audit
import HTTPSyntax

// Requests whose client was gone before their block record was written have a line in the access
// log like any other, and it comes behind that record like any other.

/// Access lines about answers that nobody gets, behind the block records that they name.
struct UnansweredLines: ~Copyable {
    private var lines = ByteBuffer()
    /// In the order of the lines: where the record ends that they wait for, and their length.
    private var parts: [(recordEnd: UInt64, length: Int)] = []

    var isEmpty: Bool { parts.isEmpty }

    /// Takes in lines about answers that waited for the records up to that position.
    mutating func append(_ waiting: ByteView, behind recordEnd: UInt64) {
        let start = lines.count
        lines.append(unanswered: waiting)
        parts.append((recordEnd, lines.count - start))
    }

    /// Gives the lines to the log whose records are in the block log, or never will be: they were
    /// dropped, and end beyond `position`.
    mutating func move(to log: AccessLog, settled: UInt64, position: UInt64) {
        let isDue = { (end: UInt64) in end <= settled || end > position }
        let count = parts.firstIndex { !isDue($0.recordEnd) } ?? parts.count
        let length = parts.prefix(count).reduce(0) { $0 + $1.length }
        guard count > 0 else { return }
        log.append(lines: lines.view.slice(0, length))
        lines.consume(length)
        parts.removeFirst(count)
        if parts.isEmpty { lines.release() }
    }
}

extension WriteAhead {
    /// Gives those lines to the access log that wait for no record any more.
    mutating func takeUnanswered() {
        unanswered.move(to: access, settled: stream.settledPosition, position: stream.position)
    }
}
