// Templates: what is read, what is refused (with its messages in Broken/161 to 168), and which one
// is chosen for an answer.

import Foundation
import HTTPSyntax
import Policy
import Testing

@testable import Configuration

struct TemplateTests {
    private func faults(_ text: String, _ form: TemplateForm) -> [String] {
        let bytes = Array(text.utf8)
        let parser = TemplateParser(bytes, form: form, from: 0)
        var faults = parser.faults
        if faults.isEmpty, form == .html {
            faults = TemplateMarkup.faults(bytes, parser.tags, from: 0)
        }
        if faults.isEmpty, form == .json {
            faults =
                TemplateJSON.fault(bytes, parser.template(from: 0), from: 0).map { [$0] } ?? []
        }
        return faults.map { "\($0.offset): \($0.message)" }
    }

    @Test(arguments: [
        "", "plain", "{ {status} }", "{{status}}{{ title }}{{detail}}", "}} {",
        "{{#hint}}{{hint}}{{^event_id}}none{{/event_id}}{{/hint}}", "{{#rule}}{{/rule}}",
        "a{{{status}}}",
    ])
    func `a text template may hold anything else than a broken tag`(_ text: String) {
        #expect(
            faults(text, .text)
                == (text.hasPrefix("a{{{") ? ["1: '{status' is no placeholder"] : []))
    }

    @Test(arguments: [
        "{{", "{{status", "{{status }", "{{\(String(repeating: " ", count: 70))status}}",
        "{{#hint}}", "{{/hint}}", "{{#hint}}{{#rule}}{{/hint}}{{/rule}}", "{{Status}}",
        "{{#detail}}{{/detail}}", "{{allowed_json}}", "{{! comment}}", "{{>file}}", "{{&hint}}",
        String(repeating: "{{#hint}}", count: 9) + String(repeating: "{{/hint}}", count: 9),
    ])
    func `a broken tag is refused`(_ text: String) {
        #expect(!faults(text, .text).isEmpty)
    }

    @Test(arguments: [
        "<!doctype html><html lang=en><title>{{status}} {{title}}</title><p>{{detail}}",
        "<p title=\"{{hint}}\" class='a {{status}}'>{{hint}}</p >", "a < {{method}} > b",
        "<br/>{{detail}}<input value=\"{{path}}\" disabled>{{path}}",
        "<script>if (a < b) { c() }</script>{{event_id}}",
        "<style>a{b:c}</style><STYLE>d</sTyLe>{{event_id}}",
        "<script src='x'></script><noscript>{{detail}}</noscript>",
        "<!-- <script> -->{{detail}}<!---->{{detail}}", "<a href=\"/help?{{method}}\">?</a>",
        "<a href=\"{{status}}.html\">?</a>", "<textarea>{{hint}}</textarea>{{hint}}",
        "<title><script></title>{{detail}}", "<svg viewBox='0 0 1 1'><text>{{status}}</text></svg>",
        "<p\n\tclass = \"a\"\n>{{detail}}", "<meta name=description content=\"{{title}}\">",
        "<?php ?>{{detail}}<!ELEMENT x>{{detail}}", "</p>{{detail}}</>{{detail}}",
        "{{#hint}}<p>{{hint}}</p>{{/hint}}{{^hint}}<br>{{/hint}}",
    ])
    func `a value may stand in text and in quotes`(_ text: String) {
        #expect(faults(text, .html) == [])
    }

    @Test(arguments: [
        "<script>{{status}}</script>", "<script>'</scrip>{{status}}'</script>",
        "<ScRiPt >{{status}}</script>", "<style>{{status}}</style>", "<p {{status}}>",
        "<{{status}}>", "</{{status}}>", "<p{{status}}>", "<p class={{status}}>",
        "<p class= {{status}}>", "<p class=a{{status}}>", "<p class=\"a\"{{status}}>",
        "<p a b={{status}}>", "<!-- {{status}} -->", "<!--> {{status}} -->",
        "<!DOCTYPE {{status}}>",
        "<p onclick=\"{{status}}\">", "<p ONload='{{status}}'>", "<p style=\"{{status}}\">",
        "<iframe srcdoc=\"{{status}}\">", "<a href=\"{{path}}\">", "<a href='{{hint}}'>",
        "<form action=\"{{host}}/x\">", "<a href=\"{{#rule}}x{{/rule}}{{path}}\">",
        "<meta content='0;url={{path}}'>", "<a {{#hint}}href=\"x\"{{/hint}}>",
        "{{#hint}}<script>{{/hint}}", "<p title=\"{{#hint}}\">{{/hint}}\">", "<iframe>{{status}}",
        "<plaintext>{{status}}</plaintext>", "<p title='a\"{{#hint}}'{{/hint}}>",
        "<p/class={{status}}>",
    ])
    func `where a value would be more than text it may not stand`(_ text: String) {
        #expect(!faults(text, .html).isEmpty)
    }

    @Test(arguments: [
        "{}", " {\"a\" : [ ] } \n", "{\"s\":{{status}},\"t\":\"{{title}}\"}",
        "{\"s\":\"{{status}}\",\"allowed\":{{allowed_json}},\"x\":[1,-0.5e+3,true,false,null,{}]}",
        "{\"{{rule}}\":\"\\u00e9\\n\\\"\\\\\"}", "{\"é\":\"{{hint}} and {{rule}}\"}",
        "{\"a\":1{{#hint}},\"hint\":\"{{hint}}\"{{/hint}}{{^hint}},\"hint\":null{{/hint}}}",
        "{{#rule}}{\"rule\":\"{{rule}}\"}{{/rule}}{{^rule}}{}{{/rule}}",
    ])
    func `a template of JSON is an object whatever is filled in`(_ text: String) {
        #expect(faults(text, .json) == [])
    }

    @Test(arguments: [
        "", "[]", "\"{{detail}}\"", "{{status}}", "{\"a\":{{detail}}}", "{\"a\":{{hint}}}",
        "{\"a\":\"{{allowed_json}}\"}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}",
        "{\"a\":1e}", "{\"a\":\"\t\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\" 1}",
        "{a:1}", "{'a':1}", "{\"a\":tru}", "{\"a\":[1 2]}", "{\"a\":1}}", "{\"a\":1", "{\"a",
        "{\"a\":1{{#hint}},{{/hint}}}", "{ {{#hint}}\"a\":1{{/hint}}{{#rule}},\"b\":1{{/rule}}}",
        "{{#rule}}{\"rule\":1}{{/rule}}", "{\"a\":{{^rule}}1{{/rule}}}",
        "{\"a\":" + String(repeating: "[", count: 70) + String(repeating: "]", count: 70) + "}",
    ])
    func `what is no object for some answer is refused`(_ text: String) {
        #expect(!faults(text, .json).isEmpty)
    }

    @Test func `a fault in JSON is told where the template has it`() {
        let text = "{\"s\":{{status}},\n\"d\":{{detail}}}"
        #expect(faults(text, .json) == ["21: is not JSON here"])
        #expect(
            faults("{\"s\":1{{#hint}},{{/hint}}}", .json) == ["25: is not JSON here"])
    }

    // MARK: The book

    private func name(_ settings: Settings, _ path: String, _ status: UInt16) -> String? {
        let rule = settings.policy.rule(named: path)
        let choice = settings.policy.facts(rule).templates
        guard let number = choice.html else { return nil }
        guard let template = settings.templates.template(number, status: status) else { return "-" }
        guard case .text(let offset, let count) = template.pieces.first else { return "?" }
        return template.bytes(offset, count).text
    }

    @Test func `a template is inherited by form and chosen by status`() throws {
        let settings = try settings(
            listen + backend + """
                defaults:
                  methods: [GET]
                  templates:
                    html: {4xx: t/4xx, 405: t/405, 5xx: t/5xx, 503: t/503}
                    text: t/text
                rules:
                  /own: {methods: [GET], templates: {html: t/own}}
                  /text: {methods: [GET], templates: {text: t/own}}
                hosts:
                  a.example:
                    defaults: {templates: {html: {405: t/host}}}
                    rules: {/host: [GET]}
                """,
            files: [
                "t/4xx": "4xx", "t/405": "405", "t/5xx": "\u{FEFF}5xx", "t/503": "503",
                "t/own": "own", "t/host": "host", "t/text": "text",
            ])
        #expect(name(settings, "defaults", 405) == "405")
        #expect(name(settings, "defaults", 404) == "4xx")
        #expect(name(settings, "defaults", 502) == "5xx")
        #expect(name(settings, "defaults", 503) == "503")
        #expect(name(settings, "/own", 503) == "own")
        #expect(name(settings, "/text", 405) == "405")
        #expect(name(settings, "/host", 405) == "host")
        #expect(name(settings, "/host", 404) == "-")
        #expect(settings.files.count == 1)
    }

    @Test func `the examples of the page on rejections load without a word`() throws {
        let page = try Repository.text("docs/rejections.md")
        func example(_ kind: String) throws -> String {
            let parts = page.components(separatedBy: "```\(kind)\n")
            try #require(parts.count == 2)
            return parts[1].components(separatedBy: "```")[0]
        }
        let settings = try settings(
            example("yaml"),
            files: [
                "templates/page.html": Repository.text("config/templates/page.html"),
                "templates/error.json": Repository.text("config/templates/error.json"),
                "templates/read-only.html": example("html"),
                "templates/sorry.html": example("html"),
            ])
        #expect(settings.warnings.isEmpty)
    }

    @Test func `without templates nothing is chosen`() throws {
        let settings = try settings(smallest)
        let facts = settings.policy.facts(settings.policy.defaultRule(of: .empty))
        #expect(facts.templates == TemplateChoice())
    }

    @Test func `a template at the limit is taken, and one byte more is not`() throws {
        let text = smallest + "  templates: {text: t}\n"
        let full = String(repeating: "a", count: 64 << 10)
        #expect(try load(text, files: ["t": full]).errorCount == 0)
        #expect(try load(text, files: ["t": full + "a"]).errorCount == 1)
    }
}

extension CompiledPolicy {
    /// The rule with that pattern.
    fileprivate func rule(named name: String) -> Int32 {
        for rule in 0..<Int32(ruleCount) where facts(rule).name.text == name { return rule }
        return -1
    }
}
