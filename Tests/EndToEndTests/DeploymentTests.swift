// What is shipped beside the program, held against the program: manifests, alerts, documents, the
// places of an installation. The scripts are in Tests/DeploymentTests; where a tool of theirs is
// not here, they say so in the test's output.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct Deployment {
        @Test func `image, Compose file and Kubernetes manifests say what the program says`() throws
        {
            try run("python3", "manifests.py", GateProcess.binary())
        }

        @Test func `a mistake in any of them is found`() throws {
            try run("python3", "manifests.py", GateProcess.binary(), "--mutate")
        }

        @Test func `an installation has all that belongs to it, where it belongs`() throws {
            try run("bash", "install.sh", GateProcess.binary())
        }

        @Test func `the schema takes what is shipped, and finds mistakes`() throws {
            try run("python3", "schema.py", GateProcess.binary())
        }

        @Test(arguments: [
            ["check", "rules", "config/prometheus/alerts.yaml"],
            ["check", "config", "config/prometheus/prometheus.yaml"],
            ["test", "rules", "Tests/DeploymentTests/alerts-test.yaml"],
        ])
        func `Prometheus takes the alerts, which fire for what they are for`(words: [String]) throws
        {
            let file = Self.repository.appending(path: words[2]).path
            try finish(
                try ChildProcess("/bin/sh", ["-c", Self.promtool, "sh", words[0], words[1], file]))
        }

        private static let promtool = """
            command -v promtool >/dev/null || { echo 'alerts: NOT TESTED: no promtool'; exit 77; }
            exec promtool "$@"
            """

        @Test func `Prometheus reads what a gate exports`() throws {
            try exporting { admin, _ in try run("python3", "metrics.py", admin) }
        }

        /// Names of metrics, as samples have them.
        private func names(_ text: String) -> Set<String> {
            Set(text.matches(of: #/methodgate_[a-z][a-z0-9_]*[a-z0-9]/#).map { String($0.output) })
        }

        @Test func `documents and alerts name the metrics that there are`() throws {
            try exporting { _, page in
                let samples = names(
                    page.split(separator: "\n").filter { !$0.hasPrefix("#") }
                        .joined(separator: "\n"))
                var families = samples
                for part in ["_bucket", "_count", "_sum"] {
                    for name in samples where name.hasSuffix(part) && !name.hasSuffix("_total") {
                        families.remove(name)
                        families.insert(String(name.dropLast(part.count)))
                    }
                }
                let manual = names(try text("docs/operations.md"))
                #expect(manual.subtracting(samples).subtracting(families) == [])
                #expect(families.subtracting(manual) == [])
                let alerts = names(try text("config/prometheus/alerts.yaml"))
                #expect(alerts.subtracting(samples) == [])
                #expect(!alerts.isEmpty)
            }
        }

        /// `name{label="value"}` in an alert, or in a document.
        @Test(arguments: ["config/prometheus/alerts.yaml", "docs/operations.md"])
        func `the labels that they ask for are there`(file: String) throws {
            try exporting { _, page in
                let asked = try text(file).matches(
                    of: #/(methodgate_[a-z_]+)\{([a-z]+)!?="([^"]+)"\}/#)
                #expect(!asked.isEmpty)
                for question in asked {
                    let (_, name, label, value) = question.output
                    let isThere = page.split(separator: "\n").contains {
                        $0.hasPrefix(name + "{") && $0.contains("\(label)=\"\(value)\"")
                    }
                    #expect(isThere, "\(file): no \(name) has \(label)=\"\(value)\"")
                }
            }
        }

        @Test func `each alert has its line in the manual, and no other has one`() throws {
            let alerts = try text("config/prometheus/alerts.yaml")
                .matches(of: #/- alert: (\w+)/#).map { String($0.output.1) }
            let lines = try text("docs/operations.md")
                .matches(of: #/(?m)^\| `(Methodgate\w+)` \|/#).map { String($0.output.1) }
            #expect(alerts == lines)
        }

        // MARK: Parts

        /// The page of a gate that has decided in each way.
        private func exporting(_ body: (String, String) throws -> Void) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(
                "admin: {'address': '127.0.0.1:0'}\n"
                    + configuration(
                        backend.address, rest: "  /shadow: {methods: [], mode: shadow}"))
            defer { end(gate) }
            for (method, path) in [("GET", "/"), ("PATCH", "/"), ("BREW", "/"), ("GET", "/shadow")]
            {
                _ = try RawClient.exchange(gate.address, request(method, path))
            }
            var admin: String?
            let isThere = eventually(within: 10) {
                admin =
                    gate.process.standardError.split(separator: "\n")
                    .first { $0.contains("admin endpoint on ") }?
                    .split(separator: " ").last.map(String.init)
                return admin != nil
            }
            try #require(isThere)
            let address = try #require(Address(Substring(admin ?? "")))
            let answer = try RawClient.exchange(
                address, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try body(admin ?? "", String(decoding: answer.content, as: UTF8.self))
        }

        private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../..").standardizedFileURL

        private func text(_ file: String) throws -> String {
            try String(contentsOf: Self.repository.appending(path: file), encoding: .utf8)
        }

        /// Debian's modules for Python are for Debian's Python.
        private func run(_ program: String, _ script: String, _ arguments: String...) throws {
            let debian = "/usr/bin/" + program
            let path = Self.repository.appending(path: "Tests/DeploymentTests/\(script)").path
            let command =
                FileManager.default.isExecutableFile(atPath: debian)
                ? [path] : [program, path]
            try finish(
                try ChildProcess(command.count == 1 ? debian : "/usr/bin/env", command + arguments))
        }

        private func finish(_ process: ChildProcess) throws {
            defer { process.stop() }
            let status = process.waitForExit(within: 300)
            let output = String(decoding: process.standardOutput, as: UTF8.self)
            print(output + process.standardError)
            #expect(
                status == .code(0) || status == .code(77), "\(output)\(process.standardError)")
        }
    }
}
