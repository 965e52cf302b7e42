// What is wrong with a run: against the case's own demands, and against what holds for every
// answer, every forwarded request and every record.

import Foundation
import TestSupport

enum Judge {
    /// - Parameter authority: the host and port of the backend.
    static func problems(
        with seen: Observation, in theCase: Case, authority: Address
    ) -> [String] {
        var theCase = theCase
        for index in theCase.exchanges.indices {
            let text = String(latin1: theCase.exchanges[index].expected)
                .replacing("{authority}", with: "\(authority)")
            theCase.exchanges[index].expected = text.unicodeScalars.map { UInt8($0.value) }
        }
        return problems(with: seen, in: theCase)
    }

    private static func problems(with seen: Observation, in theCase: Case) -> [String] {
        seen.problems + replyProblems(seen, theCase) + upstreamProblems(seen, theCase)
            + recordProblems(seen, theCase)
    }

    /// What differs between two runs of a case, apart from times and ids.
    static func differences(
        _ whole: Observation, _ byteByByte: Observation, in theCase: Case
    ) -> [String] {
        // Where either end will do, so will either word on it.
        let ignored = theCase.end == .any ? ["date", "connection"] : ["date"]
        let first = whole.replies.map { withoutIdentity($0, ignored) }
        let second = byteByByte.replies.map { withoutIdentity($0, ignored) }
        var found: [String] = []
        if first != second { found.append("replies differ: \(first) and \(second)") }
        let requests = [whole, byteByByte].map { seen in
            seen.requests.map { [$0.startLine, "\($0.fields)", $0.text, "\($0.trailers)"] }
        }
        if requests[0] != requests[1] { found.append("requests differ: \(requests)") }
        let actions = [whole, byteByByte].map { $0.records.map { $0["event.action"] } }
        if actions[0] != actions[1] { found.append("records differ: \(actions)") }
        return found
    }

    private static func withoutIdentity(_ answer: WireMessage, _ ignored: [String]) -> [String] {
        let id = answer.value("Methodgate-Event") ?? "no event"
        let fields = answer.fields.filter { !ignored.contains($0.name.lowercased()) }
            .map(\.description)
        return ([answer.startLine] + fields + [answer.text] + answer.trailers.map(\.description))
            .map { $0.replacing(id, with: "EVENT") }
    }

    // MARK: - Answers

    private static func replyProblems(_ seen: Observation, _ theCase: Case) -> [String] {
        let expected = theCase.steps.compactMap { step -> ReplyExpectation? in
            if case .expect(let expectation) = step, expectation.status != nil {
                return expectation
            }
            return nil
        }
        var found: [String] = []
        for (number, (expectation, answer)) in zip(expected, seen.replies).enumerated() {
            var problems = expectation.problems(in: answer, isHTTP2: seen.isHTTP2)
            if answer.status >= 200 && answer.values("Date").count != 1 {
                problems.append("not exactly one Date")
            }
            if answer.value("Methodgate-Event") != nil {
                problems += OwnAnswer.problems(with: answer, to: expectation.method)
            } else if [400, 405].contains(answer.status), !isFromBackend(answer, theCase),
                !expectation.expectations.demandAbsence(of: "Methodgate-Event")
            {
                problems.append("no Methodgate-Event")
            }
            found += problems.map { "reply \(number + 1): \($0)" }
        }
        return found
    }

    private static func isFromBackend(_ answer: WireMessage, _ theCase: Case) -> Bool {
        theCase.exchanges.contains { exchange in
            String(latin1: exchange.reply).contains(" \(answer.status) ")
        }
    }

    // MARK: - Requests upstream

    /// The fields that the gate writes into every request.
    private static let written = [
        "via", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
    ]

    private static func upstreamProblems(_ seen: Observation, _ theCase: Case) -> [String] {
        guard seen.requests.count == theCase.exchanges.count else {
            let got = seen.requests.map(\.startLine)
            return ["\(got.count) requests upstream, not \(theCase.exchanges.count): \(got)"]
        }
        var found: [String] = []
        for (number, (exchange, request)) in zip(theCase.exchanges, seen.requests).enumerated() {
            found += upstreamProblems(request, exchange.expected, isHTTP2: seen.isHTTP2)
                .map { "request \(number + 1) upstream: \($0)" }
        }
        return found
    }

