// The gates that the cases share: one for each distinct configuration, started when it is first
// asked for, stopped after the last case.

import Foundation
import TLS
import TestSupport
import Testing

/// What the bytes of a case travel by, on both sides of the gate.
enum Transport: String, CaseIterable, CustomTestStringConvertible {
    case plain
    case tls

    var testDescription: String { rawValue }
}

/// A running gate with its backend.
final class CaseGate: @unchecked Sendable {
    let gate: GateProcess
    let backend: CaseBackend
    /// What a connection must begin with.
    let greeting: String
    let transport: Transport

    init(_ configuration: String, over transport: Transport) throws {
        self.transport = transport
        backend = try CaseBackend(tls: transport == .tls ? .server : nil)
        let directory = try TemporaryDirectory()
        var settings = [
            "listen": "listen:\n  - address: 127.0.0.1:0\n",
            "backends": "backends:\n  app: \(backend.address.url)\n",
            "workers": "workers: 1\n",
        ]
        if transport == .tls {
            let certificate = try TestTLS.certificate
            try Data(certificate.certificate + certificate.key).write(
                to: URL(fileURLWithPath: directory.path("both.pem")))
            settings["listen"]? += "    tls: {certificate: both.pem}\n"
            settings["backends"] =
                "backends:\n  app: {url: \"https://\(backend.address)\", tls: {ca: both.pem}}\n"
        } else {
            settings["listen"]? += "  - address: 127.0.0.1:0\n    h2c: true\n"
        }
        var text = configuration
        for (key, lines) in settings.sorted(by: { $0.key < $1.key })
        where !("\n" + text).contains("\n\(key):") {
            text += lines
        }
        gate = try GateProcess(text, in: directory)
        greeting = Self.awaitsProxyHeader(text) ? "PROXY UNKNOWN\r\n" : ""
    }

    static func awaitsProxyHeader(_ configuration: String) -> Bool {
        configuration.contains("proxy_protocol: true")
    }

    func connect() throws -> RawClient {
        try gate.connect(tls: transport == .tls ? TestTLS() : nil)
    }

    /// By ALPN, or to the listener that takes the preface.
    func connectHTTP2() throws -> HTTP2Client {
        guard transport == .tls else { return try HTTP2Client(gate.addresses[1]) }
        var settings = TestTLS()
        settings.protocols = ["h2"]
        return try HTTP2Client(gate.address, tls: settings)
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
    private var gates: [Key: Result<CaseGate, any Error>] = [:]

    private struct Key: Hashable {
        var configuration: String
        var transport: Transport
    }

    /// The gate for a configuration; one that failed to start is not tried again.
    func gate(for configuration: String, over transport: Transport) throws -> CaseGate {
        let key = Key(configuration: configuration, transport: transport)
        return try lock.withLock {
            if let known = gates[key] { return try known.get() }
            let made = Result { try CaseGate(configuration, over: transport) }
            gates[key] = made
            return try made.get()
        }
    }

    /// After a gate has died the next case gets another.
    func forget(_ configuration: String, over transport: Transport) {
        let key = Key(configuration: configuration, transport: transport)
        if case .success(let gate) = lock.withLock({ gates.removeValue(forKey: key) }) {
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
