// A message of RFC 5424: the main fields as structured data, the record itself as the text.

import HTTPSyntax

/// What all messages of a sink have in common.
struct SyslogOrigin {
    /// 0 to 23 (RFC 5424 §6.2.1).
    let facility: UInt8
    let processID: Int32
}

extension ByteBuffer {
    /// Appends the message of a line, of which not more than `limit` bytes: then the structured
    /// data says `cut`, how many bytes of the record are not there, and so does the text.
    mutating func append(
        syslog record: borrowing RecordReader, line: ByteView, from origin: SyslogOrigin,
        limit: Int
    ) {
        let start = count
        append(syslogHeader: record, origin)
        append("[methodgate@32473")
        for (name, key) in SyslogParameter.all {
            guard let value = record[key] else { continue }
            append(parameter: name, value.raw)
        }
        if let method = record.method { append(parameter: "method", method) }
        if let client = record.client { append(parameter: "client", client) }
        let room = limit - (count - start) - 2
        guard line.count > room else {
            append("] ")
            append(line)
            return
        }
        // The two notes take less than 64 bytes.
        let kept = line.prefixOfWholeCharacters(Swift.max(0, Swift.min(line.count, room) - 64))
        append(" cut=\"")
        append(number: UInt64(line.count - kept))
        append("\"] ")
        append(line.slice(0, kept))
        append(cutMark: line.count - kept)
    }

    /// `<133>1 2026-11-21T03:34:52.123456Z gate-1 methodgate 4711 method-blocked ` (§6.2).
    private mutating func append(
        syslogHeader record: borrowing RecordReader, _ origin: SyslogOrigin
    ) {
        append(byte: 0x3c)
        append(number: UInt64(origin.facility) * 8 + UInt64(Severity(of: record).rawValue))
        append(">1 ")
        append(headerField: record.text("@timestamp"), limit: 32)
        append(headerField: record.text("observer.hostname"), limit: 255)
        append("methodgate ")
        append(number: UInt64(origin.processID))
        append(byte: 0x20)
        append(headerField: record.text("event.action"), limit: 32)
    }

    /// PRINTUSASCII without blanks and a blank, or `- ` for what is not there or anything else.
    private mutating func append(headerField value: ByteView?, limit: Int) {
        guard let value, value.count <= limit, value.isGraphic else { return append("- ") }
        append(value)
        append(byte: 0x20)
    }

    /// ` name="value"`, with `"`, `\` and `]` escaped (§6.3.3).
    private mutating func append(parameter name: StaticString, _ raw: ByteView) {
        append(byte: 0x20)
        append(name)
        append("=\"")
        var value = ByteBuffer()
        value.append(showing: raw, limit: TextLimit.other)
        for index in 0..<value.count {
            let byte = value.view[index]
            if byte == 0x22 || byte == 0x5c || byte == 0x5d { append(byte: 0x5c) }
            append(byte: byte)
        }
        append(byte: 0x22)
    }
}

extension ByteView {
    fileprivate var isGraphic: Bool {
        for index in 0..<count where self[index] <= 0x20 || self[index] >= 0x7f { return false }
        return count > 0
    }
}

/// The parameters that have the value of one key.
private enum SyslogParameter {
    static let all: [(name: StaticString, key: StaticString)] = [
        ("eventId", "event.id"), ("stream", "methodgate.stream"), ("sequence", "event.sequence"),
        ("ruleId", "rule.id"), ("status", "http.response.status_code"), ("path", "url.path"),
    ]
}
