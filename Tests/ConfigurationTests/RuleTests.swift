// Rules, hosts and defaults as the policy gets them.

import HTTPSyntax
import Policy
import Testing

@testable import Configuration

struct RuleTests {
    /// What a policy says of a request.
    private func facts(_ settings: Settings, _ path: String, host: String = "") -> RuleFacts {
        Array(path.utf8).withView { path in
            Array(host.utf8).withView { host in
                let request = PolicyRequest(method: .get, path: path, host: host)
                let verdict = settings.policy.judge(request, scratch: JudgeScratch())
                return settings.policy.facts(verdict.rule)
            }
        }
    }

    @Test func `a long rule has every option it writes`() throws {
        let settings = try settings(
            listen + """
                backends: {app: 'http://127.0.0.1:1', other: 'http://127.0.0.1:2'}
                defaults: {methods: [GET], backend: app}
                rules:
                  /a:
                    methods: [POST, GET]
                    id: rule-a
                    backend: other
                    mode: shadow
                    options: answer
                    override: deny
                    pass_fields: [Proxy, X-Original-URL]
                    readings: exact
                    head_follows_get: false
                    blocked_status: 404
                    unknown_method: 501
                    narrow_allow: false
                    attribution: minimal
                """)
        let rule = facts(settings, "/a")
        #expect(rule.id.text == "rule-a")
        #expect(rule.allow.text == "POST, GET")
        #expect(rule.backend == 1)
        #expect(rule.mode == .shadow)
        #expect(rule.options == .answer)
        #expect(rule.overrides == .deny)
        #expect(rule.passedFields == [.proxy, .originalURL])
        #expect(rule.readings == .exact)
        #expect(rule.blockedStatus == .notFound)
        #expect(rule.unknownMethod == .notImplemented)
        #expect(!rule.narrowAllow)
        #expect(rule.attribution == .minimal)
    }

    @Test func `a rule inherits what it does not write, and the defaults their defaults`() throws {
        let settings = try settings(
            listen + backend + """
                defaults: {methods: [GET], blocked_status: 403, mode: shadow, pass_fields: [Proxy]}
                rules: {/a: [POST], /b: {methods: [PUT], mode: enforce, pass_fields: []}}
                """)
        #expect(facts(settings, "/a").blockedStatus == .forbidden)
        #expect(facts(settings, "/a").mode == .shadow)
        #expect(facts(settings, "/b").mode == .enforce)
        #expect(facts(settings, "/a").readings == .all)
        #expect(facts(settings, "/a").overrides == .check)
        #expect(facts(settings, "/a").passedFields == .proxy)
        #expect(facts(settings, "/b").passedFields == [])
        #expect(facts(settings, "/a").narrowAllow)
        #expect(facts(settings, "/else").isDefault)
    }

    @Test func `a permission to upgrade is a rule's own`() throws {
        let settings = try settings(
            smallest + """
                rules:
                  /a: {methods: [GET], upgrade: [websocket]}
                  /b: {methods: any, upgrade: [websocket], host: a.example.com}
                  /c: {methods: [GET], upgrade: []}
                  /d: [GET]
                """)
        #expect(facts(settings, "/a").grantsWebSocket)
        #expect(facts(settings, "/b", host: "a.example.com").grantsWebSocket)
        for path in ["/c", "/d", "/else", "/a/b"] {
            #expect(!facts(settings, path).grantsWebSocket, "\(path)")
        }
    }

    @Test func `readings come from the rule, else its backend, else the defaults`() throws {
        let settings = try settings(
            listen + """
                backends:
                  app: http://127.0.0.1:1
                  plain: {url: 'http://127.0.0.1:2', readings: exact}
                defaults: {methods: [GET], backend: app, readings: standard}
                rules:
                  /app: [GET]
                  /plain: {methods: [GET], backend: plain}
                  /all: {methods: [GET], backend: plain, readings: all}
                """)
        #expect(facts(settings, "/app").readings == .standard)
        #expect(facts(settings, "/plain").readings == .exact)
        #expect(facts(settings, "/all").readings == .all)
    }

    @Test func `a reference names the file relative to the main one, and the line`() throws {
        let settings = try settings(
            smallest + "include: conf.d/*.yaml\nrules:\n  /main: [GET]\n",
            files: ["conf.d/more.yaml": "# more\nrules:\n  /more: [GET]\n"])
        #expect(facts(settings, "/main").ref.text == "methodgate.yaml:9")
        #expect(facts(settings, "/more").ref.text == "conf.d/more.yaml:3")
        #expect(facts(settings, "/else").ref.text == "methodgate.yaml:6")
    }

    @Test func `a host's rules stand under hosts or name their host`() throws {
        let settings = try settings(
            smallest + """
                hosts:
                  a.example.com:
                    defaults: {methods: [PUT]}
                    rules: {/a: [POST]}
                rules:
                  /b: {methods: [DELETE], host: a.example.com}
                """,
            files: [:])
        #expect(facts(settings, "/a", host: "a.example.com").allow.text == "POST")
        #expect(facts(settings, "/b", host: "a.example.com").allow.text == "DELETE")
        #expect(facts(settings, "/c", host: "a.example.com").allow.text == "PUT")
        #expect(facts(settings, "/a", host: "b.example.com").allow.text == "GET, HEAD")
    }

    @Test func `any stands alone or in a list`() throws {
        let settings = try settings(
            listen + backend + """
                defaults: {methods: any}
                rules: {/a: any, /b: [any, TRACE], /c: []}
                """)
        #expect(facts(settings, "/else").methods.others)
        #expect(facts(settings, "/a").methods.others)
        #expect(!facts(settings, "/a").methods.contains(.trace))
        #expect(facts(settings, "/b").methods.contains(.trace))
        #expect(facts(settings, "/c").methods == .none)
    }

    @Test func `a custom method is no typing error`() throws {
        let settings = try settings(
            smallest + "custom_methods: [OPTION]\nrules: {/a: [OPTION]}\n")
        #expect(facts(settings, "/a").allow.text == "OPTION")
    }

    @Test func `a warning stops nothing and stays with the settings`() throws {
        let result = try load(smallest + "rules:\n  /a: [GET, GET]\n")
        let warning = try #require(result.settings?.warnings.first)
        #expect(warning.severity == .warning)
        #expect(
            warning.headline.hasSuffix("yaml:8:13: warning: rules./a[1]: 'GET' is listed twice"))
        #expect(result.errorCount == 0)
    }
}
