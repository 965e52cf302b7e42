import HTTPSyntax
import Testing

@testable import Policy

struct MethodTests {
    static let typos: [(String, String)] = [
        ("get", "GET"), ("Post", "POST"), ("OPTION", "OPTIONS"), ("PTU", "PUT"),
        ("DELET", "DELETE"),
        ("DELETEE", "DELETE"), ("PATHC", "PATCH"), ("optoins", "OPTIONS"), ("PROPFIN", "PROPFIND"),
        ("ANY", "ACL"),
    ]

    @Test(arguments: typos.dropLast())
    func `a token near a registered method is an error`(_ token: String, _ meant: String) {
        let problem = failure(source([rule("/a", token, line: 4)]))
        #expect(problem?.message == "'\(token)' is no registered method")
        #expect(problem?.suggestion == meant)
        #expect(problem?.location == at(4))
    }

    @Test(arguments: ["get", "OPTION"])
    func `unless it is declared as custom`(_ token: String) throws {
        let gate = try Gate(source([rule("/a", token)], custom: [token]))
        #expect(gate.answer(token, "/a") == "forward")
        #expect(gate.answer("GET", "/a") == "405 methodBlocked \(token)")
    }

    @Test(arguments: ["*", "PRI", "CONNECT"])
    func `what is no method of a forwarded request is an error`(_ token: String) {
        #expect(failure(source([rule("/a", token)]))?.message.contains(token) == true)
        #expect(failure(source([], custom: [token]))?.message.contains(token) == true)
        #expect(failure(source([], defaults: token))?.message.contains(token) == true)
    }

    @Test(arguments: ["PURGE", "BAN", "NOTIFY", "SUBSCRIBE", "x-custom"])
    func `other tokens are custom methods`(_ token: String) throws {
        let gate = try Gate(source([rule("/a", "GET \(token)"), rule("/b", "GET")]))
        #expect(gate.answer(token, "/a") == "forward")
        #expect(gate.answer(token, "/b") == "405 methodBlocked GET, HEAD")
        #expect(gate.policy.methodID(ByteView("GET")) == .get)
        #expect(token.withView(gate.policy.methodID).rawValue == 64)
    }

    @Test func `more than 64 custom methods are an error`() throws {
        let names = (0..<65).map { "M-\($0)-X" }
        let problem = failure(source([rule("/a", names.joined(separator: " "))]))
        #expect(problem?.message == "'M-64-X' is one custom method too many")
        let gate = try Gate(source([rule("/a", names.dropLast().joined(separator: " "))]))
        #expect(gate.answer("M-63-X", "/a") == "forward")
    }

    static let allows: [(String, String)] = [
        ("GET", "GET, HEAD"), ("POST GET", "POST, GET, HEAD"), ("GET POST HEAD", "GET, POST, HEAD"),
        ("PUT PURGE GET", "PUT, PURGE, GET, HEAD"), ("HEAD", "HEAD"), ("", ""),
        ("TRACE GET", "TRACE, GET, HEAD"),
    ]

    @Test(arguments: allows)
    func `Allow keeps the order of the configuration`(_ methods: String, _ allow: String) throws {
        let gate = try Gate(source([rule("/a", methods)]))
        let verdict = gate.judge("LOCK", "/a")
        #expect(gate.allow(verdict) == allow)
        let facts = gate.policy.facts(verdict.rule)
        #expect(facts.allow.text == allow)
        let quoted =
            allow.isEmpty
            ? "[]" : "[\"" + allow.split(separator: ", ").joined(separator: "\",\"") + "\"]"
        #expect(facts.allowJSON.text == quoted)
        var buffer = ByteBuffer()
        gate.policy.appendAllowJSON(verdict.allowed, rule: verdict.rule, to: &buffer)
        #expect(buffer.view.text == quoted)
    }

    @Test func `any lists what is registered and the custom methods but TRACE and CONNECT`() throws
    {
        let gate = try Gate(source([rule("/a", "any"), rule("/b", "PURGE any")]))
        let any = gate.policy.facts(0).allow.text
        #expect(any.hasPrefix("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, QUERY, ACL"))
        #expect(any.hasSuffix("VERSION-CONTROL, PURGE"))
        #expect(!any.contains("TRACE") && !any.contains("CONNECT"))
        #expect(gate.policy.facts(1).allow.text.hasPrefix("PURGE, GET, HEAD, POST"))
    }

    static let any: [(String, String)] = [
        ("GET", "forward"), ("PURGE", "forward"), ("WHATEVER", "forward"), ("TRACE", "405"),
        ("CONNECT", "405"),
    ]

    @Test(arguments: any)
    func `any is every token but TRACE and CONNECT`(_ method: String, _ answer: String) throws {
        let gate = try Gate(source([rule("/a", "any"), rule("/t", "any TRACE"), rule("/n", "")]))
        #expect(gate.answer(method, "/a").hasPrefix(answer))
        #expect(gate.answer(method, "/t").hasPrefix(method == "TRACE" ? "forward" : answer))
        #expect(gate.answer(method, "/n").hasPrefix("405 methodBlocked"))
    }

    @Test func `HEAD follows GET unless that is turned off`() throws {
        let gate = try Gate(
            source([rule("/a", "GET"), rule("/b", "GET") { $0.headFollowsGet = false }]))
        #expect(gate.answer("HEAD", "/a") == "forward")
        #expect(gate.answer("HEAD", "/b") == "405 methodBlocked GET")
    }

    @Test func `ids are given or come from the pattern`() throws {
        let gate = try Gate(
            source([
                rule("/api/items/{id}", "GET"), rule("/", "GET"), rule("/a/b", "GET"),
                rule("/a-b", "GET"), rule("/x", "GET", id: "api-items"), rule("/api/items", "GET"),
                rule("/api/{r...}", "GET"),
            ]))
        let ids = (0..<gate.policy.ruleCount).map { gate.policy.facts(Int32($0)).id.text }
        #expect(ids[0] == "api-items-id" && ids[1] == "root" && ids[4] == "api-items")
        #expect(ids[2].hasPrefix("a-b-") && ids[3].hasPrefix("a-b-") && ids[2] != ids[3])
        #expect(ids[5].hasPrefix("api-items-") && ids[6] == "api-r" && ids[7] == "default")
        #expect(Set(ids).count == ids.count)
    }

    @Test func `a duplicate or unusable id is an error`() {
        let twice = failure(
            source([rule("/a", "GET", line: 3, id: "x"), rule("/b", "GET", line: 4, id: "x")]))
        #expect(twice?.message == "the id 'x' is already taken")
        #expect(twice?.related == [at(3)])
        for id in ["", "default", "a b", "é", "\""] {
            #expect(
                failure(source([rule("/a", "GET", id: id)]))?.message.contains("the id") == true)
        }
    }

    @Test func `facts carry the place and JSON forms`() throws {
        let gate = try Gate(source([rule("/a\"b", "GET", line: 12)]))
        let facts = gate.policy.facts(0)
        #expect(facts.name.text == "/a\"b" && facts.nameJSON.text == "\"/a\\\"b\"")
        #expect(facts.ref.text == "a.yaml:12" && facts.refJSON.text == "\"a.yaml:12\"")
        #expect(facts.idJSON.text == "\"a-b\"")
        let defaults = gate.policy.facts(1)
        #expect(
            defaults.isDefault && defaults.name.text == "defaults"
                && defaults.ref.text == "a.yaml:1")
    }
}
