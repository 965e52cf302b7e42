import Audit
import Foundation
import HTTPSyntax
import Testing

@testable import Gateway

@Suite struct AnswerTests {
    private func write(_ answer: Answer) -> (head: String, body: String) {
        var output = ByteBuffer()
        var body = ByteBuffer()
        body.append("what was there before")
        answer.write(
            to: &output, body: &body, date: ByteView("Sat, 21 Nov 2026 05:00:00 GMT"))
        let text = output.view.text
        let parts = text.range(of: "\r\n\r\n").map {
            (String(text[..<$0.upperBound]), String(text[$0.upperBound...]))
        }
        return parts ?? (text, "")
    }

    private func value(_ name: String, _ head: String) -> String? {
        head.components(separatedBy: "\r\n").first { $0.hasPrefix(name + ": ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }

    private func id() throws -> EventID {
        var generator = try EventIDGenerator()
        return generator.next(at: .now())
    }

    private func blocked() throws -> Answer {
        var answer = Answer(status: 405, detail: ByteView("PUT is not allowed here."))
        answer.allow = ByteView("GET, HEAD")
        answer.allowJSON = ByteView("[\"GET\",\"HEAD\"]")
        answer.method = ByteView("PUT")
        answer.eventID = try id()
        answer.rule = ByteView("items")
        return answer
    }

    @Test(arguments: [Representation.problem, .html, .text])
    func `a rejection says what is allowed and who said so`(_ form: Representation) throws {
        var answer = try blocked()
        answer.form.representation = form
        let (head, body) = write(answer)
        #expect(head.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n"))
        #expect(value("Date", head) == "Sat, 21 Nov 2026 05:00:00 GMT")
        #expect(value("Allow", head) == "GET, HEAD")
        #expect(value("Cache-Control", head) == "no-store")
        #expect(value("Content-Type", head) == "\(form.contentType)")
        #expect(value("Content-Length", head) == "\(body.utf8.count)")
        #expect(
            value("Proxy-Status", head)
                == "methodgate; error=http_request_denied; details=\"rule items\"")
        let event = try #require(value("Methodgate-Event", head))
        #expect(event.count == 36)
        #expect(body.contains(event))
        #expect(body.contains("PUT is not allowed here."))
        #expect(!body.contains("before"))
        #expect(value("Connection", head) == nil)
    }

    @Test func `a problem has the members of RFC 9457 and those that clients look for`() throws {
        var answer = try blocked()
        answer.hint = ByteView("PUT is allowed at /a\"\\b/")
        let (_, body) = write(answer)
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8))
        let members = try #require(object as? [String: Any])
        #expect(members["type"] as? String == "about:blank")
        #expect(members["title"] as? String == "Method Not Allowed")
        #expect(members["status"] as? Int == 405)
        #expect(members["detail"] as? String == "PUT is not allowed here.")
        #expect(members["message"] as? String == "PUT is not allowed here.")
        #expect((members["instance"] as? String)?.hasPrefix("urn:uuid:") == true)
        #expect(members["method"] as? String == "PUT")
        #expect(members["allowed"] as? [String] == ["GET", "HEAD"])
        #expect(members["hint"] as? String == "PUT is allowed at /a\"\\b/")
    }

