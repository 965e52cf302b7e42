// A private key where its path belongs is named as such, and not repeated.

import Foundation
import TLS
import Testing

@testable import Configuration

struct PastedKeyTests {
    private let folder: TemporaryFolder
    private let lines: [String]

    init() throws {
        folder = try TemporaryFolder()
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        try folder.write("a.pem", String(decoding: made.certificate, as: UTF8.self))
        lines = String(decoding: made.key, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// What people and programs read of a listener with this line, and those below it, in its `tls`.
    private func said(_ line: String) throws -> String {
        let text = """
            listen:
              - address: 127.0.0.1:8443
                tls:
                  certificate: a.pem
                  \(line)
            \(backend)defaults: {methods: [GET]}

            """
        let result = ConfigurationLoader.load(path: try folder.write("a.yaml", text))
        #expect(result.settings == nil)
        return result.rendered() + result.diagnostics.map(\.json.compact).joined(separator: "\n")
    }

    private func expectUntold(_ said: String, location: SourceLocation = #_sourceLocation) {
        let key = lines.dropFirst().dropLast().joined()
        let told = said.filter { $0 != " " && $0 != "\n" }
        // Its first bytes say what kind it is.
        for start in stride(from: 40, to: key.count - 16, by: 8) {
            let part = key.dropFirst(start).prefix(16)
            #expect(!told.contains(part), "\(said)", sourceLocation: location)
        }
    }

    private typealias SourceLocation = Testing.SourceLocation

    private func below(_ margin: Int) -> String {
        lines.map { "\n" + String(repeating: " ", count: margin) + $0 }.joined()
    }

    @Test func `as PEM, however it is quoted`() throws {
        let one = lines.joined(separator: " ")
        for line in [
            "key: |" + below(10), "key: >-" + below(10), "key:" + below(10), "key: \"\(one)\"",
            "key: " + one, "key: \"" + lines.joined(separator: "\\n") + "\"",
        ] {
            let said = try said(line)
            #expect(
                said.contains(
                    "a.yaml:\(line.hasPrefix("key:\n") ? "6:11" : "5:12"): listen[0].tls.key: is a key "
                        + "itself, and not the path of a file; accepted: the path of a file, or"))
            expectUntold(said)
        }
    }

    @Test func `as base64 alone`() throws {
        let body = Array(lines.dropFirst().dropLast())
        let word = body.joined()
        for value in [word, body.joined(separator: "\n          "), "\"\(word)\"", body[0]] {
            let said = try said("key: " + value)
            #expect(
                said.contains("key: is a key or certificate itself, and not the path of a file"))
            expectUntold(said)
        }
    }

    @Test func `behind a misspelled key, and where it is no YAML`() throws {
        let one = lines.joined(separator: " ")
        let misspelled = try said("keyy: \"\(one)\"")
        #expect(misspelled.contains("unknown key"))
        expectUntold(misspelled)
        let broken = try said("key: |" + below(4))
        #expect(broken.contains("not YAML"))
        expectUntold(broken)
    }

    @Test func `what is no key is a path, and shown`() throws {
        let long = Array(repeating: "Mabcdefgh", count: 12).joined(separator: "/")
        for path in [long, "MIGH/key", "tls/site-key.pem"] {
            #expect(try said("key: " + path).contains("\(path)' cannot be opened"))
        }
        let endless = Array(repeating: "tls/", count: 1024).joined()
        #expect(try said("key: " + endless).contains("is longer than the path of any file"))
    }
}
