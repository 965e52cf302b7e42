import Foundation
import Testing

/// The storage of a stream is used for one after another, and what one leaves behind must not become
/// the next one's: every field is either set anew or named here.
@Suite struct StreamReuseTests {
    private static let folder = URL(filePath: #filePath)
        .appending(path: "../../../Sources/Gateway").standardized

    private func lines(_ file: String, in type: String) throws -> [Substring] {
        let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
        let start = try #require(text.range(of: "\(type) {\n"))
        let end = try #require(text[start.upperBound...].range(of: "\n}\n"))
        return text[start.upperBound..<end.lowerBound].split(separator: "\n")
    }

    /// Names of the stored fields of a struct.
    private func fields(_ file: String, of type: String) throws -> [String] {
        try lines(file, in: "struct \(type): ~Copyable").compactMap { line in
            line.firstMatch(of: /^    (?:let|var) (\w+)(?:: [^{]*| = [^{]*)$/).map { String($0.1) }
        }
    }

    /// Names that `begin` sets.
    private func renewed(_ type: String) throws -> Set<String> {
        try Set(
            lines("HTTP2Stream.swift", in: "extension \(type)").compactMap { line in
                line.firstMatch(of: /^        (?:self\.)?(\w+)(?: = |\.release\(\)$)/)
                    .map { String($0.1) }
            })
    }

    @Test func `nothing of a stream is left to the next one in its place`() throws {
        let outlive: Set = ["worker", "deadline", "tls", "note", "carried"]
        let all = try fields("ClientConnection.swift", of: "ClientConnection")
        #expect(all.count > 40)
        #expect(try Set(all).subtracting(outlive) == renewed("ClientConnection"))
    }

    @Test func `nothing of its frames either`() throws {
        let all = try fields("HTTP2Stream.swift", of: "HTTP2Stream")
        #expect(all.count > 12)
        #expect(try Set(all).subtracting(["output"]) == renewed("HTTP2Stream"))
    }
}
