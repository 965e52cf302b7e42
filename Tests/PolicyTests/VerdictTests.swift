import HTTPSyntax
import Testing

@testable import Policy

struct VerdictTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var methods: String
        var method: String
        var asking: String?
        var answer: String
        var mode = Mode.enforce
        var options = OptionsMode.preflight
        var blocked = BlockedStatus.methodNotAllowed
        var unknown = UnknownMethodStatus.methodNotAllowed

        var testDescription: String { "[\(methods)] \(method) \(asking ?? "") \(mode) \(options)" }
    }

    static let cases: [Case] = [
        Case(methods: "GET", method: "GET", answer: "forward"),
        Case(methods: "GET", method: "PUT", answer: "405 methodBlocked GET, HEAD"),
        Case(methods: "", method: "GET", answer: "405 methodBlocked "),
        Case(methods: "GET", method: "get", answer: "405 methodBlocked GET, HEAD"),
        Case(
            methods: "GET", method: "PUT", answer: "403 methodBlocked GET, HEAD",
            blocked: .forbidden),
        Case(
            methods: "GET", method: "PUT", answer: "404 methodBlocked GET, HEAD", blocked: .notFound
        ),
        Case(methods: "GET", method: "PUT", answer: "0 methodBlocked GET, HEAD", blocked: .close),
        Case(methods: "GET", method: "FOO", answer: "405 methodBlocked GET, HEAD"),
        Case(
            methods: "GET", method: "FOO", answer: "501 methodBlocked GET, HEAD",
            unknown: .notImplemented),
        Case(
            methods: "GET", method: "LOCK", answer: "405 methodBlocked GET, HEAD",
            unknown: .notImplemented),
        Case(
            methods: "GET", method: "BREW", answer: "405 methodBlocked GET, HEAD",
            unknown: .notImplemented),
        Case(methods: "any", method: "FOO", answer: "forward", unknown: .notImplemented),
        // Shadow.
        Case(
            methods: "GET", method: "PUT", answer: "would 405 methodBlocked GET, HEAD",
            mode: .shadow),
        Case(methods: "GET", method: "GET", answer: "forward", mode: .shadow),
        Case(methods: "TRACE", method: "TRACE", answer: "forward", mode: .shadow),
        // Preflights.
        Case(methods: "GET PUT", method: "OPTIONS", asking: "PUT", answer: "forward"),
        Case(methods: "GET PUT", method: "OPTIONS", answer: "405 methodBlocked GET, HEAD, PUT"),
        Case(
            methods: "GET", method: "OPTIONS", asking: "PUT",
            answer: "405 preflightBlocked GET, HEAD"),
        Case(
            methods: "GET OPTIONS", method: "OPTIONS", asking: "PUT",
            answer: "403 preflightBlocked GET, HEAD, OPTIONS"),
        Case(methods: "GET OPTIONS", method: "OPTIONS", asking: "GET", answer: "forward"),
        Case(methods: "GET OPTIONS", method: "OPTIONS", answer: "forward"),
        Case(methods: "any", method: "OPTIONS", asking: "FOO", answer: "forward"),
        Case(methods: "any", method: "OPTIONS", asking: "CONNECT", answer: "403 preflightBlocked"),
        Case(
            methods: "GET", method: "OPTIONS", asking: "PUT",
            answer: "would 405 preflightBlocked GET, HEAD", mode: .shadow),
        Case(
            methods: "GET", method: "OPTIONS", answer: "204 answerOptions GET, HEAD",
            options: .answer),
        Case(methods: "GET", method: "OPTIONS", asking: "GET", answer: "forward", options: .answer),
        Case(
            methods: "GET", method: "OPTIONS", asking: "PUT",
            answer: "405 preflightBlocked GET, HEAD", options: .answer),
        Case(methods: "GET OPTIONS", method: "OPTIONS", answer: "forward", options: .answer),
        Case(methods: "GET", method: "OPTIONS", answer: "forward", mode: .shadow, options: .answer),
        Case(
            methods: "GET", method: "OPTIONS", asking: "GET", answer: "405 methodBlocked GET, HEAD",
            options: .list),
        Case(
            methods: "OPTIONS", method: "OPTIONS", asking: "PUT", answer: "forward", options: .list),
        // Only an OPTIONS is a preflight.
        Case(methods: "GET", method: "PUT", asking: "GET", answer: "405 methodBlocked GET, HEAD"),
    ]

    @Test(arguments: cases)
    func `a request gets its verdict`(_ sample: Case) throws {
        let gate = try Gate(
            source([
                rule("/a", sample.methods) {
                    $0.mode = sample.mode
                    $0.options = sample.options
                    $0.blockedStatus = sample.blocked
                    $0.unknownMethod = sample.unknown
                }, rule("/b", "BREW"),
            ]))
        let answer = gate.answer(sample.method, "/a", asking: sample.asking)
        if sample.answer.hasPrefix("403 preflightBlocked"), sample.methods == "any" {
            #expect(answer.hasPrefix(sample.answer))
        } else {
            #expect(answer == sample.answer)
        }
    }

    @Test(arguments: ["GET", "any", ""], [Mode.enforce, .shadow])
    func `CONNECT and an unlisted TRACE never pass`(_ methods: String, _ mode: Mode) throws {
        let gate = try Gate(
            source([
                rule("/a", methods) {
                    $0.mode = mode
                    $0.blockedStatus = .notFound
                }
            ]))
        for method in ["CONNECT", "TRACE"] {
            let verdict = gate.judge(method, "/a")
            #expect(verdict.outcome == .methodBlocked && !verdict.isShadowed)
            #expect(verdict.status == (method == "CONNECT" ? 405 : 404))
        }
    }

    @Test func `an Allow never holds the method of the request`() throws {
        var generator = FixedGenerator(state: 5)
        let methods = ["GET", "PUT", "OPTIONS", "TRACE", "any", ""]
        for _ in 0..<2000 {
            let rules = ["/a", "/b/{x}", "/A"].map { pattern in
                rule(pattern, methods.shuffled(using: &generator).prefix(2).joined(separator: " "))
                {
                    $0.mode = Bool.random(using: &generator) ? .shadow : .enforce
                    $0.options = [.preflight, .answer, .list].randomElement(using: &generator)
                }
            }
            let gate = try Gate(
                source(rules, defaults: methods.randomElement(using: &generator) ?? ""))
            for path in ["/a", "/A", "/b/..%2Fa", "/b/x", "/none"] {
                for method in ["GET", "PUT", "OPTIONS", "TRACE", "CONNECT", "FOO"] {
                    let asking = Bool.random(using: &generator) ? "PUT" : nil
                    let verdict = gate.judge(method, path, asking: asking)
                    guard verdict.outcome != .forward, !verdict.isShadowed else { continue }
                    let id = method.withView(gate.policy.methodID)
                    #expect(verdict.status != 405 || !verdict.allowed.contains(id))
                }
            }
        }
    }

    @Test func `Allow is exactly what passes`() throws {
        let gate = try Gate(
            source(
                [
                    rule("/a", "GET POST"), rule("/A", "GET PUT"),
                    rule("/p/{x}", "PUT GET") { $0.mode = .shadow },
                ], defaults: "GET PATCH"))
        for path in ["/a", "/A", "/p/x", "/p/x%2Fy", "/none", "/%2e/a"] {
            for method in MethodID.registry {
                let name = ByteView(method).text
                let verdict = gate.judge(name, path)
                guard verdict.outcome != .forward, !verdict.isShadowed else { continue }
                for other in MethodID.registry where ByteView(other).text != name {
                    let passed = gate.judge(ByteView(other).text, path)
                    let passes = passed.outcome == .forward || passed.isShadowed
                    let id = MethodID(registered: ByteView(other))
                    #expect(
                        verdict.allowed.contains(id) == passes,
                        "\(path) \(name) \(ByteView(other).text)")
                }
            }
        }
    }
}
