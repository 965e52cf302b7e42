// The parts of a line that only block records have.

import HTTPSyntax
import Policy

extension RecordEncoder {
    /// Appends a whole line and returns its length.
    mutating func append(
        _ record: borrowing BlockRecord, readings: [String], rules: [RuleFacts],
        policyDigest: ByteView,
        sealedBy chain: inout HashChain, to lines: inout ByteBuffer
    ) -> UInt64 {
        let start = lines.count
        begin(at: record.time, in: &lines)
        chain.appendNumber(to: &lines)
        append(record, policyDigest: policyDigest, to: &lines)
        if readings.count > 1 { lines.append(readings: readings) }
        if rules.count > 1 { lines.append(rules: rules) }
        chain.seal(from: start, observer: observer.view, in: &lines)
        return UInt64(lines.count - start)
    }

    /// All between the number and who writes.
    private mutating func append(
        _ record: borrowing BlockRecord, policyDigest: ByteView, to line: inout ByteBuffer
    ) {
        line.append(",\"event.id\":\"")
        record.eventID.append(to: &line)
        line.append(record.action.event)
        if !record.reason.isEmpty {
            line.append(",\"event.reason\":", text: record.reason, limit: TextLimit.userAgent)
        }
        append(record.request, to: &line)
        if !record.requestedMethod.isEmpty {
            line.append(
                ",\"methodgate.requested_method\":", text: record.requestedMethod,
                limit: TextLimit.other)
        }
        if !record.overrideSource.isEmpty {
            line.append(
                ",\"methodgate.override_source\":", text: record.overrideSource,
                limit: TextLimit.other)
        }
        if let facts = record.facts {
            append(facts, to: &line)
            // What a rule allows has nothing to do with what is refused under any.
            if record.action != .malformedRequest {
                line.append(",\"methodgate.allowed\":")
                line.append(record.allowedJSON.isEmpty ? facts.allowJSON : record.allowedJSON)
                line.append((record.mode ?? facts.mode).member)
            }
        }
        append(
            policyDigest: record.policyDigest.isEmpty ? policyDigest : record.policyDigest,
            to: &line)
        if !record.hint.isEmpty {
            line.append(",\"methodgate.hint\":", text: record.hint, limit: TextLimit.userAgent)
        }
        if let redirect = record.redirect { append(redirect, to: &line) }
        append(status: record.status, reachedBackend: record.reachedBackend, to: &line)
    }

    private mutating func append(_ redirect: RedirectFacts, to line: inout ByteBuffer) {
        line.append(
            ",\"methodgate.redirect.method\":", text: redirect.method, limit: TextLimit.other)
        line.append(",\"methodgate.redirect.path\":", text: redirect.path, limit: TextLimit.url)
        line.append(",\"methodgate.redirect.status_code\":")
        line.append(number: UInt64(redirect.status))
        line.append(",\"methodgate.redirect.timestamp\":\"")
        append(redirect.time, to: &line)
        line.append(byte: 0x22)
    }
}

extension BlockAction {
    /// The end of `event.id`, and the kind, category, type and action of the event. The values
    /// are those that ECS allows for the categories.
    fileprivate var event: StaticString {
        switch self {
        case .methodBlocked:
            """
            ","event.kind":"event","event.category":["web","network"]\
            ,"event.type":["access","denied"],"event.action":"method-blocked"
            """
        case .wouldBlock:
            """
            ","event.kind":"event","event.category":["web","network"]\
            ,"event.type":["access","allowed"],"event.action":"would-block"
            """
        case .overrideBlocked:
            """
            ","event.kind":"event","event.category":["web","network"]\
            ,"event.type":["access","denied"],"event.action":"override-blocked"
            """
        case .preflightBlocked:
            """
            ","event.kind":"event","event.category":["web","network"]\
            ,"event.type":["access","denied"],"event.action":"preflight-blocked"
            """
        case .ambiguousPath:
            """
            ","event.kind":"event","event.category":["web","network"]\
            ,"event.type":["access","denied"],"event.action":"ambiguous-path"
            """
        case .malformedRequest:
            """
            ","event.kind":"event","event.category":["web","network"]\
            ,"event.type":["access","denied"],"event.action":"malformed-request"
            """
        }
    }
}

extension Mode {
    var member: StaticString {
        switch self {
        case .enforce: ",\"methodgate.mode\":\"enforce\""
        case .shadow: ",\"methodgate.mode\":\"shadow\""
        }
    }
}

extension ByteBuffer {
    /// The readings of an ambiguous path. Allocates.
    mutating func append(readings: [String]) {
        append(",\"methodgate.readings\":[")
        for (index, reading) in readings.prefix(TextLimit.readings).enumerated() {
            if index > 0 { append(byte: 0x2c) }
            reading.withView { appendJSON($0, limit: TextLimit.userAgent) }
        }
        append(byte: 0x5d)
    }

    /// The ids of the rules that were asked.
    mutating func append(rules: [RuleFacts]) {
        append(",\"methodgate.rule_ids\":[")
        for (index, rule) in rules.prefix(TextLimit.rules).enumerated() {
            if index > 0 { append(byte: 0x2c) }
            append(rule.idJSON)
        }
        append(byte: 0x5d)
    }
}
