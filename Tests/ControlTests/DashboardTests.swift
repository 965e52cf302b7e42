import Audit
import Foundation
import Testing

@testable import Control

@Suite struct DashboardTests {
    @Test(arguments: [
        ("<script>&\"'", "&lt;script&gt;&amp;&quot;&#39;"), ("/stra\u{df}e", "/stra\u{df}e"),
        ("a\u{1b}[31m\u{202e}b\u{7f}", "a\u{fffd}[31m\u{fffd}b\u{fffd}"),
    ])
    func `text stays text`(text: String, html: String) {
        var page = HTMLText()
        page.text(text)
        #expect(page.page == html)
    }

    @Test(arguments: [
        (Int64(0), "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7200, "2 h 0 min"),
        (90_061, "1 d 1 h"), (-5, "0 s"),
    ])
    func `a span is told by its two largest units`(seconds: Int64, text: String) {
        #expect(TimeText.span(seconds) == text)
    }

    private func record(_ number: Int, _ action: String, _ more: String = "") -> String {
        "{\"@timestamp\":\"2026-01-02T03:04:05.000006Z\",\"event.action\":\"\(action)\","
            + "\"event.id\":\"\(number)\",\"url.path\":\"/<\",\"source.ip\":\"192.0.2.1\"\(more)}\n"
    }

    private func blocks(_ content: String) throws -> [RecentBlock]? {
        let path = NSTemporaryDirectory() + "methodgate-\(UUID().uuidString).jsonl"
        try content.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return RecentBlocks.read(.file(path: path))
    }

    @Test func `the newest block comes first, and only blocks come`() throws {
        let log =
            record(1, "method-blocked", ",\"http.response.status_code\":405")
            + record(2, "configuration-loaded")
            + record(3, "method-blocked", ",\"event.dataset\":\"methodgate.access\"")
            + "no record\n" + record(4, "would-block")
            + "{\"@timestamp\":\"2026-01-02T03:04:06.0000"
        let found = try #require(try blocks(log)).map(\.texts)
        #expect(found.map(\.last) == ["4", "1"])
        #expect(found.last?.prefix(3) == ["2026-01-02T03:04:05.000006Z", "method-blocked", "405"])
    }

    @Test func `of a long log its end is read`() throws {
        let log = (1...2000).map { record($0, "method-blocked") }.joined()
        let found = try #require(try blocks(log)).compactMap(\.texts.last)
        #expect(found.count == RecentBlocks.limit)
        #expect(found.first == "2000")
    }

    @Test func `what cannot be read back is not touched`() throws {
        let path = NSTemporaryDirectory() + "methodgate-\(UUID().uuidString).fifo"
        try #require(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        #expect(RecentBlocks.read(.file(path: path)) == nil)
        #expect(RecentBlocks.read(.file(path: path + ".not-there")) == nil)
        #expect(RecentBlocks.read(.standardOutput) == nil)
    }
}
