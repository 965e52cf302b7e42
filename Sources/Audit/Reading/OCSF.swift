// OCSF 1.7.0, class HTTP Activity (4002), with the profile Security Control for the outcome.
// Texts of a record are JSON already and go over as they stand; what the class has no place for
// stands under `unmapped` with the record's own names.

import HTTPSyntax

extension ByteBuffer {
    /// Appends a record as one object.
    mutating func append(
        ocsf record: borrowing RecordReader, _ action: ByteView, _ time: Timestamp
    ) {
        let activity = Self.activity(of: record["http.request.method"]?.raw ?? .empty)
        append("{\"activity_id\":")
        append(number: activity)
        if activity == 99, let method = record.method {
            append(",\"activity_name\":", quoting: method)
        }
        append(",\"category_uid\":4,\"class_uid\":4002,\"type_uid\":")
        append(number: 400_200 + activity)
        append(",\"time\":")
        append(number: UInt64(time.microseconds / 1000))
        append(outcomeOf: record)
        append(metadataOf: record, action)
        append(requestOf: record)
        append(endpointsOf: record)
        append(tlsOf: record)
        append(ruleOf: record)
        append(unmappedOf: record)
        append(byte: 0x7d)
    }

    /// The class counts nine methods; 0 is unknown, 99 another one.
    private static func activity(of method: ByteView) -> UInt64 {
        let methods: [StaticString] = [
            "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "PATCH",
        ]
        if let index = methods.firstIndex(where: { method.equals(ByteView($0)) }) {
            return UInt64(index + 1)
        }
        return method.isEmpty ? 0 : 99
    }

    /// Denied and blocked; under a rule in shadow mode observed and logged; else allowed.
    private mutating func append(outcomeOf record: borrowing RecordReader) {
        if record.isDenied {
            append(",\"severity_id\":3,\"action_id\":2,\"disposition_id\":2,\"is_alert\":true")
        } else if record.isAction("would-block") {
            append(",\"severity_id\":2,\"action_id\":3,\"disposition_id\":17,\"is_alert\":false")
        } else {
            append(",\"severity_id\":1,\"action_id\":1,\"disposition_id\":1,\"is_alert\":false")
        }
        if let reason = record.text("event.reason") { append(",\"message\":", quoting: reason) }
        if let duration = record.number("event.duration") {
            append(",\"duration\":")
            append(number: duration / 1_000_000)
        }
    }

    private mutating func append(metadataOf record: borrowing RecordReader, _ action: ByteView) {
        append(
            """
            ,"metadata":{"version":"1.7.0","profiles":["security_control"]\
            ,"product":{"name":"methodgate","vendor_name":"methodgate"
            """)
        append(",\"version\":", of: "observer.version", record)
        append("},\"event_code\":", quoting: action)
        append(",\"uid\":", of: "event.id", record)
        append(",\"original_event_uid\":", of: "event.id", record)
        append(",\"original_time\":", of: "@timestamp", record)
        append(",\"log_name\":", of: "methodgate.stream", record)
        if let number = record.number("event.sequence") {
            append(",\"sequence\":")
            append(number: number)
        }
        append(byte: 0x7d)
    }

    private mutating func append(requestOf record: borrowing RecordReader) {
        append(",\"http_request\":{\"uid\":\"")
        append(record.text("http.request.id") ?? record.text("event.id") ?? .empty)
        append(byte: 0x22)
        if let method = record.method { append(",\"http_method\":", quoting: method) }
        append(",\"version\":", of: "http.version", record)
        append(",\"user_agent\":", of: "user_agent.original", record)
        if record["url.path"] != nil || record["url.original"] != nil {
            append(",\"url\":{\"url_string\":\"")
            append(record.text("url.original") ?? record.text("url.path") ?? .empty)
            append(byte: 0x22)
            append(",\"path\":", of: "url.path", record)
            append(",\"hostname\":", of: "url.domain", record)
            append(byte: 0x7d)
        }
        append(byte: 0x7d)
        if let status = record.number("http.response.status_code") {
            append(",\"http_response\":{\"code\":")
            append(number: status)
            append(byte: 0x7d)
        }
    }

    private mutating func append(endpointsOf record: borrowing RecordReader) {
        if let client = record.client {
            append(",\"src_endpoint\":{\"ip\":", quoting: client)
            if record["client.ip"] == nil, let port = record.number("source.port") {
                append(",\"port\":")
                append(number: port)
            } else if let peer = record.text("source.ip"), record["client.ip"] != nil {
                append(",\"intermediate_ips\":[", quoting: peer)
                append(byte: 0x5d)
            }
            append(byte: 0x7d)
        }
        let host = record.text("url.domain") ?? record.text("observer.hostname")
        append(",\"dst_endpoint\":{\"hostname\":", quoting: host ?? ByteView("-"))
        append(byte: 0x7d)
    }

    /// Whose certificate its `certificate` is the object does not say: the client's is unmapped.
    private mutating func append(tlsOf record: borrowing RecordReader) {
        guard let version = record.text("tls.version") else { return }
        append(",\"tls\":{\"version\":", quoting: version)
        append(",\"cipher\":", of: "tls.cipher", record)
        append(",\"sni\":", of: "tls.client.server_name", record)
        append(byte: 0x7d)
    }

    private mutating func append(ruleOf record: borrowing RecordReader) {
        if let id = record.text("rule.id") {
            append(",\"firewall_rule\":{\"uid\":", quoting: id)
            append(",\"name\":", of: "rule.name", record)
            append(",\"condition\":", of: "methodgate.rule_ref", record)
            append(byte: 0x7d)
        }
        if let policy = record.text("methodgate.policy_sha256") {
            append(",\"policy\":{\"uid\":", quoting: policy)
            append(byte: 0x7d)
        }
    }

    private mutating func append(unmappedOf record: borrowing RecordReader) {
        let keys: [(name: StaticString, key: StaticString)] = [
            ("\"methodgate.allowed\":", "methodgate.allowed"),
            ("\"methodgate.mode\":", "methodgate.mode"),
            ("\"methodgate.readings\":", "methodgate.readings"),
            ("\"methodgate.rule_ids\":", "methodgate.rule_ids"),
            ("\"methodgate.requested_method\":", "methodgate.requested_method"),
            ("\"methodgate.reached_backend\":", "methodgate.reached_backend"),
            ("\"methodgate.prev_hash\":", "methodgate.prev_hash"),
            ("\"tls.version_protocol\":", "tls.version_protocol"),
            ("\"tls.client.subject\":", "tls.client.subject"),
            ("\"trace.id\":", "trace.id"),
        ]
        append(",\"unmapped\":{")
        var isFirst = true
        for (name, key) in keys {
            guard let value = record[key] else { continue }
            if !isFirst { append(byte: 0x2c) }
            isFirst = false
            append(name)
            if value.kind == .text { append(byte: 0x22) }
            append(value.raw)
            if value.kind == .text { append(byte: 0x22) }
        }
        append(byte: 0x7d)
    }

    /// A key as it is written in the object, and a text that is JSON already.
    private mutating func append(_ key: StaticString, quoting raw: ByteView) {
        append(key)
        append(byte: 0x22)
        append(raw)
        append(byte: 0x22)
    }

    private mutating func append(
        _ name: StaticString, of key: StaticString, _ record: borrowing RecordReader
    ) {
        if let value = record.text(key) { append(name, quoting: value) }
    }
}
