// The attacks of Tests/Attacks, in the form that takes seconds, on the program under test. What
// they say goes to the test's output: which backends are not installed, above all.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Attacks` {
        @Test func `no spelling of a closed path reaches its handler`() throws {
            try Self.run("paths.py", "--short")
        }

        @Test func `no framework takes a request for one with another method`() throws {
            try Self.run("overrides.py", "--short")
        }

        @Test func `known bypasses end as docs/bypasses.md says`() throws {
            try Self.run("attacks.py", "--only-gate", "--check")
        }

        @Test func `slow, idle and hostile parties cost nobody else an answer`() throws {
            try Self.run("slow.py", "--short")
        }

        /// By TLS some of each kind: a debug build needs too long for those of many megabytes.
        @Test(arguments: [
            [], ["--tls", "--only", "reset"], ["--tls", "--only", "CONTINUATION"],
            ["--tls", "--only", "PING"],
        ])
        func `floods of HTTP 2 are bounded, and end as they must`(_ more: [String]) throws {
            try Self.run("floods.py", ["--short", "--jobs", "4"] + more)
        }

        private static func run(_ script: String, _ arguments: String...) throws {
            try run(script, arguments)
        }

        private static func run(_ script: String, _ arguments: [String]) throws {
            let path = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../Attacks/\(script)").standardizedFileURL.path
            // Debian's, whose packages are the backends: another Python may have others.
            let process = try ChildProcess(
                "/usr/bin/python3", ["-B", path, "--gate", GateProcess.binary()] + arguments)
            defer { process.stop() }
            let status = process.waitForExit(within: 600)
            let output = String(decoding: process.standardOutput, as: UTF8.self)
            print(output + process.standardError)
            #expect(status == .code(0), "\(output)\(process.standardError)")
        }
    }
}
