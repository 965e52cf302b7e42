// How findings are shown: to people, to terminals, to machines.

import Foundation
import Glibc
import Testing

@testable import Configuration

struct DiagnosticTests {
    private let finding = Diagnostic(
        place: SourcePlace(file: "a.yaml", line: 2, column: 3, sourceLine: "  conect: 1s"),
        key: "timeouts.conect", message: "unknown key", accepted: "connect",
        suggestion: "connect",
        related: [
            .init(
                place: SourcePlace(file: "b.yaml", line: 1, column: 1, sourceLine: "x"),
                message: "here")
        ])

    @Test func `a finding is a line, its source and a caret, then what is related`() {
        #expect(
            finding.rendered() == """
                a.yaml:2:3: timeouts.conect: unknown key; accepted: connect (did you mean connect?)
                    conect: 1s
                    ^
                b.yaml:1:1: note: here
                  x
                  ^
                """)
    }

    @Test func `colour comes only when asked for`() {
        #expect(!finding.rendered().contains("\u{1B}"))
        #expect(finding.rendered(color: true).contains("\u{1B}[31m"))
    }

    @Test func `a warning says so`() {
        var warning = finding
        warning.severity = .warning
        #expect(warning.headline.hasPrefix("a.yaml:2:3: warning: timeouts.conect: "))
    }

    @Test func `a finding is one JSON object with all members`() throws {
        #expect(
            finding.json.compact == #"""
                {"severity":"error","file":"a.yaml","line":2,"column":3,"key":"timeouts.conect",\#
                "message":"unknown key","accepted":"connect","suggestion":"connect",\#
                "source":"  conect: 1s",\#
                "related":[{"file":"b.yaml","line":1,"column":1,"message":"here"}]}
                """#)
        let file = Diagnostic(place: SourcePlace(file: "a"), key: "", message: "is \u{1}\"\\")
        #expect(
            file.json.compact == #"""
                {"severity":"error","file":"a","line":null,"column":null,"key":null,\#
                "message":"is \u0001\"\\","accepted":null,"suggestion":null,"source":null,\#
                "related":[]}
                """#)
    }

    @Test func `past a hundred findings only their number is shown`() throws {
        let rules = (0..<150).map { "  /\($0): GET\n" }.joined()
        let result = try load(smallest + "rules:\n" + rules)
        #expect(result.diagnostics.count == 150)
        #expect(result.rendered().hasSuffix("\nand 50 more\n"))
    }

    /// CPU time of this thread, which other work on the machine does not lengthen.
    private func timeToLoad(mistakes: Int) throws -> Swift.Duration {
        let rules = (0..<mistakes / 2).map { "  /path/\($0): {methods: GET, mod: shadow}\n" }
        let text = smallest + "rules:\n" + rules.joined()
        let start = threadTime()
        let result = try load(text)
        let end = threadTime()
        #expect(result.errorCount == mistakes)
        return end - start
    }

    private func threadTime() -> Swift.Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    @Test func `eight times the mistakes cost no square of that`() throws {
        let few = try timeToLoad(mistakes: 5000)
        let many = try timeToLoad(mistakes: 40_000)
        // Eight times is linear, 64 times the square.
        #expect(many < few * 24, "\(few) for 5,000 mistakes, \(many) for 40,000")
    }
}
