// Common Event Format 0: a header of seven fields between bars, then key=value pairs. In the
// header `|` and `\` are escaped, in a value `=` and `\`; neither holds a line end here.

import HTTPSyntax

extension ByteBuffer {
    /// Appends a record as `CEF:0|methodgate|methodgate|0.1.0|method-blocked|…`.
    mutating func append(
        cef record: borrowing RecordReader, _ action: ByteView, _ time: Timestamp
    ) {
        append("CEF:0|methodgate|methodgate|")
        append(cef: record.text("observer.version") ?? ByteView("-"), escaping: 0x7c)
        append(byte: 0x7c)
        append(cef: action, escaping: 0x7c)
        append(byte: 0x7c)
        append(cefName: action)
        append(byte: 0x7c)
        append(number: Self.cefSeverity(record))
        append("|rt=")
        append(number: UInt64(time.microseconds / 1000))
        if record["event.id"] != nil {
            append(record.isDenied ? " act=blocked" : " act=allowed")
        }
        append(cefAddressOf: record)
        append(cefPairsOf: record)
    }

    /// `Method blocked` for `method-blocked`.
    private mutating func append(cefName action: ByteView) {
        var name = ByteBuffer()
        name.append(cef: action, escaping: 0x7c)
        let text = name.mutableView
        for index in 0..<text.count where text[index] == 0x2d { text[index] = 0x20 }
        if text.count > 0, text[0] &- 0x61 < 26 { text[0] &-= 0x20 }
        append(name.view)
    }

    /// 0 to 10.
    private static func cefSeverity(_ record: borrowing RecordReader) -> UInt64 {
        if record.isAction("records-dropped") { return 8 }
        if record.isAction("ambiguous-path") || record.isAction("override-blocked") { return 7 }
        if record.isAction("would-block") { return 3 }
        return record.isDenied ? 5 : 1
    }

    /// `src` holds IPv4 alone in this version.
    private mutating func append(cefAddressOf record: borrowing RecordReader) {
        guard let client = record.client else { return }
        if client.firstIndex(of: 0x3a) == nil {
            append(pair: "src", client)
        } else {
            append(pair: "c6a2", client)
            append(" c6a2Label=Source IPv6 Address")
        }
        if record["client.ip"] == nil, let port = record.number("source.port") {
            append(" spt=")
            append(number: port)
        }
    }

    private mutating func append(cefPairsOf record: borrowing RecordReader) {
        if let method = record.method { append(pair: "requestMethod", method) }
        for (name, key, label) in CEFPair.all {
            guard let value = record[key], value.kind == .text || value.kind == .number else {
                continue
            }
            append(byte: 0x20)
            append(name)
            append(byte: 0x3d)
            append(cef: value.raw, escaping: 0x3d)
            append(label)
        }
        if let allowed = record["methodgate.allowed"] {
            append(" cs4=")
            var isFirst = true
            allowed.visit { method in
                if !isFirst { append(byte: 0x2c) }
                isFirst = false
                append(cef: method.raw, escaping: 0x3d)
            }
            append(" cs4Label=allowedMethods")
        }
    }

    private mutating func append(pair name: StaticString, _ value: ByteView) {
        append(byte: 0x20)
        append(name)
        append(byte: 0x3d)
        append(cef: value, escaping: 0x3d)
    }

    /// Appends a text of a record with a backslash before each backslash and `special` byte.
    private mutating func append(cef raw: ByteView, escaping special: UInt8) {
        var shown = ByteBuffer()
        shown.append(showing: raw)
        for index in 0..<shown.count {
            let byte = shown.view[index]
            if byte == special || byte == 0x5c { append(byte: 0x5c) }
            append(byte: byte)
        }
    }
}

/// The pairs that have the value of one key, and the label that a custom one wants.
private enum CEFPair {
    static let all: [(name: StaticString, key: StaticString, label: StaticString)] = [
        ("externalId", "event.id", ""), ("request", "url.original", ""),
        ("dhost", "url.domain", ""), ("requestClientApplication", "user_agent.original", ""),
        ("reason", "event.reason", ""), ("dvchost", "observer.hostname", ""),
        ("filePath", "file.path", ""), ("cs1", "rule.id", " cs1Label=ruleId"),
        ("cs2", "rule.name", " cs2Label=rulePattern"),
        ("cs3", "methodgate.rule_ref", " cs3Label=ruleReference"),
        ("cs5", "methodgate.policy_sha256", " cs5Label=policySHA256"),
        ("cs6", "methodgate.stream", " cs6Label=stream"),
        ("cn1", "http.response.status_code", " cn1Label=httpStatus"),
        ("cn2", "event.sequence", " cn2Label=sequence"),
        ("cn3", "methodgate.dropped", " cn3Label=recordsDropped"),
        // The dictionary has nothing for these: keys of the gate's own.
        ("methodgateTLSVersion", "tls.version", ""), ("methodgateTLSCipher", "tls.cipher", ""),
        ("methodgateServerName", "tls.client.server_name", ""),
        ("methodgateClientSubject", "tls.client.subject", ""),
    ]
}
