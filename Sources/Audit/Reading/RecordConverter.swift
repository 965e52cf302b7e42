// Records for those who read other formats. Each format is a function of one record; what a
// client sent is escaped by the rules of the format, and never ends a line or a value early.

package import HTTPSyntax

/// What records can be made into.
package enum RecordFormat: String, CaseIterable, Sendable {
    /// ArcSight's Common Event Format, version 0.
    case cef
    /// HTTP Activity (4002) of the Open Cybersecurity Schema Framework, as JSON.
    case ocsf
    /// A line that begins with the time and who is to be banned.
    case fail2ban
}

/// Makes lines of records. For one thread.
package struct RecordConverter: ~Copyable {
    private let format: RecordFormat
    private var record = RecordReader()

    package init(to format: RecordFormat) { self.format = format }

    /// Appends a record's line, with its newline. False where the format has nothing for it: a
    /// line about the gate itself, or for fail2ban one that bans nobody.
    package mutating func convert(
        _ line: ByteView, to output: inout ByteBuffer
    ) throws(RecordFault) -> Bool {
        try record.read(line)
        guard let action = record.text("event.action"),
            let time = record.text("@timestamp").flatMap({ Timestamp($0) })
        else { throw .malformed(at: 0) }
        let isRequest =
            record["http.version"] != nil || record.method != nil
            || record["event.id"] != nil
        switch format {
        case .cef: output.append(cef: record, action, time)
        case .ocsf:
            guard isRequest else { return false }
            output.append(ocsf: record, action, time)
        case .fail2ban:
            guard isRequest, record.isDenied, let client = record.client else { return false }
            output.append(fail2ban: record, action, client)
        }
        output.append(byte: 0x0a)
        return true
    }
}

extension RecordReader {
    /// Whether the gate kept the request from its backend.
    var isDenied: Bool { self["event.type"]?.contains("denied") ?? false }
    func isAction(_ action: StaticString) -> Bool {
        text("event.action")?.equals(ByteView(action)) ?? false
    }
}

// MARK: fail2ban

extension ByteBuffer {
    /// `2026-11-21T03:34:52.123456Z methodgate method-blocked client=192.0.2.7 status=405
    /// rule="items" method="DELETE" path="/api/items/7"`. What a client chose stands last.
    fileprivate mutating func append(
        fail2ban record: borrowing RecordReader, _ action: ByteView, _ client: ByteView
    ) {
        append(record.text("@timestamp") ?? .empty)
        append(" methodgate ")
        append(showing: action)
        append(" client=")
        append(showing: client)
        if let status = record.number("http.response.status_code") {
            append(" status=")
            append(number: status)
        }
        append(quoted: " rule", record.text("rule.id"))
        append(quoted: " method", record.method)
        append(quoted: " path", record.text("url.path"))
    }

    private mutating func append(quoted name: StaticString, _ value: ByteView?) {
        guard let value else { return }
        append(name)
        append("=\"")
        var shown = ByteBuffer()
        shown.append(showing: value, limit: TextLimit.userAgent)
        for index in 0..<shown.count {
            let byte = shown.view[index]
            if byte == 0x22 || byte == 0x5c { append(byte: 0x5c) }
            append(byte: byte)
        }
        append(byte: 0x22)
    }
}
