import Foundation
import HTTP1
import HTTPSyntax
import Testing

@Suite struct SupportedHTTPTests {
    /// The rows that docs/supported-http.md must have, in the order of the enumeration.
    static var rows: [String] {
        Reason.allCases.map { reason in
            "| \(reason.status) | \(ByteView(reason.text).text) | \(ByteView(reason.section).text) |"
        }
    }

    @Test func `the table of refusals in the documentation is that of the code`() throws {
        let found = try Self.page().split(separator: "\n").map(String.init).filter {
            $0.hasPrefix("| 4") || $0.hasPrefix("| 5")
        }
        #expect(found == Self.rows)
    }

    @Test func `the table of refused paths in the documentation is that of the code`() throws {
        let rows = try Self.page().split(separator: "\n").drop { $0 != "| path | why |" }
            .dropFirst(2).prefix { $0.hasPrefix("|") }
        let problems = PathProblem.allCases.filter { $0 != .none }
        #expect(rows.count == problems.count)
        for (row, problem) in zip(rows, problems) {
            #expect(row.hasPrefix("| " + ByteView(problem.text).text), "\(row)")
        }
    }

    private static func page() throws -> String {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/supported-http.md").standardizedFileURL
        return try String(contentsOf: page, encoding: .utf8)
    }

    @Test func `no two refusals read the same and all name a section`() {
        #expect(Set(Self.rows).count == Reason.allCases.count)
        for reason in Reason.allCases {
            #expect(ByteView(reason.section).text.hasPrefix("RFC "))
            #expect(!ByteView(reason.text).isEmpty)
        }
    }

    @Test func `every reason but a few of responses is met by a case`() {
        let cases =
            RequestCases.refused.map(\.1) + ResponseCases.refused.map(\.1)
            + ChunkedCases.refused.map(\.1)
        let limits: Set<Reason> = [.methodTooLong, .targetTooLong, .headTooLarge, .tooManyFields]
        #expect(Set(Reason.allCases).subtracting(cases) == limits)
    }
}
