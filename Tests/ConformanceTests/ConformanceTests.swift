// Every case file, sent in one piece and byte by byte: a client must not be able to change what
// the gate decides by where its segments end.

import TestSupport
import Testing

@Suite(.serialized, SharedGates())
struct `Conformance cases` {
    @Test(arguments: try Case.loadAll())
    func `does what the case file says, whole and byte by byte`(_ theCase: Case) throws {
        let gate = try CaseGates.shared.gate(for: theCase.configuration)
        do {
            try check(theCase, on: gate)
        } catch {
            Issue.record("\(theCase.name): \(error)")
            _ = gate.gate.process.waitForExit(within: 1)
        }
        if let status = gate.gate.process.exitStatus {
            let said = gate.gate.process.standardError
            Issue.record("\(theCase.name): the gate ended with \(status): \(said)")
            CaseGates.shared.forget(theCase.configuration)
        }
    }

    private func check(_ theCase: Case, on gate: CaseGate) throws {
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
