import TestSupport
import Testing

@Suite(.serialized, SharedGates())
struct `Conformance cases over HTTP 2` {
    private static let played = (try? Case.loadAll())?.filter { $0.streamRequests() != nil } ?? []

    @Test(arguments: played)
    func `have the same verdicts, requests upstream and records`(_ theCase: Case) throws {
        guard let requests = theCase.streamRequests() else { return }
        let gate = try CaseGates.shared.gate(for: theCase.configuration, over: .plain)
        let authority = gate.backend.address
        for isByteByByte in [false, true] {
            let seen = try CaseRun.play(theCase, requests, on: gate, byteByByte: isByteByByte)
            for problem in Judge.problems(with: seen, in: theCase, authority: authority) {
                let how = isByteByByte ? " (byte by byte)" : ""
                Issue.record("\(theCase.name)\(how): \(problem)")
            }
        }
        if let status = gate.gate.process.exitStatus {
            Issue.record("the gate ended with \(status): \(gate.gate.process.standardError)")
            CaseGates.shared.forget(theCase.configuration, over: .plain)
        }
    }

    @Test func `are most of those that are not about bytes on the wire`() {
        #expect(Self.played.count >= 250)
    }
}
