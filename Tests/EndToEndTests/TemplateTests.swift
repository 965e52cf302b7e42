// Templates of an operator's own: what every kind of answer looks like with them, and a reload.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `Templates` {
        private let directory: TemporaryDirectory
        private let backend: ScriptedBackend

        init() throws {
            directory = try TemporaryDirectory()
            backend = try ScriptedBackend { connection in
                while let request = try connection.readRequest() {
                    let isBad = request.startLine.contains("/nonsense")
                    try connection.send(
                        isBad
                            ? "nonsense\r\n\r\n"
                            : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
        }

        private func write(_ name: String, _ text: String) throws {
            try text.write(
                toFile: directory.path(name), atomically: true, encoding: .utf8)
        }

        private let rest = """
            hosts:
              a.example:
                defaults:
                  templates:
                    html: {4xx: page.html, 5xx: sorry.html}
                    json: error.json
                rules:
                  /secret: {methods: [GET], blocked_status: 404}
                  /slash/: [PATCH]
                  /slash: [GET]
                  /quiet: {methods: [GET], attribution: none}
              b.example:
                defaults: {templates: {text: path.txt}}
            """

        private func start() throws -> GateProcess {
            try write(
                "page.html",
                """
                <title>{{status}} {{title}}</title>{{detail}}|{{#allowed}}{{allowed}}{{/allowed}}|\
                {{method}}|{{#rule}}rule {{rule}}{{/rule}}|{{#hint}}{{hint}}{{/hint}}|{{event_id}}
                """)
            try write(
                "sorry.html", "<h1>{{status}}</h1>{{path}}{{^event_id}} no event{{/event_id}}")
            try write(
                "error.json", #"{"code":{{status}},"allowed":{{allowed_json}},"id":"{{event_id}}"}"#
            )
            try write("path.txt", "{{method}} {{host}}{{path}}")
            return try GateProcess(configuration(backend.address, rest: rest), in: directory)
        }

        private func ask(
            _ gate: GateProcess, _ method: String, _ target: String, accept: String,
            host: String = "a.example"
        ) throws -> WireMessage {
            let text = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\nAccept: \(accept)\r\n\r\n"
            return try RawClient.exchange(gate.address, text, to: method)
        }

        @Test func `replace the content of every answer, and nothing of its head`() throws {
            let gate = try start()
            defer { end(gate) }
            // The second one of two is a kept answer.
            for _ in 0..<2 {
                let page = try ask(gate, "PATCH", "/x", accept: "text/html")
                let id = try #require(page.value("Methodgate-Event"))
                #expect(page.value("Content-Type") == "text/html; charset=utf-8")
                #expect(page.value("Allow") == "GET, HEAD, PUT, DELETE")
                #expect(
                    page.text
                        == "<title>405 Method Not Allowed</title>PATCH is not allowed at this path; "
                        + "allowed: GET, HEAD, PUT, DELETE.|GET, HEAD, PUT, DELETE|PATCH|"
                        + "rule default||\(id)")
                let json = try ask(gate, "PATCH", "/x", accept: "*/*")
                #expect(json.value("Content-Type") == "application/problem+json")
                let event = json.value("Methodgate-Event") ?? ""
                #expect(
                    json.text
                        == #"{"code":405,"allowed":["GET","HEAD","PUT","DELETE"],"id":"\#(event)"}"#
                )
            }
            let hint = try ask(gate, "PATCH", "/slash", accept: "text/html")
            #expect(hint.text.contains("|PATCH is allowed at /slash/|"))
            let hidden = try ask(gate, "PATCH", "/secret", accept: "text/html")
            #expect(hidden.text.hasPrefix("<title>404 Not Found</title>Nothing is served"))
            #expect(hidden.text.contains("|||||"))
            let quiet = try ask(gate, "PATCH", "/quiet", accept: "*/*")
            #expect(quiet.text == #"{"code":405,"allowed":["GET","HEAD"],"id":""}"#)
            let path = try ask(gate, "GET", "/%zz", accept: "text/html")
            #expect(path.text.hasPrefix("<title>400 Bad Request</title>malformed percent escape"))
            #expect(path.text.contains("||GET|||"))
            let failed = try ask(gate, "GET", "/nonsense?x", accept: "text/html")
            #expect(failed.status == 502)
            #expect(failed.text == "<h1>502</h1>/nonsense no event")
            // The form without a template has the gate's own words.
            let text = try ask(gate, "PATCH", "/x", accept: "text/plain")
            #expect(text.text.hasPrefix("405 Method Not Allowed\n"))
            let head = try ask(gate, "HEAD", "/slash/", accept: "*/*")
            #expect(head.status == 405)
            #expect(head.content.isEmpty)
            #expect(head.value("Content-Length") == "76")
        }

        @Test func `that name the path are filled in anew for each request`() throws {
            let gate = try start()
            defer { end(gate) }
            for path in ["/a", "/b", "/%3Cb%3E"] {
                let answer = try ask(
                    gate, "PATCH", path, accept: "text/plain", host: "b.example:80")
                #expect(answer.text == "PATCH b.example:80\(path)")
            }
        }

        @Test func `are read again at a reload; a broken one changes nothing`() throws {
            let gate = try start()
            defer { end(gate) }
            func page() throws -> String {
                try ask(gate, "PATCH", "/x", accept: "application/json").text
            }
            let text = configuration(backend.address, rest: rest)
            #expect(try page().hasPrefix(#"{"code":405"#))
            try write("error.json", #"{"new":{{status}}}"#)
            #expect(try page().hasPrefix(#"{"code":405"#))
            try gate.reload(text)
            #expect(eventually { (try? page()) == #"{"new":405}"# })
            try write("error.json", #"{"newer":{{detail}}}"#)
            try gate.reload(text)
            let message =
                "error.json:1:10: hosts.a.example.defaults.templates.json: is not JSON here"
            #expect(eventually { gate.process.standardError.contains(message) })
            #expect(try page() == #"{"new":405}"#)
            try FileManager.default.removeItem(atPath: directory.path("error.json"))
            try gate.reload(text)
            #expect(eventually { gate.process.standardError.contains("cannot be opened") })
            #expect(try page() == #"{"new":405}"#)
        }

        @Test func `that are broken keep the gate from starting, and check says why`() throws {
            try write("page.html", "<script>{{status}}</script>")
            let text =
                configuration(backend.address)
                + "hosts: {a: {defaults: {templates: {html: page.html}}}}\n"
            try write("methodgate.yaml", text)
            for command in ["check", "run"] {
                let result = try GateProcess.command(
                    command, "-c", directory.path("methodgate.yaml"))
                #expect(result.status == .code(2))
                #expect((result.errors + result.output).contains("page.html:1:9: hosts.a.defaults"))
            }
        }
    }
}
