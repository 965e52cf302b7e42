import HTTPSyntax
import Testing

@testable import Policy

/// Tunnels are granted below /ws, but for /ws/admin and the host that has rules of its own there.
private func gate(_ level: ReadingLevel = .all, mode: Mode = .enforce) throws -> Gate {
    try Gate(
        source(
            [
                rule("/ws/{r...}", "GET", grantsWebSocket: true) { $0.mode = mode },
                rule("/ws/admin/{r...}", "GET"), rule("/ws/a/log", "GET") { $0.mode = mode },
            ],
            hosts: [
                ("own.example", [rule("/ws/{r...}", "GET")], nil),
                ("more.example", [rule("/more", "any", grantsWebSocket: true)], nil),
            ]
        ) { $0.readings = level })
}

extension Gate {
    fileprivate func grants(_ path: String, host: String = "") -> Bool {
        path.withView { path in
            host.withView { host in
                let request = PolicyRequest(method: .get, path: path, host: host)
                let rule = policy.judge(request, scratch: scratch).rule
                guard rule >= 0 else { return false }
                return policy.grantsWebSocket(request, rule: rule, scratch: scratch)
            }
        }
    }
}

struct UpgradeTests {
    @Test(arguments: ["/ws", "/ws/", "/ws/a", "/ws/a/b", "/ws/A", "/ws/%61", "/ws/a%2Fb", "/ws//a"])
    func `a rule that grants it grants all its paths`(_ path: String) throws {
        #expect(try gate().grants(path))
    }

    @Test(arguments: ["/", "", "/wsx", "/ws/admin", "/ws/admin/x", "/ws/a/log", "/more"])
    func `no other rule does, nor any defaults`(_ path: String) throws {
        #expect(try !gate().grants(path))
    }

    @Test(arguments: [
        ("/ws/ADMIN", ReadingLevel.all), ("/ws/admin;x", .all), ("/ws/x/../admin", .standard),
        ("/ws//admin", .standard), ("/ws/%61dmin", .exact), ("/ws/%2561dmin", .all),
        ("/ws/admin%2Fx", .all), ("/ws/a/LOG", .all),
    ])
    func `every reading has to find a rule that grants it`(
        _ path: String, _ from: ReadingLevel
    ) throws {
        for level in [ReadingLevel.exact, .standard, .all] {
            #expect(try gate(level).grants(path) == (level < from), "\(path) at \(level)")
        }
    }

    @Test func `the rules of a host come first, and the common ones where it has none`() throws {
        let gate = try gate()
        #expect(!gate.grants("/ws/a", host: "own.example"))
        #expect(gate.grants("/ws/a", host: "more.example"))
        #expect(gate.grants("/more", host: "more.example"))
        #expect(gate.grants("/ws/a", host: "else.example"))
    }

    @Test func `shadow mode grants nothing that is not listed`() throws {
        let gate = try gate(mode: .shadow)
        #expect(gate.grants("/ws/a"))
        #expect(!gate.grants("/ws/a/log"))
        #expect(!gate.grants("/ws/a/LOG"))
    }

    @Test func `a path that is refused grants nothing`() throws {
        #expect(try !gate().grants("/ws/%zz"))
    }

    @Test(arguments: ["POST", "HEAD PUT", ""])
    func `a permission without GET is a mistake`(_ methods: String) {
        let problem = failure(source([rule("/a", methods, line: 7, grantsWebSocket: true)]))
        #expect(problem?.location.line == 7)
        #expect(problem?.message.contains("a WebSocket begins with GET") == true)
    }

    @Test func `what explain says of it is what the gate does`() throws {
        let gate = try gate()
        for path in ["/ws/a", "/ws/ADMIN", "/ws/admin", "/"] {
            let said = path.withView { path in
                gate.policy.explain(PolicyRequest(method: .post, path: path, host: .empty))
            }
            #expect(said.grantsWebSocket == gate.grants(path))
        }
    }
}
