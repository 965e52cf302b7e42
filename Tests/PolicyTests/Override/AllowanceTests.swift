// What becomes of an override: the same as of a method, over every reading of the path.

import HTTPSyntax
import Testing

@testable import Policy

struct AllowanceTests {
    /// `403 POST`: status and Allow, `would` in front under shadow; or `passes`.
    private func ruling(
        _ gate: Gate, _ override: String, on method: String = "POST", _ path: String
    ) -> String {
        let verdict = gate.judge(method, path)
        return method.withView { method in
            path.withView { path in
                override.withView { text in
                    let request = PolicyRequest(
                        method: gate.policy.methodID(method), path: path, host: .empty)
                    let allowance = gate.policy.overrideAllowance(
                        request, verdict, scratch: gate.scratch)
                    guard let value = gate.scratch.override(inField: text) else { return "none" }
                    let asked = gate.policy.method(of: value)
                    let ruling = allowance.ruling(on: asked)
                    guard ruling != .passes else { return "passes" }
                    let result = gate.policy.verdict(
                        ruling, on: asked, of: request.method, allowance, after: verdict)
                    #expect(result.outcome == .overrideBlocked)
                    #expect(result.isShadowed == (ruling == .wouldBlock))
                    let would = result.isShadowed ? "would " : ""
                    let hint = result.hintReadings ? " hint" : ""
                    return "\(would)\(result.status) \(gate.allow(result))\(hint)"
                }
            }
        }
    }

    @Test(arguments: [
        ("PUT", "/a", "passes"), ("put", "/a", "passes"), ("HEAD", "/a", "passes"),
        ("DELETE", "/a", "403 GET, HEAD, POST, PUT"), ("FROB", "/a", "403 GET, HEAD, POST, PUT"),
        ("FROB", "/custom", "passes"), ("XYZZY", "/any", "passes"),
        ("a b", "/a", "403 GET, HEAD, POST, PUT"),
        ("PUT", "/forbidden", "403 POST"), ("PUT", "/hidden", "404 POST"),
        ("PUT", "/shut", "0 POST"),
        ("", "/a", "none"), ("PUT", "/deny", "403 POST, PUT"), ("POST", "/deny", "403 POST, PUT"),
        ("PUT", "/shadow", "would 403 POST"), ("POST", "/shadow", "passes"),
        ("a b", "/shadow", "would 403 POST"), ("PUT", "/shadow-deny", "would 403 POST, PUT"),
        ("DELETE", "/shadow-deny", "would 403 POST, PUT"),
    ])
    func `an override is judged as a method is`(
        _ override: String, _ path: String, _ expected: String
    ) throws {
        let gate = try Gate(
            source(
                [
                    rule("/a", "GET POST PUT"), rule("/custom", "POST FROB"), rule("/any", "any"),
                    rule("/forbidden", "POST") { $0.blockedStatus = .forbidden },
                    rule("/hidden", "POST") { $0.blockedStatus = .notFound },
                    rule("/shut", "POST") { $0.blockedStatus = .close },
                    rule("/deny", "POST PUT") { $0.overrides = .deny },
                    rule("/shadow", "POST") { $0.mode = .shadow },
                    rule("/shadow-deny", "POST PUT") {
                        $0.mode = .shadow
                        $0.overrides = .deny
                    },
                ], custom: ["FROB"]))
        #expect(ruling(gate, override, path) == expected)
    }

    @Test(arguments: ["/any", "/shadow", "/shadow-any"], ["TRACE", "CONNECT"])
    func `nothing lifts TRACE and CONNECT but a list`(_ path: String, _ override: String) throws {
        let gate = try Gate(
            source([
                rule("/any", "any"), rule("/shadow", "POST") { $0.mode = .shadow },
                rule("/shadow-any", "any") { $0.mode = .shadow },
            ]))
        #expect(ruling(gate, override, path).hasPrefix("403"))
    }

    @Test func `TRACE passes where it is listed`() throws {
        let gate = try Gate(source([rule("/traced", "POST TRACE")]))
        #expect(ruling(gate, "TRACE", "/traced") == "passes")
    }

