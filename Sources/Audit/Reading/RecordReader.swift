// A line of a log, taken apart again, for the sinks that want fields and for the commands that
// read logs. It takes what this module writes and what journalctl makes of it: one object whose
// values are text, numbers, booleans, null, or lists of those. What has two readings is refused.

package import HTTPSyntax

/// Why a line is no record.
package enum RecordFault: Error, Equatable, Sendable {
    /// It ends within a record: who wrote it was stopped there.
    case unfinished
    /// It is none, from this byte on.
    case malformed(at: Int)
}

/// One value of a record; valid as long as the line's bytes are.
package struct RecordValue {
    package enum Kind: UInt8, Sendable {
        case text
        case number
        case boolean
        case null
        case list
    }

    package let kind: Kind
    /// As it stands in the line; of a text what is between the quotes.
    package let raw: ByteView

    /// A whole number that is not negative.
    package var number: UInt64? {
        guard kind == .number, raw.count <= 19 else { return nil }
        var value: UInt64 = 0
        for index in 0..<raw.count {
            guard ASCII.isDigit(raw[index]) else { return nil }
            value = value * 10 + UInt64(raw[index] - 0x30)
        }
        return value
    }
}

/// The members of one record at a time. For one thread.
package struct RecordReader: ~Copyable {
    private struct Member {
        let key: ByteView
        let value: RecordValue
    }

    private var members: [Member] = []
    /// A bit for each key there is, so that a new one is seldom compared with all others.
    private var keys: UInt64 = 0

    /// Members of one object; more are refused.
    private static let limit = 512

    package init() { members.reserveCapacity(64) }

    /// Takes a line apart, without its newline. Its bytes must stay while the values are used.
    package mutating func read(_ line: ByteView) throws(RecordFault) {
        members.removeAll(keepingCapacity: true)
        keys = 0
        do throws(RecordFault) {
            try readObject(line)
        } catch {
            members.removeAll(keepingCapacity: true)
            throw error
        }
    }

    private mutating func readObject(_ line: ByteView) throws(RecordFault) {
        var cursor = JSONCursor(line)
        try cursor.take(0x7b)
        if !cursor.skip(0x7d) {
            repeat {
                let start = cursor.index
                let key = try cursor.text()
                try cursor.take(0x3a)
                guard isNew(key), members.count < Self.limit else {
                    throw .malformed(at: start)
                }
                members.append(Member(key: key, value: try cursor.value()))
            } while cursor.skip(0x2c)
            try cursor.take(0x7d)
        }
        try cursor.end()
    }

    private mutating func isNew(_ key: ByteView) -> Bool {
        guard key.count > 0 else { return false }
        let hash = Int(key[key.count - 1]) &* 7 &+ Int(key[key.count / 2]) &* 3 &+ key.count
        let bit: UInt64 = 1 << UInt64(hash & 63)
        defer { keys |= bit }
        return keys & bit == 0 || !members.contains { $0.key.equals(key) }
    }

    /// The value of a key, as the key stands in the line.
    package subscript(key: StaticString) -> RecordValue? { self[ByteView(key)] }

    package subscript(key: ByteView) -> RecordValue? {
        for member in members where member.key.equals(key) { return member.value }
        return nil
    }

    /// A text that is there and not empty, escapes and all.
    package func text(_ key: StaticString) -> ByteView? {
        guard let value = self[key], value.kind == .text, !value.raw.isEmpty else { return nil }
        return value.raw
    }

    package func number(_ key: StaticString) -> UInt64? { self[key]?.number }
}

/// The method as it was sent, and who sent it: what several fields tell together.
extension RecordReader {
    package var method: ByteView? {
        text("http.request.method_original") ?? text("http.request.method")
    }

    /// The client where trusted proxies stand between, else the peer.
    package var client: ByteView? { text("client.ip") ?? text("source.ip") }
}
