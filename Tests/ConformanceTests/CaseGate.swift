// The gates that the cases share: one for each distinct configuration, started when it is first
// asked for, stopped after the last case.

import Foundation
import TestSupport
import Testing

/// A running gate with its backend.
final class CaseGate: @unchecked Sendable {
    let gate: GateProcess
    let backend: CaseBackend
    /// What a connection must begin with.
    let greeting: String

    init(_ configuration: String) throws {
        backend = try CaseBackend()
        var text = configuration
        let settings = [
            "listen": "listen:\n  - address: 127.0.0.1:0\n"
                + "  - address: 127.0.0.1:0\n    h2c: true\n",
            "backends": "backends:\n  app: \(backend.address.url)\n",
            "workers": "workers: 1\n",
        ]
        for (key, lines) in settings.sorted(by: { $0.key < $1.key })
        where !("\n" + text).contains("\n\(key):") {
            text += lines
        }
        gate = try GateProcess(text)
        greeting = text.contains("proxy_protocol: true") ? "PROXY UNKNOWN\r\n" : ""
    }

    func stop() {
        gate.stop()
        backend.stop()
    }
}

/// Gates by configuration.
final class CaseGates: @unchecked Sendable {
    static let shared = CaseGates()
    private let lock = NSLock()
    private var gates: [String: Result<CaseGate, any Error>] = [:]

    /// The gate for a configuration; one that failed to start is not tried again.
    func gate(for configuration: String) throws -> CaseGate {
        try lock.withLock {
            if let known = gates[configuration] { return try known.get() }
            let made = Result { try CaseGate(configuration) }
            gates[configuration] = made
            return try made.get()
        }
    }

    /// After a gate has died the next case gets another.
    func forget(_ configuration: String) {
        if case .success(let gate) = lock.withLock({ gates.removeValue(forKey: configuration) }) {
            gate.stop()
        }
    }

    func stopAll() {
        let all = lock.withLock {
            defer { gates = [:] }
            return gates.values
        }
        for case .success(let gate) in all { gate.stop() }
    }
}

/// Stops the gates when the suite is through.
struct SharedGates: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: () async throws -> Void
    ) async throws {
        defer { CaseGates.shared.stopAll() }
        try await function()
    }
}
