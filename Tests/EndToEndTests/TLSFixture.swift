// A gate that speaks TLS in front, with certificates made for the test.

import Foundation
import TLS
import TestSupport
import Testing

/// Files with certificates and keys, and configurations that name them.
struct TLSFixture {
    let directory: TemporaryDirectory

    /// `front.pem` is the shared certificate with its key.
    init() throws {
        directory = try TemporaryDirectory()
        try write(try TestTLS.certificate, as: "front.pem")
    }

    /// The certificate and the key in one file.
    func write(_ made: SelfSigned, as name: String) throws {
        try Data(made.certificate + made.key).write(to: URL(fileURLWithPath: directory.path(name)))
    }

    func writeCertificate(_ made: SelfSigned, as name: String) throws {
        try Data(made.certificate).write(to: URL(fileURLWithPath: directory.path(name)))
    }

    /// PEM as it is.
    func write(_ pem: Bytes, as name: String) throws {
        try Data(pem).write(to: URL(fileURLWithPath: directory.path(name)))
    }

    /// A configuration with one listener; `tls` and `listen` are lines of its mapping.
    func configuration(
        _ backend: Address, tls: [String] = ["certificate: front.pem"], listen: [String] = [],
        workers: Int = 1, url: String? = nil, backendTLS: String? = nil, rest: String = ""
    ) -> String {
        let listener = listen.map { "    \($0)\n" }.joined()
        let settings = tls.map { "      \($0)\n" }.joined()
        let block = tls.isEmpty ? "" : "    tls:\n\(settings)"
        let target = url ?? backend.url
        let backend = backendTLS.map { "{url: \"\(target)\", tls: \($0)}" } ?? target
        return """
            listen:
              - address: 127.0.0.1:0
            \(listener)\(block)backends:
              app: \(backend)
            workers: \(workers)
            defaults:
              methods: [GET, HEAD, PUT, DELETE]
            rules:
              /post/{rest...}: [GET, POST]
              /ws: {methods: [GET], upgrade: [websocket]}
            \(rest)

            """
    }

    func gate(
        _ backend: Address, tls: [String] = ["certificate: front.pem"], listen: [String] = [],
        workers: Int = 1, url: String? = nil, backendTLS: String? = nil, rest: String = "",
        environment: [String: String] = [:]
    ) throws -> GateProcess {
        try GateProcess(
            configuration(
                backend, tls: tls, listen: listen, workers: workers, url: url,
                backendTLS: backendTLS, rest: rest), in: directory, environment: environment)
    }
}

extension GateProcess {
    /// One exchange over TLS on a connection of its own.
    func exchange(_ request: String, tls: TestTLS = TestTLS()) throws -> WireMessage {
        try RawClient.exchange(address, request, tls: tls)
    }

    /// What `/metrics` says.
    func metrics() throws -> String {
        let line = try #require(
            process.standardError.split(separator: "\n").first {
                $0.contains("admin endpoint on ")
            })
        let admin = try #require(Address(line.split(separator: " ").last ?? ""))
        return try RawClient.exchange(
            admin, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ).text
    }

    /// The first record of a block, once it is there.
    func blockRecord() throws -> LogRecord {
        var record: LogRecord?
        _ = try eventually {
            record = try log.records().first { $0.isAboutRequest }
            return record != nil
        }
        return try #require(record)
    }
}
