// What the threat model promises is tested by what it names: the names must exist.

import Foundation
import Testing

@Suite struct `The threat model` {
    struct Promise: Sendable, CustomTestStringConvertible {
        let number: String
        let tests: [String]
        var testDescription: String { number }
    }

    /// The rows of its tables that begin with a promise's number.
    static func promises() throws -> [Promise] {
        try Repository.text("docs/threat-model.md").split(separator: "\n").compactMap { line in
            let cells = line.components(separatedBy: " | ")
            guard line.hasPrefix("| P"), cells.count == 3 else { return nil }
            let number = cells[0].dropFirst(2)
            let names = cells[2].split(separator: "`", omittingEmptySubsequences: false)
            let tests = names.indices.filter { $0 % 2 == 1 }.map { String(names[$0]) }
            return Promise(number: String(number), tests: tests)
        }
    }

    /// All Swift files under Tests.
    private static func sources() throws -> String {
        let files = try #require(
            FileManager.default.enumerator(atPath: Repository.path("Tests")))
        return try files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
            .map { try Repository.text("Tests/\($0)") }.joined()
    }

    @Test func `every promise of the threat model names tests that exist`() throws {
        let promises = try Self.promises()
        let sources = try Self.sources()
        #expect(promises.map(\.number) == (1...promises.count).map { "P\($0)" })
        #expect(promises.count >= 26)
        for promise in promises {
            #expect(!promise.tests.isEmpty, "\(promise.number)")
            for test in promise.tests {
                let isThere =
                    test.hasPrefix("Tests/")
                    ? FileManager.default.fileExists(atPath: Repository.path(test))
                    : sources.contains("func `\(test)`")
                #expect(isThere, "\(promise.number): \(test)")
            }
        }
    }
}
