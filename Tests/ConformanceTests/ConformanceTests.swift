// Every case file, sent in one piece and byte by byte: a client must not be able to change what
// the gate decides by where its segments end.

import TestSupport
import Testing

@Suite(.serialized, SharedGates())
struct `Conformance cases` {
    @Test(arguments: try Case.loadAll())
    func `does what the case file says, whole and byte by byte`(_ theCase: Case) throws {
        let gate = try CaseGates.shared.gate(for: theCase.configuration, over: .plain)
        let whole = try watch(theCase, gate) { try check(theCase, on: gate) }
        // A PROXY header stands in front of TLS, and so not among the bytes of a case.
        guard let whole, !CaseGate.awaitsProxyHeader(theCase.configuration) else { return }
        let other = try CaseGates.shared.gate(for: theCase.configuration, over: .tls)
        _ = try watch(theCase, other) { try compare(theCase, with: whole, on: gate, and: other) }
    }

    /// What `body` came to; a gate that did not survive it is not used again.
    private func watch<Result>(
        _ theCase: Case, _ gate: CaseGate, _ body: () throws -> Result
    ) throws -> Result? {
        var result: Result?
        do {
            result = try body()
        } catch {
            Issue.record("\(theCase.name): \(error)")
            _ = gate.gate.process.waitForExit(within: 1)
        }
        if let status = gate.gate.process.exitStatus {
            let said = gate.gate.process.standardError
            Issue.record("\(theCase.name): the gate ended with \(status): \(said)")
            CaseGates.shared.forget(theCase.configuration, over: gate.transport)
        }
        return result
    }

    /// The same bytes over TLS: the same answers, the same requests upstream, the same records.
    private func compare(
        _ theCase: Case, with plain: Observation, on first: CaseGate, and gate: CaseGate
    ) throws {
        var seen = try CaseRun.play(theCase, on: gate, byteByByte: false)
        for problem in Judge.undoTLS(
            in: &seen, like: plain, authorities: (gate.backend.address, first.backend.address))
        {
            Issue.record("\(theCase.name) (over TLS): \(problem)")
        }
        let authority = first.backend.address
        for problem in Judge.problems(with: seen, in: theCase, authority: authority) {
            Issue.record("\(theCase.name) (over TLS): \(problem)")
        }
        for difference in Judge.differences(plain, seen, in: theCase) {
            Issue.record("\(theCase.name) (over TLS): \(difference)")
        }
    }

    private func check(_ theCase: Case, on gate: CaseGate) throws -> Observation {
        let authority = gate.backend.address
        let whole = try CaseRun.play(theCase, on: gate, byteByByte: false)
        for problem in Judge.problems(with: whole, in: theCase, authority: authority) {
            Issue.record("\(theCase.name): \(problem)")
        }
        let trickled = try CaseRun.play(theCase, on: gate, byteByByte: true)
        for problem in Judge.problems(with: trickled, in: theCase, authority: authority) {
            Issue.record("\(theCase.name) (byte by byte): \(problem)")
        }
        for difference in Judge.differences(whole, trickled, in: theCase) {
            Issue.record("\(theCase.name): \(difference)")
        }
        return whole
    }
}

struct `Case files` {
    @Test func `are enough to cover the reference`() throws {
        #expect(try Case.loadAll().count >= 120)
    }

    @Test(arguments: try Case.loadAll())
    func `expect upstream only what a strict reader accepts`(_ theCase: Case) throws {
        for exchange in theCase.exchanges {
            let outcome = try StrictReader.request(exchange.expected)
            guard case .message(let message) = outcome else {
                Issue.record("\(theCase.name): an incomplete request is expected upstream")
                continue
            }
            #expect(message.length == exchange.expected.count)
        }
    }
}
