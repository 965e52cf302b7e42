// Records as they are kept: by themselves in a file, as a field of what `journalctl -o json`
// prints, or behind what a syslog daemon puts before a message.

package import HTTPSyntax

/// What a line holds.
package enum LineContent {
    /// A record, or what was meant to be one: its bytes, as they were written.
    case record(ByteView)
    /// An entry of the journal that somebody else wrote.
    case foreign
    /// An entry of the journal whose record journalctl left out because of its length.
    case leftOut
}

/// Finds the records in lines. For one thread.
package struct RecordFinder: ~Copyable {
    private var entry = RecordReader()
    private var record = ByteBuffer()

    package init() {}

    /// What a line without its newline holds; valid until the next call, and as long as the line.
    package mutating func find(in line: ByteView) -> LineContent {
        if line.count > 0, line[0] == 0x7b {
            return line.hasPrefix(Self.start) ? .record(line) : findEntry(in: line)
        }
        var offset = 0
        while let brace = line.firstIndex(of: 0x7b, from: offset) {
            let rest = line.dropFirst(brace)
            if rest.hasPrefix(Self.start) { return .record(rest) }
            offset = brace + 1
        }
        return .record(line)
    }

    /// How every record begins.
    static let start: StaticString = "{\"@timestamp\":\""

    private mutating func findEntry(in line: ByteView) -> LineContent {
        guard (try? entry.read(line)) != nil else { return .record(line) }
        guard let value = entry[JournalField.record] else {
            return entry["__REALTIME_TIMESTAMP"] == nil ? .record(line) : .foreign
        }
        guard value.kind == .text else { return .leftOut }
        record.removeAll()
        record.append(decoding: value.raw)
        return .record(record.view)
    }
}

extension ByteView {
    func hasPrefix(_ prefix: StaticString) -> Bool { hasPrefix(ByteView(prefix)) }

    func hasPrefix(_ prefix: ByteView) -> Bool {
        count >= prefix.count && slice(0, prefix.count).equals(prefix)
    }
}
