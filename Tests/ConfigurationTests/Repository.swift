// Where tests find the files they run on: next to their own source.

import Foundation
import TLS
import TestSupport

@testable import Configuration

enum Repository {
    /// The root of the package.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func path(_ relative: String) -> String { root.appendingPathComponent(relative).path }

    static func text(_ relative: String) throws -> String {
        try String(contentsOfFile: path(relative), encoding: .utf8)
    }
}

/// A folder that goes when the test ends.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "methodgate-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ name: String, _ content: String) throws -> String {
        let file = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content.utf8).write(to: file)
        return file.path
    }
}

extension TemporaryFolder {
    /// What examples name: certificates that sign themselves, keys, and authorities.
    func writeCredentials() throws {
        for (file, name, kind) in [
            ("site", "a.example", SelfSigned.KeyKind.ecdsa), ("site-rsa", "a.example", .rsa),
            ("admin", "admin.example.com", .ecdsa), ("gate", "gate.example", .ecdsa),
            ("staff-ca", "staff.example", .ecdsa), ("backend-ca", "ca.example", .ecdsa),
        ] {
            let made = try SelfSigned(
                commonName: name, names: ["DNS:\(name)", "DNS:*.\(name)"], kind)
            try write("tls/\(file).pem", String(decoding: made.certificate, as: UTF8.self))
            try write("tls/\(file)-key.pem", String(decoding: made.key, as: UTF8.self))
            guard file == "site" else { continue }
            let response = URL(fileURLWithPath: path).appendingPathComponent("tls/site.ocsp")
            try Data(Authority(made).vouch(for: made.certificate)).write(to: response)
        }
    }
}

extension Surroundings {
    /// This machine's files, and names that all resolve.
    static var offline: Surroundings {
        var surroundings = machine
        surroundings.resolve = { _, _ in .address("192.0.2.1", isIPv6: false) }
        return surroundings
    }
}
