import Audit
import HTTPSyntax

// Records on standard output: as they are for programs, in columns for people.

/// Prints the records of a log that a filter takes.
struct RecordPrinter: ~Copyable {
    private let filter: RecordFilter
    private let isJSON: Bool
    private let color: Bool
    private var finder = RecordFinder()
    private var record = RecordReader()
    private var output = ByteBuffer()

    private static let batch = 64 << 10

    init(filter: RecordFilter, isJSON: Bool, color: Bool) {
        self.filter = filter
        self.isJSON = isJSON
        self.color = color
    }

    // MARK: Files

    /// Prints what there is; true. `waits`: a last line without its end waits for it.
    mutating func show(_ reader: inout LineReader, waits: Bool) throws(ReadingError) -> Bool {
        while true {
            if output.count > Self.batch || !reader.hasWholeLine() { flush() }
            guard let line = try reader.next(keepsUnfinished: waits) else { return true }
            if take(line) { print(line.bytes) }
        }
    }

    /// Prints the last `count` records that the filter takes, and all after them. Looks at the
    /// end of the file first, and farther back only while that has too few.
    mutating func showLast(
        _ count: Int, of reader: inout LineReader, waits: Bool
    ) throws(ReadingError) {
        let size = reader.size
        var window: Int64 = 64 << 10
        while true {
            let start = Swift.max(0, size - window)
            let found = try self.count(&reader, from: start, to: size, waits: waits)
            if found >= count || start == 0 {
                try skip(found - count, in: &reader, from: start, waits: waits)
                return
            }
            window *= 4
        }
    }

    /// How many records the filter takes that begin between two places.
    private mutating func count(
        _ reader: inout LineReader, from start: Int64, to end: Int64, waits: Bool
    ) throws(ReadingError) -> Int {
        try begin(&reader, at: start)
        var found = 0
        while reader.position < end, let line = try reader.next(keepsUnfinished: waits) {
            if take(line) { found += 1 }
        }
        return found
    }

    private mutating func skip(
        _ count: Int, in reader: inout LineReader, from start: Int64, waits: Bool
    ) throws(ReadingError) {
        try begin(&reader, at: start)
        var skipped = 0
        while skipped < count, let line = try reader.next(keepsUnfinished: waits) {
            if take(line) { skipped += 1 }
        }
    }

    /// Goes to the first line that begins at or after a place.
    private func begin(_ reader: inout LineReader, at start: Int64) throws(ReadingError) {
        reader.seek(to: Swift.max(0, start - 1))
        if start > 0 { _ = try reader.next() }
    }

    // MARK: Lines

    /// Whether a line is to be shown; then `record` holds it, or nothing where it is no record.
    private mutating func take(_ line: LogLine) -> Bool {
        guard case .record(let bytes) = finder.find(in: line.bytes) else { return false }
        guard (try? record.read(bytes)) != nil else { return filter.isEmpty }
        return filter.takes(record)
    }

    private mutating func print(_ line: ByteView) {
        if isJSON {
            guard case .record(let bytes) = finder.find(in: line) else { return }
            output.append(bytes)
        } else if record.text("event.action") == nil {
            // No record: it is shown all the same, with nothing in it that a terminal obeys.
            output.append(showing: line, limit: 1024)
        } else {
            appendColumns()
        }
        output.append(byte: 0x0a)
    }

    mutating func flush() {
        Terminal.out(output.view)
        output.removeAll()
    }

    // MARK: Columns

    /// `2026-11-21 03:34:52  method-blocked  405  DELETE  192.0.2.7  items  a.example/x`.
    private mutating func appendColumns() {
        let action = record.text("event.action") ?? .empty
        if let time = record.text("@timestamp"), time.count >= 19 {
            output.append(time.slice(0, 10))
            output.append(byte: 0x20)
            output.append(time.slice(11, 8))
        }
        output.append("  ")
        appendColor()
        append(action, width: 17)
        if color { output.append("\u{1b}[0m") }
        guard record.method != nil || record.client != nil else { return appendNotice() }
        append(record["http.response.status_code"]?.raw, width: 3)
        append(record.method, width: 7)
        append(record.client, width: 15)
        append(record.text("rule.id"), width: 20)
        if let domain = record.text("url.domain") { output.append(showing: domain, limit: 256) }
        // Of what was no request its reason says more.
        let path = record.text("url.path") ?? record.text("event.reason") ?? ByteView("-")
        output.append(showing: path, limit: 512)
    }

    private mutating func appendColor() {
        guard color else { return }
        if record["event.type"]?.contains("denied") == true {
            output.append("\u{1b}[31m")
        } else if record.text("event.action")?.equals(ByteView("would-block")) == true {
            output.append("\u{1b}[33m")
        } else {
            output.append("\u{1b}[2m")
        }
    }

    private mutating func append(_ raw: ByteView?, width: Int) {
        let start = output.count
        output.append(showing: raw ?? ByteView("-"), limit: 256)
        let shown = output.view.dropFirst(start).text.count
        for _ in 0..<Swift.max(0, width - shown) { output.append(byte: 0x20) }
        output.append("  ")
    }

    /// A line about the gate itself.
    private mutating func appendNotice() {
        if let file = record.text("file.path") { output.append(showing: file, limit: 256) }
        if let dropped = record["methodgate.dropped"] {
            output.append(dropped.raw)
            output.append(" records")
        }
        if let reason = record.text("event.reason") {
            if record["methodgate.dropped"] != nil { output.append(": ") }
            output.append(showing: reason, limit: 256)
        }
    }
}
