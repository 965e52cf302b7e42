import ArgumentParser
import Configuration
import Gateway
import HTTP1
import HTTPSyntax
import Policy

// `methodgate explain`: the verdict on one request, found by the gate's own parser and policy.

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what becomes of a request, and why.",
        discussion: """
            Judges METHOD URL by the configuration exactly as the running gate would, and prints \
            every reading of the path with the rule it finds. Sends nothing.

              methodgate explain DELETE http://shop.example/api/items/7
              methodgate explain GET https://shop.example/ --header 'Host: admin.example'
              methodgate explain OPTIONS /api/items --preflight POST
              methodgate explain OPTIONS /api/items --header 'Max-Forwards: 0'
              methodgate explain POST /api/items --header 'X-HTTP-Method-Override: DELETE'
              methodgate explain POST '/api/items?_method=DELETE'

            Overrides of the method in fields and in the query of a POST are judged, too; for one \
            in content say --override METHOD.

            A URL says by what connection the request comes: https asks for the URL's host by SNI, \
            and the first listener that speaks TLS is taken, of those with the URL's port where \
            there are such. A path alone leaves that open.

            Exit status: 0 it would be forwarded or answered, 1 it would be blocked, 2 usage or \
            configuration.
            """)

    @Argument(help: "The method, as it would be sent: case matters.")
    var method: String
    @Argument(help: "A URL, or a path that begins with a slash.")
    var url: String
    @Option(
        help: ArgumentHelp(
            "Judge an OPTIONS as a CORS preflight for this method.", valueName: "method"))
    var preflight: String?
    @Option(
        name: .customLong("header"),
        help: ArgumentHelp(
            "A field line of the request; may be repeated.", valueName: "name: value"))
    var headers: [String] = []
    @Option(
        name: .customLong("override"),
        help: ArgumentHelp(
            "Judge this method, too, as if content asked for it; may be repeated.",
            valueName: "method"))
    var overrides: [String] = []
    @OptionGroup var file: ConfigurationOption
    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        guard method.withView(Token.isValid) else {
            throw ValidationError("'\(method)' is no method: a method is a token.")
        }
        if let preflight {
            guard preflight.withView(Token.isValid) else {
                throw ValidationError("'\(preflight)' is no method: a method is a token.")
            }
            guard method == "OPTIONS" else {
                throw ValidationError("--preflight is about an OPTIONS request.")
            }
        }
        for header in headers {
            guard let colon = header.firstIndex(of: ":"), colon != header.startIndex,
                !header.utf8.contains(where: { $0 == 13 || $0 == 10 })
            else { throw ValidationError("'\(header)' is no field line: write NAME: VALUE.") }
        }
        guard !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else {
            throw ValidationError("A URL holds no white space: write %20.")
        }
        if let range = Self.authority(of: url) {
            guard !range.isEmpty else { throw ValidationError("'\(url)' names no host.") }
        } else if method != "CONNECT", url != "*", !url.hasPrefix("/") {
            throw ValidationError(
                "'\(url)' is no http:// or https:// URL, and no path that begins with a slash.")
        }
    }

    func run() throws {
        let settings = try file.load()
        let connection = authority.map {
            ExplainedConnection(
                isTLS: url.lowercased().hasPrefix("https:"), authority: $0, settings)
        }
        if let refusal = connection?.refusal {
            print(refusal: refusal, connection)
            throw ExitCode(1)
        }
        let request = Array(requestText.utf8)
        var head = RequestHead(maximumFields: settings.limits.fields)
        let limits = HeadLimits(
            head: settings.limits.requestHead, target: settings.limits.target,
            fields: settings.limits.fields)
        let isBlocked = request.withView { bytes in
            if case .failed(let error) = RequestParser.parse(bytes, into: &head, limits: limits) {
                print(refusal: error.status, error.reason.text, connection)
                return true
            }
            return explain(head, in: bytes, connection, settings)
        }
        if isBlocked { throw ExitCode(1) }
    }

    /// In the order of the gate (`handle` in Gateway/Forwarding.swift); whether it is blocked.
    private func explain(
        _ head: borrowing RequestHead, in bytes: ByteView, _ connection: ExplainedConnection?,
        _ settings: Settings
    ) -> Bool {
        let policy = settings.policy
        let host = head.host(in: bytes)
        let (verdict, asked) = policy.judge(head, in: bytes, scratch: JudgeScratch())
        let facts = verdict.rule < 0 ? nil : policy.facts(verdict.rule)
        if head.flags.contains(.unknownExpectation) {
            print(refusal: .expectationFailed, connection, host: host, facts)
            return true
        }
        if connection?.isMisdirected(host: host) == true {
            print(refusal: .misdirected, connection, host: host)
            return true
        }
        if head.asksAboutGate {
            printAnswerAboutGate()
            return false
        }
        var text = Explainer(
            settings: settings, request: asked, explanation: policy.explain(asked, verdict),
            method: method, connection: connection)
        if verdict.outcome == .forward || verdict.isShadowed {
            var judged = ExplainedOverrides(policy, asked, verdict)
            judged.judge(head, in: bytes, more: overrides)
            text.explanation.verdict = judged.verdict
            text.overrides = judged.all
        }
        if !text.isBlocked, verdict.outcome != .answerOptions {
            if head.isLonger(than: settings.limits.content.map(UInt64.init)) {
                print(refusal: .contentTooLarge, connection, host: host, facts)
                return true
            }
            text.isLastHop = head.maxForwards(in: bytes) == 0
        }
        Terminal.out(json ? text.json.pretty + "\n" : text.text(color: Terminal.outputColor))
        return text.isBlocked
    }

    /// The request that the URL makes, so that it is read by the gate's own parser.
    private var requestText: String {
        var host = "localhost"
        var target = url
        if let range = Self.authority(of: url), let authority {
            host = authority
            target = String(url[range.upperBound...])
            if !target.hasPrefix("/") { target = "/" + target }
        }
        if let fragment = target.firstIndex(of: "#") { target = String(target[..<fragment]) }
        if method == "CONNECT", Self.authority(of: url) == nil, !url.hasPrefix("/") {
            target = url.contains(":") ? url : url + ":443"
            host = target
        }
        var lines = headers
        if let preflight {
            if !names("origin") { lines.append("Origin: http://\(host)") }
            lines.append("Access-Control-Request-Method: \(preflight)")
        }
        if !names("host") {
            lines.insert("Host: \(host)", at: 0)
        }
        let fields = lines.map { $0 + "\r\n" }.joined()
        return "\(method) \(target) HTTP/1.1\r\n\(fields)\r\n"
    }

    /// Whether a field line of that name, in lower case, was given.
    private func names(_ field: String) -> Bool {
        headers.contains { $0.lowercased().hasPrefix(field + ":") }
    }

    /// Of the URL, without a name of a user; nil where there is none.
    private var authority: String? {
        Self.authority(of: url).map { String(url[$0].split(separator: "@").last ?? "") }
    }

    private static func authority(of url: String) -> Range<String.Index>? {
        for scheme in ["http://", "https://"] where url.lowercased().hasPrefix(scheme) {
            let start = url.index(url.startIndex, offsetBy: scheme.count)
            let end = url[start...].firstIndex { "/?#".contains($0) } ?? url.endIndex
            return start..<end
        }
        return nil
    }

    /// `OPTIONS *` asks no rule.
    private func printAnswerAboutGate() {
        if json {
            let report = JSON.object([
                ("verdict", .string("answer-options")), ("blocked", .bool(false)),
                ("status", .number(204)), ("readings", .array([])),
            ])
            Terminal.out(report.pretty + "\n")
        } else {
            Terminal.out("\(method): answered here: 204; it asks about the gate as a whole\n")
        }
    }

    private func print(
        refusal: Refusal, _ connection: ExplainedConnection?, host: ByteView? = nil,
        _ facts: RuleFacts? = nil
    ) {
        print(refusal: refusal.status, refusal.reason, connection, host: host, facts)
    }

    /// What no rule decides; `facts`: of the rule that the path finds nevertheless.
    private func print(
        refusal status: UInt16, _ reason: StaticString, _ connection: ExplainedConnection?,
        host: ByteView? = nil, _ facts: RuleFacts? = nil
    ) {
        if json {
            let report: [(String, JSON)] = [
                ("verdict", .string("malformed-request")), ("blocked", .bool(true)),
                ("status", .number(Int(status))), ("reason", .string("\(reason)")),
            ]
            let way = connection?.members(host: host) ?? []
            let rule = facts.map(Explainer.members) ?? []
            let end = [("readings", JSON.array([]))]
            Terminal.out(JSON.object(report + way + rule + end).pretty + "\n")
        } else {
            Terminal.out("\(method): refused with \(status): \(reason)\n")
            if let connection { Terminal.out(connection.text(host: host)) }
            if let facts { Terminal.out(Explainer.line(facts)) }
        }
    }
}
