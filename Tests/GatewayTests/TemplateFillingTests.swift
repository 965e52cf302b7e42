import Audit
import Configuration
import Foundation
import HTTPSyntax
import Policy
import Testing
import Transport

@testable import Configuration
@testable import Gateway

@Suite struct TemplateFillingTests {
    /// What a client could send, kept alive.
    private static let hostile = Array("</p><script>'\"\\&é\u{1}\r\n".utf8)

    private func template(_ text: String, _ form: TemplateForm) -> BodyTemplate {
        TemplateParser(Array(text.utf8), form: form, from: 0).template(from: 0)
    }

    private func fill(
        _ text: String, _ form: TemplateForm, _ edit: (inout Answer) -> Void
    ) -> String {
        Self.hostile.withView { hostile in
            var answer = Answer(status: 405, detail: hostile)
            answer.hint = hostile
            answer.path = hostile
            answer.host = ByteView("a.example")
            answer.method = ByteView("PUT")
            answer.rule = ByteView("items")
            answer.allow = ByteView("GET, HEAD")
            answer.allowJSON = ByteView("[\"GET\",\"HEAD\"]")
            edit(&answer)
            var body = ByteBuffer()
            answer.fill(template(text, form), to: &body)
            return body.view.text
        }
    }

    private func fill(_ text: String, _ form: TemplateForm) -> String { fill(text, form) { _ in } }

    @Test(arguments: [
        (TemplateForm.html, "&lt;/p&gt;&lt;script&gt;&#39;&quot;\\&amp;?????"),
        (.json, "</p><script>'\\\"\\\\&?????"), (.text, "</p><script>'\"\\&?????"),
    ])
    func `a client's words are escaped for where they stand`(
        _ form: TemplateForm, _ expected: String
    ) {
        #expect(
            fill("{{detail}}|{{hint}}|{{path}}", form) == "\(expected)|\(expected)|\(expected)")
    }

    @Test func `every value is filled in`() {
        #expect(
            fill("{{status}} {{title}} {{method}} {{host}} {{rule}} {{allowed}}.", .text)
                == "405 Method Not Allowed PUT a.example items GET, HEAD.")
        #expect(fill("{{allowed_json}}", .json) == "[\"GET\",\"HEAD\"]")
        #expect(fill("{{allowed_json}}", .json) { $0.allow = nil } == "null")
        #expect(fill("{{event_id}}", .text) == "")
        let id = EventID(high: 0x01a1_fc28_2c7b_71f8, low: 0xbedc_ba98_7654_3210)
        #expect(
            fill("{{event_id}}", .text) { $0.eventID = id }
                == "01a1fc28-2c7b-71f8-bedc-ba9876543210")
    }

    @Test func `a section stands there with its value, and its counterpart without`() {
        let text = "a{{#hint}}b{{#rule}}c{{/rule}}{{^rule}}d{{/rule}}e{{/hint}}{{^hint}}f{{/hint}}g"
        #expect(fill(text, .text) == "abceg")
        #expect(fill(text, .text) { $0.rule = .empty } == "abdeg")
        #expect(fill(text, .text) { $0.hint = .empty } == "afg")
        // An empty list of methods is one.
        let allowed = "{{#allowed}}[{{allowed}}]{{/allowed}}"
        #expect(fill(allowed, .text) { $0.allow = .empty } == "[]")
        #expect(fill(allowed, .text) { $0.allow = nil } == "")
    }

    @Test func `JSON stays JSON with a client's words in it`() throws {
        let text = "{\"d\":\"{{detail}}\",\"{{path}}\":{{status}},\"a\":{{allowed_json}}}"
        let value = try JSONSerialization.jsonObject(with: Data(fill(text, .json).utf8))
        let object = try #require(value as? [String: Any])
        #expect(object["d"] as? String == "</p><script>'\"\\&?????")
        #expect(object["a"] as? [String] == ["GET", "HEAD"])
    }

    @Test func `an answer has the template's content and keeps its head`() {
        let template = template("<p>{{status}}</p>", .html)
        var answer = Answer(status: 405, detail: ByteView("no"))
        answer.form.representation = .html
        answer.template = Uncounted(keptElsewhere: template)
        var output = ByteBuffer()
        var body = ByteBuffer()
        answer.write(to: &output, body: &body, date: ByteView("now"))
        let text = output.view.text
        #expect(text.hasSuffix("\r\n\r\n<p>405</p>"))
        #expect(
            text.contains("\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 10\r\n"))
        withExtendedLifetime(template) {}
    }

    @Test(arguments: [0, 1, 2, 3])
    func `an answer is kept with its ids, however often they stand in it`(_ count: Int) throws {
        var generator = try EventIDGenerator()
        let template = template(
            "x" + String(repeating: "{{event_id}} ", count: count), .text)
        var answer = Answer(status: 405, detail: ByteView("no"))
        answer.form.representation = .text
        answer.template = Uncounted(keptElsewhere: template)
        let key = AnswerKey(1, .put, answer.form, closes: false)
        let before = generator.next(at: .now())
        answer.eventID = before
        var cache = AnswerCache()
        var fresh = ByteBuffer()
        var body = ByteBuffer()
        answer.write(to: &fresh, body: &body, date: ByteView("now"))
        cache.keep(key, fresh.view, content: body.count, id: before, date: ByteView("now"))
        let after = generator.next(at: .now())
        answer.eventID = after
        fresh.removeAll()
        answer.write(to: &fresh, body: &body, date: ByteView("now"))
        var kept = ByteBuffer()
        #expect(cache.append(key, id: after, date: ByteView("now"), to: &kept))
        #expect(kept.view.text == fresh.view.text)
        withExtendedLifetime(template) {}
    }

    @Test func `an answer with too many ids, or too long, is not kept`() throws {
        var generator = try EventIDGenerator()
        let id = generator.next(at: .now())
        var text = ByteBuffer()
        for _ in 0..<5 { id.append(to: &text) }
        text.append("now")
        let key = AnswerKey(1, .put, AnswerForm(), closes: false)
        var cache = AnswerCache()
        cache.keep(key, text.view, content: 0, id: id, date: ByteView("now"))
        #expect(!cache.append(key, id: id, date: ByteView("now"), to: &text))
        text.removeAll()
        id.append(to: &text)
        text.append(text: "now" + String(repeating: "a", count: 20_000))
        cache.keep(key, text.view, content: 0, id: id, date: ByteView("now"))
        #expect(!cache.append(key, id: id, date: ByteView("now"), to: &text))
    }
}
