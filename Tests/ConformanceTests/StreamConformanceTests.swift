import TestSupport
import Testing

// The gates and their backends are shared with the other cases: one at a time.
extension `Conformance cases` {
    struct `Over HTTP 2` {
        private static let played =
            (try? Case.loadAll())?.filter { $0.streamRequests() != nil } ?? []

        @Test(arguments: played)
        func `have the same verdicts, requests upstream and records`(_ theCase: Case) throws {
            guard let requests = theCase.streamRequests() else { return }
            let gate = try CaseGates.shared.gate(for: theCase.configuration, over: .plain)
            let other = try CaseGates.shared.gate(for: theCase.configuration, over: .tls)
            let authority = gate.backend.address
            for isByteByByte in [false, true] {
                let how = isByteByByte ? " (byte by byte)" : ""
                let plain = try CaseRun.play(theCase, requests, on: gate, byteByByte: isByteByByte)
                for problem in Judge.problems(with: plain, in: theCase, authority: authority) {
                    Issue.record("\(theCase.name)\(how): \(problem)")
                }
                var seen = try CaseRun.play(theCase, requests, on: other, byteByByte: isByteByByte)
                let found = Judge.undoTLS(
                    in: &seen, like: plain, authorities: (other.backend.address, authority))
                let problems = found + Judge.problems(with: seen, in: theCase, authority: authority)
                for problem in problems + Judge.differences(plain, seen, in: theCase) {
                    Issue.record("\(theCase.name)\(how) (over TLS): \(problem)")
                }
            }
            for gate in [gate, other] {
                guard let status = gate.gate.process.exitStatus else { continue }
                Issue.record("the gate ended with \(status): \(gate.gate.process.standardError)")
                CaseGates.shared.forget(theCase.configuration, over: gate.transport)
            }
        }

        @Test func `are most of those that are not about bytes on the wire`() {
            #expect(Self.played.count >= 250)
        }
    }
}