    @Test(arguments: [
        ("/api/x%2Fkeep", "403 POST hint"), ("/api/x%2Fy", "passes"), ("/api/y", "passes"),
        ("/API/X/KEEP", "403 POST hint"), ("/api/../api/x/keep", "403 POST hint"),
    ])
    func `every reading of the path must allow it`(_ path: String, _ expected: String) throws {
        let gate = try Gate(
            source(
                [rule("/api/{rest...}", "POST DELETE"), rule("/api/{id}/keep", "POST")],
                defaults: "POST DELETE"))
        #expect(ruling(gate, "DELETE", path) == expected)
    }

    /// `/legacy/{rest...}` says `raw`, `/api/items` says `other`; both list POST, and DELETE where
    /// `lists` says so.
    private func mixed(_ raw: OverrideMode, _ other: OverrideMode, _ lists: Bool) throws -> Gate {
        let methods = lists ? "POST DELETE" : "POST"
        return try Gate(
            source([
                rule("/legacy/{rest...}", "POST DELETE") { $0.overrides = raw },
                rule("/api/items", methods) { $0.overrides = other },
            ]))
    }

    @Test(arguments: [
        (OverrideMode.ignore, OverrideMode.check, false, "403 POST hint"),
        (.strip, .check, false, "403 POST hint"), (.ignore, .check, true, "passes"),
        (.ignore, .strip, false, "403 POST hint"),
        (.ignore, .strip, true, "passes"), (.ignore, .deny, true, "403 POST, DELETE"),
        (.strip, .deny, true, "403 POST, DELETE"), (.check, .deny, true, "403 POST, DELETE"),
        (.deny, .ignore, true, "403 POST, DELETE"), (.check, .ignore, true, "passes"),
    ])
    func `a rule that looks away does not for those of other readings`(
        _ raw: OverrideMode, _ other: OverrideMode, _ lists: Bool, _ expected: String
    ) throws {
        let gate = try mixed(raw, other, lists)
        #expect(judges(gate, "/legacy/../api/items"))
        #expect(ruling(gate, "DELETE", "/legacy/../api/items") == expected)
        #expect(judges(gate, "/legacy/items") == (raw == .check || raw == .deny))
    }

    @Test func `rules that look away in all readings are not asked`() throws {
        let gate = try mixed(.strip, .ignore, false)
        #expect(!judges(gate, "/legacy/../api/items"))
    }

    private func judges(_ gate: Gate, _ path: String) -> Bool {
        let verdict = gate.judge("POST", path)
        return path.withView {
            let request = PolicyRequest(method: .post, path: $0, host: .empty)
            return gate.policy.judgesOverrides(request, verdict, scratch: gate.scratch)
        }
    }

    @Test func `an enforcing rule of another reading is not lifted by shadow`() throws {
        let gate = try Gate(
            source([
                rule("/api/{rest...}", "POST") { $0.mode = .shadow }, rule("/api/items", "POST"),
            ]))
        #expect(ruling(gate, "DELETE", "/api/x") == "would 403 POST")
        #expect(ruling(gate, "DELETE", "/api/x/../items") == "403 POST")
        #expect(ruling(gate, "a b", "/api/x/../items") == "403 POST")
    }

    @Test func `what the request's own method lacks is 405`() throws {
        let gate = try Gate(source([rule("/a", "PUT") { $0.mode = .shadow }, rule("/a/b", "PUT")]))
        #expect(ruling(gate, "DELETE", on: "POST", "/a/b") == "405 PUT")
    }

    @Test(arguments: [
        ("/a", OverrideRuling.blocks), ("/any", .passes), ("/shadow", .wouldBlock),
        ("/deny-any", .blocks), ("/shadow-deny", .wouldBlock), ("/all-but-trace", .passes),
    ])
    func `content that nobody can look into passes where every method does`(
        _ path: String, _ expected: OverrideRuling
    ) throws {
        let gate = try Gate(
            source([
                rule("/a", "GET POST PUT PATCH DELETE"), rule("/any", "any"),
                rule("/shadow", "POST") { $0.mode = .shadow },
                rule("/deny-any", "any") { $0.overrides = .deny },
                rule("/shadow-deny", "any") {
                    $0.mode = .shadow
                    $0.overrides = .deny
                },
                rule("/all-but-trace", "any TRACE"),
            ]))
        let verdict = gate.judge("POST", path)
        path.withView { path in
            let request = PolicyRequest(method: .post, path: path, host: .empty)
            let allowance = gate.policy.overrideAllowance(request, verdict, scratch: gate.scratch)
            #expect(allowance.rulingOnUnseen == expected)
        }
    }
}
