// A browser, and a suite of conformance tests, on HTTP/2 over TLS.

import Foundation
import TestSupport
import Testing

/// Where `program` is, of the places that are searched for programs; nil where it is in none.
private func find(_ program: String) -> String? {
    let places = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    let path = places.map { "\($0)/\(program)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
    if path == nil { print("SKIPPED: HTTP/2 is not tried with \(program), which is not here") }
    return path
}

extension `End to end` {
    struct `Programs on HTTP 2` {
        private static let chromium = find("chromium")
        private static let h2spec = find("h2spec")

        private func withGate(_ backend: ScriptedBackend, _ work: (GateProcess) throws -> Void)
            throws
        {
            defer { backend.stop() }
            let gate = try TLSFixture().gate(
                backend.address, tls: ["certificate: front.pem"],
                rest: "  /h2spec: [GET, HEAD, POST]")
            defer { end(gate) }
            try work(gate)
        }

        /// Asks for forty things at once, and twice for what is blocked, once with content.
        private static let page = """
            <!doctype html><title>gate</title><body><script>
            const block = (body) => fetch('/blocked', {method: 'PATCH', body})
                .then((answer) => answer.status + ' ' + answer.headers.get('allow'));
            const ask = (number) => fetch('/' + number).then((answer) => answer.status);
            (async () => {
                const numbers = [...Array(40).keys()];
                const answers = await Promise.all(
                    [...numbers.map(ask), block(undefined), block('x'.repeat(200000))]);
                const counted = answers.slice(0, 40).filter((status) => status == 200).length;
                document.body.textContent = [counted, answers[40], answers[41]].join('|');
            })();
            </script>
            """

        @Test(.enabled(if: chromium != nil, "chromium is not here"))
        func `Chromium loads a page, many things at once, and sees what is blocked`() throws {
            let path = try #require(Self.chromium)
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
            let page = Self.page
            try withGate(
                .always("\(answer)Content-Length: \(page.utf8.count)\r\n\r\n\(page)")
            ) { gate in
                let folder = try TemporaryDirectory()
                let browser = try ChildProcess(
                    path,
                    [
                        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                        "--user-data-dir=\(folder.path("profile"))", "--ignore-certificate-errors",
                        "--virtual-time-budget=20000", "--dump-dom", "https://\(gate.address)/page",
                    ])
                defer { browser.stop(within: 0) }
                #expect(browser.waitForExit(within: 90) == .code(0), "\(browser.standardError)")
                let shown = String(decoding: browser.standardOutput, as: UTF8.self)
                let allow = "405 GET, HEAD, PUT, DELETE"
                #expect(shown.contains("<body>40|\(allow)|\(allow)</body>"), "\(shown)")
                let records = try gate.log.records().filter(\.isAboutRequest)
                #expect(records.count == 2)
                for record in records { #expect(record["http.version"] == "2") }
            }
        }

        // Of a backend that takes content before it answers: otherwise what a case sends may come
        // behind the end of its stream.
        @Test(.enabled(if: h2spec != nil, "h2spec is not here"))
        func `h2spec finds nothing wrong, with TLS and without`() throws {
            try withGate(.echo()) { try expectConformance($0, ["-t", "-k"]) }
            try withHTTP2(.echo(), rest: "  /h2spec: [GET, HEAD, POST]") { gate, _ throws in
                try expectConformance(gate, [])
            }
        }

        private func expectConformance(_ gate: GateProcess, _ how: [String]) throws {
            let arguments = ["-h", "127.0.0.1", "-p", String(gate.address.port), "-P", "/h2spec"]
            let tests = try ChildProcess(
                try #require(Self.h2spec), arguments + ["-S"] + how)
            defer { tests.stop(within: 0) }
            #expect(tests.waitForExit(within: 120) == .code(0))
            let said = String(decoding: tests.standardOutput, as: UTF8.self)
            #expect(said.contains(" 0 skipped, 0 failed"), "\(said)")
        }
    }
}