    @Test func `what is not known is left out`() throws {
        var answer = Answer(status: 502, detail: ByteView("the backend cannot be reached"))
        answer.error = "connection_refused"
        let (head, body) = write(answer)
        #expect(value("Allow", head) == nil)
        #expect(value("Methodgate-Event", head) == nil)
        #expect(value("Proxy-Status", head) == "methodgate; error=connection_refused")
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8))
        let members = try #require(object as? [String: Any])
        #expect(Set(members.keys) == ["type", "title", "status", "detail", "message"])
        answer.error = ""
        #expect(value("Proxy-Status", write(answer).head) == nil)
    }

    @Test func `an empty list is an empty Allow`() throws {
        var answer = try blocked()
        answer.allow = .empty
        answer.allowJSON = ByteView("[]")
        let (head, body) = write(answer)
        #expect(head.contains("\r\nAllow: \r\n"))
        #expect(body.contains("\"allowed\":[]"))
    }

    @Test func `nothing is markup that did not begin as ours`() throws {
        var answer = try blocked()
        answer.form.representation = .html
        let text = Array("<b>&'\"</b>".utf8)
        text.withView { view in
            answer.detail = view
            answer.hint = view
            let (_, body) = write(answer)
            #expect(!body.contains("<b>"))
            let escaped = "<p>&lt;b&gt;&amp;&#39;&quot;&lt;/b&gt;</p>"
            #expect(body.components(separatedBy: escaped).count == 3)
        }
    }

    @Test func `a hint with control bytes or beyond ASCII stays JSON and one line`() throws {
        let hint = Array("a\r\n\u{1}\u{7f}é".utf8)
        try hint.withView { view in
            var answer = try blocked()
            answer.hint = view
            let (_, body) = write(answer)
            #expect(body.contains("\"hint\":\"a??????\""))
            #expect(body.filter { $0 == "\n" }.count == 1)
        }
    }

    @Test func `a rule's name is a quoted string in Proxy-Status`() throws {
        let name = Array("a\"b\\c\u{1}é".utf8)
        try name.withView { view in
            var answer = try blocked()
            answer.rule = view
            let (head, _) = write(answer)
            #expect(head.contains("details=\"rule a\\\"b\\\\c???\""))
        }
    }

    @Test func `HEAD gets the length and no content`() throws {
        var answer = try blocked()
        let (_, body) = write(answer)
        answer.form.isHead = true
        let (head, none) = write(answer)
        #expect(none.isEmpty)
        #expect(value("Content-Length", head) == "\(body.utf8.count)")
    }

    @Test(arguments: [
        (HTTPVersion.http11, false, String?.none), (.http11, true, "close"),
        (.http10, false, "keep-alive"), (.http10, true, "close"),
    ])
    func `Connection says what becomes of it`(
        _ version: HTTPVersion, _ closes: Bool, _ expected: String?
    ) throws {
        var answer = try blocked()
        answer.form.version = version
        answer.closes = closes
        #expect(value("Connection", write(answer).head) == expected)
    }

    @Test(
        arguments: [
            400, 403, 404, 405, 408, 413, 414, 417, 421, 431, 501, 502, 503, 504, 505,
        ] as [UInt16])
    func `each status the gate answers has its reason phrase`(_ status: UInt16) {
        #expect("\(Answer.title(status))" != "Error")
    }

    @Test func `an answer is appended behind what waits`() throws {
        var output = ByteBuffer()
        output.append("earlier")
        var body = ByteBuffer()
        try blocked().write(to: &output, body: &body, date: ByteView("now"))
        #expect(output.view.text.hasPrefix("earlierHTTP/1.1 405 "))
    }

    // MARK: Kept answers

    @Test(arguments: [Representation.problem, .html, .text], [false, true])
    func `a kept answer differs from a new one in nothing but date and id`(
        _ form: Representation, _ isHead: Bool
    ) throws {
        var cache = AnswerCache()
        var answer = try blocked()
        answer.form.representation = form
        answer.form.isHead = isHead
        let key = AnswerKey(3, .put, answer.form, closes: false)
        var first = ByteBuffer()
        var body = ByteBuffer()
        let early = ByteView("Sat, 21 Nov 2026 05:00:00 GMT")
        let late = ByteView("Sun, 22 Nov 2026 06:11:12 GMT")
        answer.write(to: &first, body: &body, date: early)
        let before = try #require(answer.eventID)
        #expect(!cache.append(key, id: before, date: late, to: &body))
        cache.keep(key, first.view, content: body.count, id: before, date: early)
        let after = try id()
        var kept = ByteBuffer()
        kept.append("earlier")
        #expect(cache.append(key, id: after, date: late, to: &kept))
        answer.eventID = after
        var fresh = ByteBuffer()
        fresh.append("earlier")
        answer.write(to: &fresh, body: &body, date: late)
        #expect(kept.view.text == fresh.view.text)
        #expect(cache.lastLength == fresh.count - 7)
        #expect(cache.lastContent == body.count)
        var grpc = answer.form
        grpc.isGRPC = true
        let others = [
            AnswerKey(4, .put, answer.form, closes: false),
            AnswerKey(3, .post, answer.form, closes: false),
            AnswerKey(3, .put, answer.form, closes: true),
            AnswerKey(3, .put, grpc, closes: false),
        ]
        for other in others {
            #expect(!cache.append(other, id: after, date: late, to: &kept))
        }
        cache.removeAll()
        #expect(!cache.append(key, id: after, date: late, to: &kept))
    }
}
