// One run of a case: the client's part is played, the backend's script lies ready, and
// everything seen is kept to be judged.

import Foundation
import TestSupport

/// What was seen while a case ran.
struct Observation {
    /// The client spoke HTTP/2.
    var isHTTP2 = false
    var replies: [WireMessage] = []
    var requests: [WireMessage] = []
    var records: [LogRecord] = []
    var problems: [String] = []
}

struct CaseRun {
    let theCase: Case
    let gate: CaseGate
    let isByteByByte: Bool
    var seen = Observation()

    /// A request without Host: the gate itself answers 400 and writes a record, in any
    /// configuration. It ends each case, so that what the case wrote is all there.
    private static let sentinel = "GET /sentinel HTTP/1.1\r\n\r\n"

    init(_ theCase: Case, on gate: CaseGate, byteByByte: Bool) {
        self.theCase = theCase
        self.gate = gate
        isByteByByte = byteByByte
    }

    /// Plays the case.
    static func play(_ theCase: Case, on gate: CaseGate, byteByByte: Bool) throws -> Observation {
        var run = CaseRun(theCase, on: gate, byteByByte: byteByByte)
        try run.play()
        return run.seen
    }

    private mutating func play() throws {
        gate.backend.begin(theCase.exchanges, byteByByte: isByteByByte)
        let mark = gate.gate.log.lines.count
        let client = try gate.connect()
        defer { client.close() }
        for step in theCase.steps {
            switch step {
            case .send(let bytes, let halfClose):
                send(bytes, with: client)
                if halfClose { client.halfClose() }
            case .expect(let expectation):
                guard try receive(expectation, with: client) else { break }
            case .receive(let bytes):
                let came = try client.readRaw(bytes.count)
                if came != bytes {
                    seen.problems.append("through the tunnel: \(Escapes.escape(came))")
                }
            }
        }
        try readRecords(after: mark, until: try end(client))
        seen.requests = gate.backend.requests
        seen.problems += gate.backend.problems
        checkUnfinished()
    }

    /// A gate that has refused a request may have closed; what it answered is still there.
    private func send(_ bytes: Bytes, with client: RawClient) {
        do {
            if isByteByByte {
                try client.sendByteByByte(bytes)
            } else {
                try client.send(bytes)
            }
        } catch {}
    }

    /// - Returns: false when there is no use in going on.
    private mutating func receive(
        _ expectation: ReplyExpectation, with client: RawClient
    ) throws -> Bool {
        guard expectation.status != nil else {
            let rest = try client.readToEnd()
            if !rest.isEmpty { seen.problems.append("an answer: \(Escapes.escape(rest))") }
            return true
        }
        do {
            seen.replies.append(try client.readAnswer(to: expectation.method))
            return true
        } catch {
            seen.problems.append("no answer \(seen.replies.count + 1): \(error)")
            return false
        }
    }

    /// Sees whether the connection is open, and sends the sentinel.
    ///
    /// - Returns: the event id of the sentinel's record.
    private mutating func end(_ client: RawClient) throws -> String {
        switch theCase.end {
        case .any:
            client.close()
        case .open:
            do {
                try client.send(Self.sentinel)
                let answer = try client.readAnswer()
                if answer.status == 400, let id = answer.value("Methodgate-Event") { return id }
                seen.problems.append("one answer too many: \(answer.startLine)")
            } catch {
                seen.problems.append("the connection is not open: \(error)")
            }
        case .closed:
            do {
                let rest = try client.readToEnd()
                if !rest.isEmpty { seen.problems.append("more came: \(Escapes.escape(rest))") }
                if client.wasReset { seen.problems.append("reset instead of closed") }
            } catch {
                seen.problems.append("the connection is not closed: \(error)")
            }
            client.close()
        }
        return try sentinel()
    }

    /// Sends the sentinel on a connection of its own; the event id of its record.
    func sentinel() throws -> String {
        let last = try gate.connect()
        defer { last.close() }
        try last.send(gate.greeting + Self.sentinel)
        let answer = try last.readFinalAnswer()
        guard answer.status == 400, let id = answer.value("Methodgate-Event") else {
            throw CaseError(description: "the sentinel got \(answer)")
        }
        return id
    }

    mutating func readRecords(after mark: Int, until sentinel: String) throws {
        var records: [LogRecord] = []
        let isThere = try eventually(within: 2) {
            records = try BlockLog(lines: gate.gate.log.lines.dropFirst(mark)).records()
            // The end of a tunnel may be noted after it.
            let count = records.count { $0.isAboutRequest }
            return records.contains { $0["event.id"] == sentinel }
                && count > theCase.records?.count ?? 0
        }
        if !isThere { seen.problems.append("the record of \(sentinel) or another is missing") }
        seen.records = records.filter { $0.isAboutRequest && $0["event.id"] != sentinel }
    }

    mutating func checkUnfinished() {
        gate.backend.settle()
        let isClosed = eventually(within: 2) {
            gate.backend.unfinished.allSatisfy { $0.hasEnded }
        }
        if !isClosed { seen.problems.append("an upstream connection is left in mid-request") }
        if theCase.upstream != .unfinished, let first = gate.backend.unfinished.first {
            seen.problems.append("part of a request upstream: \(Escapes.escape(first.bytes))")
        }
    }
}
