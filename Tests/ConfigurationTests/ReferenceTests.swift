// docs/configuration.md, config/ and the schema say what the decoder does.

import Foundation
import TLS
import Testing

@testable import Configuration

struct ReferenceTests {
    /// The ```yaml blocks of the page.
    static let examples: [String] = {
        let page = (try? Repository.text("docs/configuration.md")) ?? ""
        return page.components(separatedBy: "```yaml\n").dropFirst().map {
            $0.components(separatedBy: "\n```")[0] + "\n"
        }
    }()

    @Test(arguments: examples)
    func `an example of the page loads without a word`(_ example: String) throws {
        let folder = try TemporaryFolder()
        try folder.writeCredentials()
        let result = ConfigurationLoader.load(
            path: try folder.write("methodgate.yaml", example), in: .offline)
        #expect(result.rendered() == "")
        #expect(result.settings != nil)
    }

    @Test func `the page has examples`() { #expect(Self.examples.count >= 5) }

    @Test(arguments: ["config/methodgate.yaml", "config/demo.yaml"])
    func `a shipped configuration loads without a word`(_ file: String) {
        let result = ConfigurationLoader.load(path: Repository.path(file))
        #expect(result.rendered() == "")
        #expect(result.settings != nil)
    }

    @Test func `what the shipped example has commented out loads too`() throws {
        let lines = try Repository.text("config/methodgate.yaml").components(separatedBy: "\n")
        // A commented line of configuration begins with a key or an item; a sentence does not.
        let line = try Regex(#"^( *)# ?((  )*(- )?[a-z0-9_./]+:( .*)?)$"#)
        let shown = try lines.map { text -> String in
            guard let match = try line.wholeMatch(in: text) else { return text }
            return String(match.output[1].substring ?? "") + String(match.output[2].substring ?? "")
        }
        let folder = try TemporaryFolder()
        try folder.write("conf.d/a.yaml", "rules: {}\n")
        for name in ["page.html", "error.json", "error.txt"] {
            try folder.write("templates/" + name, Repository.text("config/templates/" + name))
        }
        try folder.writeCredentials()
        let text = shown.joined(separator: "\n")
        let result = ConfigurationLoader.load(
            path: try folder.write("methodgate.yaml", text), in: .offline)
        #expect(shown.contains("  upstream_idle: 60s"))
        #expect(result.rendered() == "")
        let settings = try #require(result.settings)
        // Each of what a listener and a backend may speak is shown once.
        #expect(settings.listeners.contains { $0.allowsHTTP2 })
        #expect(settings.listeners.contains { $0.tls?.context.asksForCertificates == true })
        let kinds = settings.backends.map { [$0.isHTTP2, $0.tls != nil] }
        #expect(Set(kinds).count == 4)
    }

    @Test func `the page holds the table of every key`() throws {
        let page = try Repository.text("docs/configuration.md")
        let start = "in Sources/Configuration -->\n"
        let end = "\n<!-- end of keys -->"
        let head = page.components(separatedBy: start)
        try #require(head.count == 2)
        let tail = head[1].components(separatedBy: end)
        try #require(tail.count == 2)
        if ProcessInfo.processInfo.environment["METHODGATE_RECORD"] != nil {
            let text = head[0] + start + "\n" + Reference.markdown() + "\n" + end + tail[1]
            try text.write(
                toFile: Repository.path("docs/configuration.md"), atomically: true,
                encoding: .utf8)
        }
        #expect(
            try Repository.text("docs/configuration.md").contains(
                start + "\n" + Reference.markdown() + "\n" + end))
    }
}