    private static func upstreamProblems(
        _ request: WireMessage, _ bytes: Bytes, isHTTP2: Bool
    ) -> [String] {
        guard let outcome = try? StrictReader.request(bytes), case .message(var expected) = outcome
        else { return ["the case's own bytes are no request"] }
        var request = request
        if isHTTP2 {
            request = lowered(request)
            expected = lowered(expected)
        }
        var found: [String] = []
        if request.startLine != expected.startLine {
            found.append("\(request.startLine), not \(expected.startLine)")
        }
        let named = Set(expected.fields.map { $0.name.lowercased() })
        let compared = request.fields.filter { field in
            let name = field.name.lowercased()
            return named.contains(name) || !written.contains(name)
        }
        let (got, wanted) = (sorted(compared), sorted(expected.fields))
        if got != wanted { found.append("fields \(got), not \(wanted)") }
        if request.content != expected.content {
            found.append("content \(request.text), not \(expected.text)")
        }
        if request.trailers != expected.trailers {
            found.append("trailers \(request.trailers), not \(expected.trailers)")
        }
        return found + forwardingProblems(request, except: named, isHTTP2: isHTTP2)
    }

    /// As it is where the client spoke HTTP/2: names in lower case, and `Via` says so.
    private static func lowered(_ message: WireMessage) -> WireMessage {
        func lowered(_ fields: [WireField]) -> [WireField] {
            fields.map { field in
                let name = field.name.lowercased()
                let value =
                    name == "via"
                    ? field.value.replacing("1.1 methodgate", with: "2.0 methodgate") : field.value
                return WireField(name: name, value: value)
            }
        }
        var message = message
        message.fields = lowered(message.fields)
        message.trailers = lowered(message.trailers)
        return message
    }

    /// By name; the order of lines with the same name stays. A coding's name has no case.
    private static func sorted(_ fields: [WireField]) -> [WireField] {
        fields.enumerated().sorted {
            ($0.element.name.lowercased(), $0.offset) < ($1.element.name.lowercased(), $1.offset)
        }.map { _, field in
            field.name.lowercased() == "transfer-encoding"
                ? WireField(name: field.name, value: field.value.lowercased()) : field
        }
    }

    /// What the gate writes of an ordinary client; fields that the case lists are compared there.
    private static func forwardingProblems(
        _ request: WireMessage, except named: Set<String>, isHTTP2: Bool
    ) -> [String] {
        let parts = [
            "Via": [isHTTP2 ? "2.0" : "1.", " methodgate"], "X-Forwarded-For": ["127.0.0.1"],
            "X-Forwarded-Proto": ["http"], "Forwarded": ["for=", "127.0.0.1", "proto=http"],
        ]
        return parts.sorted { $0.key < $1.key }.compactMap { name, parts in
            let values = request.values(name)
            let isExact = parts.count > 1 || values.first == parts[0]
            let isRight =
                values.count == 1 && isExact && parts.allSatisfy { values[0].contains($0) }
            return isRight || named.contains(name.lowercased()) ? nil : "\(name) is \(values)"
        }
    }

    // MARK: - Records

    private static func recordProblems(_ seen: Observation, _ theCase: Case) -> [String] {
        var found: [String] = []
        for (number, record) in seen.records.enumerated() {
            // A case may say that one of its requests got no answer.
            let expected = theCase.records.flatMap {
                $0.indices.contains(number) ? $0[number] : nil
            }
            let isSilent = expected?.demandAbsence(of: "http.response.status_code") ?? false
            found += RecordRules.problems(
                with: record, answered: !seen.replies.isEmpty && !isSilent)
        }
        for answer in seen.replies {
            guard let id = answer.value("Methodgate-Event") else { continue }
            let matching = seen.records.filter { $0["event.id"] == id }
            if matching.count != 1 {
                found.append("\(matching.count) records for event \(id) of \(answer.startLine)")
            } else if matching[0].integer("http.response.status_code") != answer.status {
                found.append("the record's status is not \(answer.status)")
            }
        }
        guard let expected = theCase.records else {
            let ids = Set(seen.replies.compactMap { $0.value("Methodgate-Event") })
            for record in seen.records where !ids.contains(record["event.id"] ?? "") {
                found.append("a record of something else: \(Escapes.escape(record.line))")
            }
            return found
        }
        if expected.count != seen.records.count {
            found.append("\(seen.records.count) records, not \(expected.count)")
        }
        for (number, (expectation, record)) in zip(expected, seen.records).enumerated() {
            let version = record.values["http.version"].map(JSONText.of)
            if seen.isHTTP2, let version, version != "\"2\"" {
                found.append("record \(number + 1): http.version is \(version)")
            }
            let isAsked = { (key: String) in !seen.isHTTP2 || key != "http.version" }
            found += expectation.problems(where: isAsked) { record.values[$0].map(JSONText.of) }
                .map { "record \(number + 1): \($0)" }
        }
        return found
    }
}
