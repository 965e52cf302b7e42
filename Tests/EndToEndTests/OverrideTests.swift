// Overrides of the method in content of any size: found before the request is whole, answered or
// cut off, recorded.

import Foundation
import TestSupport
import Testing

private let boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW9"

private func part(_ name: String, _ value: String) -> Bytes {
    Bytes(
        "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8
    )
}

/// A form with a file of `streamedBytes` bytes and then an override.
private struct Upload {
    let start = Bytes(
        "--\(boundary)\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n".utf8)
    let end: Bytes

    init(override method: String) {
        end = Bytes("\r\n".utf8) + part("_method", method) + Bytes("--\(boundary)--\r\n".utf8)
    }

    var count: Int { start.count + streamedBytes + end.count }

    func send(_ framing: Framing, _ write: (Bytes) throws -> Void) throws {
        try send(start, framing, write)
        var pattern = Pattern()
        while pattern.count < streamedBytes {
            let left = streamedBytes - pattern.count
            try send(Bytes(pattern.next(min(left, 60_000))), framing, write)
        }
        try send(end, framing, write)
        if framing == .chunked { try write(Bytes("0\r\n\r\n".utf8)) }
    }

    private func send(
        _ bytes: Bytes, _ framing: Framing, _ write: (Bytes) throws -> Void
    ) throws {
        guard framing == .chunked else { return try write(bytes) }
        try write(Bytes("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A])
    }
}

/// A backend that reads everything and keeps the last bytes of each request's content.
private func lastBytes(_ kept: Collected<Bytes>) throws -> ScriptedBackend {
    try ScriptedBackend { connection in
        connection.keepsBytes = false
        guard let head = try connection.readHead() else { return }
        var last = connection.takeContent(after: head)
        var count = last.count
        defer { kept.append(last) }
        while !last.ends(with: "--\(boundary)--\r\n"), !last.ends(with: "\r\n0\r\n\r\n") {
            let more = try connection.socket.read(Deadline(seconds: 30))
            guard !more.isEmpty else { return }
            count += more.count
            last = Bytes((last + more).suffix(400))
        }
        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    }
}

extension Bytes {
    fileprivate func ends(with text: String) -> Bool {
        suffix(text.utf8.count).elementsEqual(text.utf8)
    }
    fileprivate func contains(_ text: String) -> Bool {
        String(decoding: self, as: UTF8.self).contains(text)
    }
}

private func head(_ fields: String..., target: String = "/post/x") -> String {
    let lines = ["Host: a.example"] + fields
    return "POST \(target) HTTP/1.1\r\n\(lines.joined(separator: "\r\n"))\r\n\r\n"
}

private let form = "Content-Type: application/x-www-form-urlencoded"
private let multipart = "Content-Type: multipart/form-data; boundary=\(boundary)"

extension `End to end` {
    struct `Overrides in content` {
        private func records(_ gate: GateProcess, _ count: Int) throws -> [LogRecord] {
            var records: [LogRecord] = []
            #expect(
                try eventually(within: 20) {
                    records = try gate.log.records().filter(\.isAboutRequest)
                    return records.count >= count
                })
            return records
        }

        @Test(arguments: Framing.allCases)
        func `a disallowed one at the end of an upload never reaches the backend`(
            _ framing: Framing
        ) throws {
            let kept = Collected<Bytes>()
            let backend = try lastBytes(kept)
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 60)
            defer { client.close() }
            var growth = try Growth(of: gate)
            let upload = Upload(override: "DELETE")
            try client.send(head(multipart, framing.field(upload.count)))
            try upload.send(framing) {
                try client.send($0)
                try growth.sample()
            }
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 403)
            #expect(answer.values("Allow").isEmpty)
            try growth.expectIsBounded("upload that is watched, \(framing)")
            #expect(eventually(within: 20) { kept.count == 1 })
            // It got the file, and nothing of what names the method.
            #expect(
                kept.all.allSatisfy { !$0.contains("DELETE") && !$0.contains("--\(boundary)--") })
            let record = try #require(try records(gate, 1).first)
            #expect(record["event.action"] == "override-blocked")
            #expect(record["methodgate.override_source"] == "content")
            #expect(record["methodgate.requested_method"] == "DELETE")
            #expect(record.values["methodgate.reached_backend"] as? Bool == true)
            #expect(record["url.path"] == "/post/x")
            #expect(record["event.id"] == answer.value("Methodgate-Event"))
        }

        @Test(arguments: Framing.allCases)
        func `an allowed one passes at the end of an upload`(_ framing: Framing) throws {
            let kept = Collected<Bytes>()
            let backend = try lastBytes(kept)
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect(patience: 60)
            defer { client.close() }
            let upload = Upload(override: "get")
            try client.send(head(multipart, framing.field(upload.count)))
            try upload.send(framing) { try client.send($0) }
            #expect(try client.readFinalAnswer().status == 200)
            #expect(
                eventually(within: 20) { kept.all.first?.contains("\r\n\r\nget\r\n--") == true })
            #expect(try gate.log.records().filter(\.isAboutRequest).isEmpty)
        }

        @Test func `where the answer has begun the connection is reset`() throws {
            let backend = try ScriptedBackend { connection in
                guard try connection.readHead() != nil else { return }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
                while try connection.fill() {}
            }
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(head(form, "Content-Length: 30") + "a=b&_meth")
            #expect(try client.readHead().status == 200)
            try client.send("od=DELETE&")
            _ = try? client.readToEnd()
            #expect(client.wasReset)
            let record = try #require(try records(gate, 1).first)
            #expect(record["event.action"] == "override-blocked")
            #expect(record["http.response.status_code"] == nil)
            #expect(record.values["methodgate.reached_backend"] as? Bool == true)
            #expect(eventually { backend.connections.allSatisfy { $0.isAtEnd } })
        }

        @Test func `a reload in between changes nothing for what has begun`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let clients = try (0..<2).map { _ in try gate.connect() }
            defer { for client in clients { client.close() } }
            let more = (0..<8).map { "X-\($0): y" }.joined(separator: "\r\n")
            for client in clients {
                try client.send(head(form, more, "Content-Length: 14") + "_met")
            }
            let answer = try RawClient.exchange(gate.address, blocked)
            let old = try #require(try records(gate, 1).first)
            #expect(old["event.id"] == answer.value("Methodgate-Event"))
            // Besides, it allows fewer fields than these requests have.
            let text = configuration(
                backend.address, rest: "  /post/x: [PUT, DELETE]\nlimits: {fields: 8}")
            try gate.reload(text)
            #expect(
                try eventually {
                    try RawClient.exchange(gate.address, request("DELETE", "/post/x")).status == 200
                })
            try clients[0].send("hod=DELETE")
            #expect(try clients[0].readFinalAnswer().status == 403)
            try clients[1].send("hod=+++get")
            #expect(try clients[1].readFinalAnswer().status == 200)
            let record = try #require(try records(gate, 2).last)
            #expect(record["event.action"] == "override-blocked")
            #expect(record["methodgate.policy_sha256"] == old["methodgate.policy_sha256"])
            #expect(record.list("methodgate.allowed") == ["GET", "HEAD", "POST"])
        }

        @Test func `a rejection midway has the template of the policy it began under`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let folder = try TemporaryDirectory()
            try "old {{status}}".write(
                toFile: folder.path("old.txt"), atomically: true, encoding: .utf8)
            // The second of two, where the next configuration has none.
            let rules = """
                  /post/y: {methods: [POST], templates: {text: old.txt}}
                  /post/x: {methods: [POST], templates: {html: old.txt, text: old.txt}}
                """
            let gate = try GateProcess(configuration(backend.address, rest: rules), in: folder)
            defer { end(gate) }
            let client = try gate.connect()
            defer { client.close() }
            try client.send(head(form, "Accept: text/plain", "Content-Length: 14") + "_met")
            #expect(eventually { backend.connections.contains { !$0.received.isEmpty } })
            try gate.reload(configuration(backend.address))
            try client.send("hod=DELETE")
            let answer = try client.readFinalAnswer()
            #expect(answer.status == 403)
            #expect(answer.text == "old 403")
            #expect(try RawClient.exchange(gate.address, blocked).status == 405)
        }

        @Test func `a log that takes nothing refuses, midway too`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let log = "log: {blocks: {to: file /dev/full, on_full: refuse}}"
            let gate = try GateProcess(configuration(backend.address, rest: log))
            defer { end(gate) }
            #expect(try RawClient.exchange(gate.address, blocked).status == 503)
            let client = try gate.connect()
            defer { client.close() }
            try client.send(head(form, "Content-Length: 30") + "a=b&_meth")
            #expect(eventually { !backend.connections.isEmpty })
            try client.send("od=DELETE&")
            #expect(try client.readFinalAnswer().status == 503)
            #expect(eventually { backend.connections.allSatisfy { $0.isAtEnd } })
        }
    }
}
