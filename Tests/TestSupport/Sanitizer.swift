// What a sanitizer says of a gate, where tests and gate were built with one: see scripts/test.sh,
// which chooses where the reports go.

import Foundation
import Glibc
import Testing

public enum Sanitizer {
    /// The sanitizer appends a dot and the number of the process; nil where there is none.
    private static let reports = ProcessInfo.processInfo
        .environment["METHODGATE_SANITIZER_REPORTS"]

    /// Whether the program under test is so slow and so large that neither says anything.
    public static var isOn: Bool { reports != nil }

    /// Seconds that an ending process gets: looking for leaks takes its time.
    static func patience(_ seconds: Double) -> Double { isOn ? max(seconds, 20) : seconds }

    /// Records what was found in a process that has ended.
    static func inspect(_ identifier: pid_t) {
        guard let reports,
            let report = try? String(contentsOfFile: "\(reports).\(identifier)", encoding: .utf8)
        else { return }
        Issue.record("process \(identifier): \(report)")
    }
}
