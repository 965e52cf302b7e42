// What holds for every record of the block log that is about a request.

import Foundation
import TestSupport

enum RecordRules {
    private static let texts = [
        "@timestamp", "ecs.version", "event.kind", "event.action", "event.id",
        "observer.product", "observer.version", "observer.hostname", "source.ip",
        "methodgate.stream", "methodgate.policy_sha256",
    ]
    private static let numbers = [
        "event.sequence", "source.port", "methodgate.dropped_total",
    ]

    /// `answered`: the client was sent something (`blocked_status: close` sends nothing).
    static func problems(with record: LogRecord, answered: Bool) -> [String] {
        var found: [String] = []
        for key in texts where (record[key] ?? "").isEmpty { found.append("no \(key)") }
        for key in numbers where record.integer(key) == nil { found.append("no \(key)") }
        for key in ["event.category", "event.type"] where record.values[key] == nil {
            found.append("no \(key)")
        }
        for (key, value) in record.values where value is [String: Any] {
            found.append("\(key) is not flat")
        }
        if !OwnAnswer.isEventID(record["event.id"] ?? "") { found.append("event.id is no UUIDv7") }
        let time = record["@timestamp"] ?? ""
        if time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) == nil {
            found.append("@timestamp is \(time)")
        }
        if record["methodgate.policy_sha256"]?.count != 64 { found.append("policy_sha256") }
        // A record of what shadow let through is written before its answer is there.
        let isForwarded = record["event.action"] == "would-block"
        if answered && !isForwarded && record.integer("http.response.status_code") == nil {
            found.append("no http.response.status_code")
        }
        if record["event.action"] != "malformed-request" {
            for key in ["rule.id", "rule.name", "methodgate.rule_ref", "methodgate.mode"]
            where record[key] == nil {
                found.append("no \(key)")
            }
            let isTunnel = record["event.action"]?.hasPrefix("tunnel-") == true
            if !isTunnel, record.list("methodgate.allowed") == nil {
                found.append("no methodgate.allowed")
            }
        }
        return found.map { "\($0) in record \(Escapes.escape(record.line))" }
    }
}
