// A record in one line for people who read the journal.

import HTTPSyntax

extension ByteBuffer {
    /// `method-blocked: DELETE shop.example/api/items/7 from 192.0.2.7: 405 by rule items: the
    /// rule does not list the method`. Parts that the record lacks are left out, and nothing in
    /// it breaks the line. Allocates where something has to be escaped.
    mutating func append(sentenceOf record: borrowing RecordReader) {
        guard let action = record.text("event.action") else { return }
        append(showing: action, limit: TextLimit.other)
        append(requestOf: record)
        append(outcomeOf: record)
        if let file = record.text("file.path") {
            append(": ")
            append(showing: file, limit: TextLimit.other)
        }
        if let count = record.number("methodgate.dropped") {
            append(": ")
            append(number: count)
            append(count == 1 ? " record" : " records")
        }
        if let reason = record.text("event.reason") {
            append(": ")
            append(showing: reason, limit: TextLimit.other)
        }
    }

    private mutating func append(requestOf record: borrowing RecordReader) {
        if let method = record.method {
            append(": ")
            append(showing: method, limit: TextLimit.other)
            append(byte: 0x20)
            if let domain = record.text("url.domain") {
                append(showing: domain, limit: TextLimit.other)
            }
            append(showing: record.text("url.path") ?? ByteView("-"), limit: TextLimit.userAgent)
        }
        if let client = record.client {
            append(record.method == nil ? ": request from " : " from ")
            append(showing: client, limit: TextLimit.other)
        }
    }

    private mutating func append(outcomeOf record: borrowing RecordReader) {
        let status = record.number("http.response.status_code")
        let rule = record.text("rule.id")
        if let status {
            append(": ")
            append(number: status)
        }
        if let rule {
            append(status == nil ? ": rule " : " by rule ")
            append(showing: rule, limit: TextLimit.other)
        }
    }
}
