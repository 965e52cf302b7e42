// An entry of the journal (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): fields by which
// journalctl finds it, a sentence for people, and the record as it stands in a file.

import Digest
import HTTPSyntax

extension ByteBuffer {
    /// Appends the entry of a line.
    mutating func append(
        journalEntry record: borrowing RecordReader, line: ByteView,
        actions: inout ActionIdentifiers
    ) {
        var sentence = ByteBuffer()
        sentence.append(sentenceOf: record)
        append(field: "MESSAGE", sentence.isEmpty ? line : sentence.view)
        append("PRIORITY=")
        append(number: UInt64(Severity(of: record).rawValue))
        append("\nSYSLOG_IDENTIFIER=methodgate\n")
        if let action = record.text("event.action") {
            append("MESSAGE_ID=")
            actions.append(action, to: &self)
            append(byte: 0x0a)
        }
        if let method = record.method { append(field: "HTTP_METHOD", decoding: method) }
        if let client = record.client { append(field: "CLIENT_IP", decoding: client) }
        for (name, key) in JournalField.all {
            guard let value = record[key] else { continue }
            append(field: name, decoding: value.raw)
        }
        append(field: JournalField.record, line)
    }

    private mutating func append(field name: StaticString, decoding raw: ByteView) {
        if raw.firstIndex(of: 0x5c) == nil {
            append(field: name, raw)
        } else {
            var value = ByteBuffer()
            value.append(decoding: raw)
            append(field: name, value.view)
        }
    }

    /// `NAME=value`, or where the value has newlines its length in eight bytes, least first.
    private mutating func append(field name: StaticString, _ value: ByteView) {
        append(name)
        if value.firstIndex(of: 0x0a) == nil {
            append(byte: 0x3d)
        } else {
            append(byte: 0x0a)
            for shift in 0..<8 { append(byte: UInt8(value.count >> (shift * 8) & 0xff)) }
        }
        append(value)
        append(byte: 0x0a)
    }
}

/// The fields of an entry that have the value of one key.
enum JournalField {
    /// The whole line.
    static let record: StaticString = "METHODGATE_RECORD"

    static let all: [(name: StaticString, key: StaticString)] = [
        ("EVENT_ACTION", "event.action"), ("EVENT_ID", "event.id"),
        ("EVENT_SEQUENCE", "event.sequence"), ("HTTP_STATUS", "http.response.status_code"),
        ("HTTP_REQUEST_ID", "http.request.id"), ("TRACE_ID", "trace.id"),
        ("URL_DOMAIN", "url.domain"), ("URL_PATH", "url.path"), ("SOURCE_IP", "source.ip"),
        ("RULE_ID", "rule.id"), ("RULE_NAME", "rule.name"), ("RULE_REF", "methodgate.rule_ref"),
        ("METHODGATE_MODE", "methodgate.mode"), ("METHODGATE_STREAM", "methodgate.stream"),
        ("METHODGATE_POLICY_SHA256", "methodgate.policy_sha256"),
    ]
}

/// The MESSAGE_ID of each action: a UUID of version 8 (RFC 9562 §5.8) made of the action's name,
/// so that it is the same in every version of the program. For one thread at a time.
struct ActionIdentifiers {
    private var known: [(action: [UInt8], id: [UInt8])] = []
    private static let limit = 64

    /// Appends 32 hexadecimal digits.
    mutating func append(_ action: ByteView, to buffer: inout ByteBuffer) {
        for entry in known {
            let isIt = entry.action.withView { $0.equals(action) }
            if isIt { return entry.id.withView { buffer.append($0) } }
        }
        let id = Self.make(action)
        if known.count < Self.limit { known.append((action.bytes, id)) }
        id.withView { buffer.append($0) }
    }

    private static func make(_ action: ByteView) -> [UInt8] {
        var name = ByteBuffer()
        name.append("methodgate event.action ")
        name.append(action)
        var digest = SHA256.digest(of: name.view).bytes
        digest[6] = digest[6] & 0x0f | 0x80
        digest[8] = digest[8] & 0x3f | 0x80
        var text = ByteBuffer()
        digest.withView { text.append(hex: $0.slice(0, 16)) }
        return text.view.bytes
    }
}
