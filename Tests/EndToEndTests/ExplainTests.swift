// What `explain` says of a request is what the running gate does with it.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Explain` {
        /// What becomes of a request.
        private struct Story: Equatable {
            var verdict: String?
            var status: Int?
            var rule: String?
            var allowed: [String]?
            var hint: String?
        }

        private static let rules = """
              /x: [GET]
              /x/: [PUT]
              /A/B: [PUT]
              /projects/{id}: [GET, PUT]
              /any: [any]
              /all: [any, TRACE]
              /open: [GET, OPTIONS]
              /answer: {methods: [GET, PUT], options: answer}
              /list: {methods: [GET], options: list}
              /shadow: {methods: [GET], mode: shadow}
              /nothing: []
              /hidden: {methods: [GET], blocked_status: 404, unknown_method: 501}
              /shut: {methods: [GET], blocked_status: close}
              /no: {methods: [GET], blocked_status: 403}
              /known: {methods: [GET], unknown_method: 501}
              /deny: {methods: [GET, POST], override: deny}
              /form: [POST, PUT]
            limits: {content: 1KiB}
            """

        private static let origin = "Origin: http://b.example"
        private static let asks = "Access-Control-Request-Method: "
        private static let form = "Content-Type: application/x-www-form-urlencoded"

        /// Method, target, field lines.
        private static let requests: [[String]] = [
            ["GET", "/"], ["PUT", "/"], ["BREW", "/"], ["get", "/"], ["HEAD", "/x"],
            ["PUT", "/x"], ["GET", "/x/"], ["PUT", "/x/"], ["DELETE", "/x"],
            ["GET", "/a/b"], ["PUT", "/a/b"], ["PUT", "/A/B"], ["DELETE", "/A/b"],
            ["PUT", "/projects/1"], ["PUT", "/projects/a%2Fb"], ["GET", "/projects/..%2fx"],
            ["GET", "/%zz"], ["GET", "/a%00"], ["GET", "/x%25252525"],
            ["GET", "http://a.example/x"],
            ["GET", "/any"], ["TRACE", "/any"], ["BREW", "/any"], ["CONNECT", "/any"],
            ["TRACE", "/all"], ["TRACE", "/all", "Max-Forwards: 0"],
            ["TRACE", "/any", "Max-Forwards: 0"], ["CONNECT", "/all"], ["CONNECT", "/hidden"],
            ["CONNECT", "/shut"], ["CONNECT", "/shadow"], ["CONNECT", "a.example:443"],
            ["OPTIONS", "*"], ["OPTIONS", "/x"], ["OPTIONS", "/open"], ["OPTIONS", "/answer"],
            ["OPTIONS", "/open", "Max-Forwards: 0"], ["OPTIONS", "/x", "Max-Forwards: 0"],
            ["OPTIONS", "/open", "Max-Forwards: 1"], ["GET", "/open", "Max-Forwards: 0"],
            ["OPTIONS", "/open", "Max-Forwards: 4", "Max-Forwards: 0"],
            ["OPTIONS", "/answer", "Max-Forwards: 0"], ["OPTIONS", "/shadow", "Max-Forwards: 0"],
            ["OPTIONS", "/x", origin, asks + "GET"], ["OPTIONS", "/x", origin, asks + "PUT"],
            ["OPTIONS", "/x", asks + "GET"], ["OPTIONS", "/open", origin, asks + "PUT"],
            ["OPTIONS", "/form", origin, asks + "PUT", asks + "DELETE"],
            ["OPTIONS", "/any", origin, asks], ["OPTIONS", "/list", origin, asks + "GET"],
            ["OPTIONS", "/answer", origin, asks + "DELETE"],
            ["OPTIONS", "/shadow", origin, asks + "PUT"],
            ["PUT", "/shadow"], ["TRACE", "/shadow"], ["GET", "/nothing"], ["GET", "/nothing/"],
            ["PUT", "/hidden"], ["BREW", "/hidden"], ["PUT", "/shut"], ["PUT", "/no"],
            ["BREW", "/known"], ["PUT", "/known"], ["BREW", "/shut"],
            ["GET", "/x", "Expect: 100-continue"], ["GET", "/x", "Expect: something"],
            ["PUT", "/x", "Expect: something"], ["GET", "/x", "X : y"], ["GET", "/x", "Host: a b"],
            ["POST", "/form?_method=PUT"], ["POST", "/form?_method=DELETE"],
            ["PUT", "/form?_method=DELETE"],
            ["PUT", "/form?_method=DELETE", "X-HTTP-Method-Override: POST"],
            ["POST", "/form", "X-HTTP-Method: DELETE"], ["POST", "/deny", "X-HTTP-Method: GET"],
            ["GET", "/shadow", "X-Method-Override: PUT"],
            ["POST", "/form", "Content-Length: 0", form, "Content-Encoding: gzip"],
            ["POST", "/form", "Transfer-Encoding: chunked", form, "Content-Encoding: gzip"],
            ["POST", "/form", "Content-Length: 2000"], ["PUT", "/shadow", "Content-Length: 2000"],
        ]

        private let directory: TemporaryDirectory
        private var file: String { directory.path("methodgate.yaml") }

        init() throws { directory = try TemporaryDirectory() }

        private func explained(_ request: [String]) throws -> Story {
            let fields = request.dropFirst(2).flatMap { ["--header", $0] }
            let arguments = ["explain", "--json", "-c", file, request[0], request[1]] + fields
            let process = try ChildProcess(GateProcess.binary(), arguments)
            defer { process.stop(within: 0) }
            let status = process.waitForExit(within: 30)
            let text = Data(process.standardOutput)
            let object = try JSONSerialization.jsonObject(with: text) as? [String: Any]
            let json = try #require(object)
            let isBlocked = try #require(json["blocked"] as? Bool)
            #expect(status == .code(isBlocked ? 1 : 0))
            var story = Story(
                verdict: json["verdict"] as? String, status: json["status"] as? Int,
                rule: json["rule_id"] as? String, allowed: json["allowed"] as? [String],
                hint: json["hint"] as? String)
            if story.verdict == "would-block" { story.status = nil }
            if story.verdict == "forward" { story.allowed = nil }
            // No answer has a trace's Allow.
            if story.verdict == "answer-trace" { story.allowed = nil }
            return story
        }

        /// What the gate did, by its two logs and its answer.
        ///
        /// - Parameter blocked: how many block records there were before.
        private func done(
            _ request: [String], _ gate: GateProcess, number: Int, blocked: inout Int
        ) throws -> Story {
            var lines = ["\(request[0]) \(request[1]) HTTP/1.1"] + request.dropFirst(2)
            if !lines.contains(where: { $0.hasPrefix("Host:") }) {
                lines.insert("Host: a.example", at: 1)
            }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
            if request.contains("Transfer-Encoding: chunked") { try client.send("0\r\n\r\n") }
            let answer = try? client.readFinalAnswer(to: request[0])
            let access = directory.path("access")
            #expect(try eventually { try BlockLog(file: access).lines.count > number })
            let line = try BlockLog(file: access).records()[number]
            let records = try BlockLog(file: directory.path("blocks")).records()
                .filter(\.isAboutRequest)
            // What shadow mode lets pass may be refused after all.
            let record = records.dropFirst(blocked).last
            blocked = records.count
            if let record {
                let body = answer.map { Data($0.content) } ?? Data()
                let json = try? JSONSerialization.jsonObject(with: body) as? [String: Any]
                let action = record["event.action"]
                return Story(
                    verdict: action,
                    status: action == "would-block"
                        ? nil : record.integer("http.response.status_code") ?? 0,
                    rule: record["rule.id"], allowed: record.list("methodgate.allowed"),
                    hint: json?["hint"] as? String)
            }
            var story = Story(verdict: "forward", rule: line["rule.id"])
            if line["event.action"] == "request-answered" {
                story.status = answer?.status
                story.verdict = answer?.status == 204 ? "answer-options" : "answer-trace"
                story.allowed = answer?.value("Allow")?.components(separatedBy: ", ")
            }
            return story
        }

        @Test func `tells what the gate does`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let log = """
                log:
                  blocks: {to: file \(directory.path("blocks"))}
                  access: {to: file \(directory.path("access"))}
                """
            let text = configuration(
                backend.address, methods: "[GET]", rest: Self.rules + "\n" + log)
            let gate = try GateProcess(text, in: directory)
            defer { end(gate) }
            var blocked = 0
            for (number, request) in Self.requests.enumerated() {
                let done = try done(request, gate, number: number, blocked: &blocked)
                #expect(try explained(request) == done, "\(request)")
            }
        }
    }
}
