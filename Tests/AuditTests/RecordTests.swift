import Foundation
import HTTPSyntax
import Policy
import Testing

@testable import Audit

@Suite struct RecordTests {
    @Test func `a block record is this line`() {
        let stream = Sample.stream()
        stream.append(Sample.block())
        #expect(
            stream.waitingLines == [
                #"{"@timestamp":"2026-11-21T03:34:52.123456Z","event.sequence":1"#
                    + #","event.id":"01a1fc28-2c7b-71f8-bedc-ba9876543210","event.kind":"event""#
                    + #","event.category":["web","network"],"event.type":["access","denied"]"#
                    + #","event.action":"method-blocked""#
                    + #","event.reason":"the rule does not list the method""#
                    + #","http.request.method":"DELETE","http.version":"1.1""#
                    + #","url.domain":"shop.example","url.path":"/api/items/7""#
                    + #","url.original":"/api/items/7?REDACTED","source.ip":"192.0.2.7""#
                    + #","source.port":40000,"user_agent.original":"curl/7.88.1""#
                    + #","rule.id":"items","rule.name":"/api/items/{id}""#
                    + #","methodgate.rule_ref":"methodgate.yaml:12""#
                    + #","methodgate.allowed":["GET","HEAD"],"methodgate.mode":"enforce""#
                    + #","http.response.status_code":405,"methodgate.reached_backend":false"#
                    + #","ecs.version":"8.17.0","observer.product":"methodgate""#
                    + #","observer.version":"0.1.0","observer.hostname":"gate-1""#
                    + #","methodgate.stream":"01a1fc28-2c00-7abc-8123-456789abcdef/0""#
                    + #","methodgate.dropped_total":0,"methodgate.prev_hash":""#
                    + #"0000000000000000000000000000000000000000000000000000000000000000"}"#
            ])
    }

    private func fields(
        redactQuery: Bool = true, readings: [String] = [],
        _ change: (inout BlockRecord) -> Void
    ) throws -> [String: Any] {
        var record = Sample.block()
        change(&record)
        let stream = Sample.stream(redactQuery: redactQuery)
        stream.append(record, readings: readings)
        return try #require(json(stream.waitingLines.first ?? ""))
    }

    @Test(arguments: BlockAction.allCases)
    func `an action has its name and a type that ECS knows`(action: BlockAction) throws {
        let record = try fields { $0.action = action }
        let types: [BlockAction: String] = [.wouldBlock: "allowed"]
        #expect(record["event.action"] as? String == "\(action.name)")
        #expect(record["event.type"] as? [String] == ["access", types[action] ?? "denied"])
        #expect(record["event.category"] as? [String] == ["web", "network"])
        #expect(record["event.kind"] as? String == "event")
    }

    @Test func `a method outside of the registry is _OTHER and told beside it`() throws {
        for id in [MethodID.unknown, MethodID(rawValue: MethodID.firstCustom)] {
            let record = try fields {
                $0.request.methodID = id
                $0.request.method = view("PU\"RGE")
            }
            #expect(record["http.request.method"] as? String == "_OTHER")
            #expect(record["http.request.method_original"] as? String == "PU\"RGE")
        }
        #expect(try fields { _ in }["http.request.method_original"] == nil)
    }

    @Test func `what is not known is left out`() throws {
        let record = try fields {
            $0 = BlockRecord(
                .malformedRequest, at: Sample.time, id: Sample.event, request: RequestFields())
        }
        #expect(
            Set(record.keys) == [
                "@timestamp", "event.sequence", "event.id", "event.kind", "event.category",
                "event.type", "event.action", "methodgate.reached_backend", "ecs.version",
                "observer.product", "observer.version", "observer.hostname",
                "methodgate.stream", "methodgate.dropped_total", "methodgate.prev_hash",
            ])
    }

    @Test func `everything that is known is told`() throws {
        let record = try fields(readings: ["/a/b", "/a%2Fb"]) {
            $0.request.clientAddress = view("2001:db8::1")
            $0.request.requestID = view("abc-1")
            $0.request.traceparent = view("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            $0.request.version = .http10
            $0.allowedJSON = view(#"["GET"]"#)
            $0.mode = .shadow
            $0.requestedMethod = view("PUT")
            $0.overrideSource = view("query")
            $0.hint = view("readings: standard")
            $0.policyDigest = view(String(repeating: "5", count: 64))
            $0.reachedBackend = true
        }
        #expect(record["client.ip"] as? String == "2001:db8::1")
        #expect(record["http.request.id"] as? String == "abc-1")
        #expect(record["trace.id"] as? String == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(record["http.version"] as? String == "1.0")
        #expect(record["methodgate.allowed"] as? [String] == ["GET"])
        #expect(record["methodgate.mode"] as? String == "shadow")
        #expect(record["methodgate.requested_method"] as? String == "PUT")
        #expect(record["methodgate.override_source"] as? String == "query")
        #expect(record["methodgate.hint"] as? String == "readings: standard")
        #expect(record["methodgate.readings"] as? [String] == ["/a/b", "/a%2Fb"])
        #expect(record["methodgate.reached_backend"] as? Bool == true)
        #expect(
            record["methodgate.policy_sha256"] as? String == String(repeating: "5", count: 64))
    }

    @Test(arguments: [
        ("/a?b=c", "/a?REDACTED"), ("/a", "/a"), ("/a?", "/a?REDACTED"), ("*", "*"),
        ("/a#b?c", "/a#REDACTED"), ("http://h/a?b", "http://h/a?REDACTED"),
        ("http://u:p@h/a", "http://REDACTED@h/a"),
        ("http://u@p@h:1?q@", "http://REDACTED@h:1?REDACTED"),
        ("u:p@h:443", "REDACTED@h:443"), ("/a@b", "/a@b"), ("http://h/a@b", "http://h/a@b"),
        ("http://", "http://"), ("h:443", "h:443"), ("@", "@"),
    ])
    func `a query and user information are hidden`(target: String, expected: String) throws {
        let hidden = try fields { $0.request.target = view(target) }
        #expect(hidden["url.original"] as? String == expected)
        let kept = try fields(redactQuery: false) { $0.request.target = view(target) }
        #expect(kept["url.original"] as? String == target)
    }

    @Test(
        arguments: [
            ("Shop.Example", "shop.example"), ("shop.example:80", "shop.example"),
            ("[2001:DB8::1]:80", "[2001:db8::1]"), ("[broken", "[broken"), ("a\"B", "a\"b"),
            (":80", nil), ("", nil),
        ] as [(String, String?)])
    func `a domain has no port and no capitals`(host: String, expected: String?) throws {
        let record = try fields { $0.request.host = view(host) }
        #expect(record["url.domain"] as? String == expected)
    }

    @Test(arguments: [
        "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01",
        "00+4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ])
    func `a traceparent that is not valid gives no trace id`(value: String) throws {
        #expect(try fields { $0.request.traceparent = view(value) }["trace.id"] == nil)
    }

    @Test func `no client byte forges a line or a field`() throws {
        let paths: [WritableKeyPath<BlockRecord, ByteView>] = [
            \.request.method, \.request.host, \.request.path, \.request.target,
            \.request.userAgent, \.request.requestID, \.request.traceparent,
            \.request.sourceAddress, \.request.clientAddress, \.requestedMethod,
            \.overrideSource, \.hint, \.reason,
        ]
        let forgery = Array("\"}\n{\"event.action\":\"forged\",\"x\":\"".utf8)
        let attacks = [
            Array(UInt8.min...UInt8.max), forgery, Array((UInt8.min...UInt8.max).reversed()),
            [0x5c], [0xe2, 0x80], [UInt8](repeating: 0xff, count: 5000),
            [UInt8](repeating: 0x00, count: 5000), [UInt8](repeating: 0x22, count: 3000),
        ]
        for redactQuery in [true, false] {
            let stream = Sample.stream(redactQuery: redactQuery)
            for attack in attacks {
                for path in paths {
                    var record = Sample.block()
                    record.request.methodID = .unknown
                    record[keyPath: path] = view(attack)
                    stream.append(record, readings: ["/", String(decoding: attack, as: UTF8.self)])
                }
            }
            let lines = stream.waitingLines
            #expect(lines.count == attacks.count * paths.count)
            #expect(lines.allSatisfy { json($0)?["event.action"] as? String == "method-blocked" })
            #expect(lines.allSatisfy { line in line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } })
            #expect(lines.allSatisfy { $0.utf8.count < 40_000 })
            #expect(String(validating: stream.state.queue.unwritten.bytes, as: UTF8.self) != nil)
            #expect(chainFault(lines) == nil)
        }
    }

    @Test func `an access record has the same names and no chain`() throws {
        let scratch = try Scratch()
        let log = AccessLog(observer: Sample.observer, redactQuery: true)
        var record = AccessRecord(at: Sample.time, request: Sample.request)
        record.facts = Sample.facts
        record.status = 200
        record.duration = 1_234_567
        record.responseContent = 5120
        record.upstream = view("127.0.0.1:3000")
        log.append(record)
        let sink = try AuditSink(to: .file(path: scratch.file("access")))
        #expect(!log.flush(to: sink).isFull)
        #expect(log.pendingCount == 0)
        #expect(
            lines(scratch.contents("access")) == [
                #"{"@timestamp":"2026-11-21T03:34:52.123456Z","event.dataset":"methodgate.access""#
                    + #","event.kind":"event""#
                    + #","event.category":["web","network"],"event.type":["access","allowed"]"#
                    + #","event.action":"request-served","event.duration":1234567"#
                    + #","http.request.method":"DELETE","http.version":"1.1""#
                    + #","url.domain":"shop.example","url.path":"/api/items/7""#
                    + #","url.original":"/api/items/7?REDACTED","source.ip":"192.0.2.7""#
                    + #","source.port":40000,"user_agent.original":"curl/7.88.1""#
                    + #","rule.id":"items","rule.name":"/api/items/{id}""#
                    + #","methodgate.rule_ref":"methodgate.yaml:12""#
                    + #","http.response.status_code":200,"methodgate.reached_backend":true"#
                    + #","methodgate.answered_by":"backend""#
                    + #","http.request.body.bytes":0,"http.response.body.bytes":5120"#
                    + #","methodgate.upstream":"127.0.0.1:3000","ecs.version":"8.17.0""#
                    + #","observer.product":"methodgate","observer.version":"0.1.0""#
                    + #","observer.hostname":"gate-1"}"#
            ])
    }

    @Test func `an access record of a block is found by the id of the block`() throws {
        var block = BlockRecord(
            .preflightBlocked, at: Sample.time, id: Sample.event, request: Sample.request)
        block.facts = Sample.facts
        block.status = 405
        block.reason = view("why")
        let record = AccessRecord(block, policyDigest: view("abc"))
        let log = AccessLog(observer: Sample.observer, redactQuery: true)
        var waiting = ByteBuffer()
        waiting.append("before\n")
        log.encode(record, to: &waiting)
        let line = waiting.view.dropFirst(7)
        #expect(line.statusOfFirstLine.map { line.slice($0, 3).text } == "405")
        #expect(waiting.view.statusOfFirstLine == nil)
        #expect(log.pendingCount == 0)
        log.append(lines: waiting.view)
        #expect(log.pendingCount == waiting.count)
        let values = try #require(json(lines(waiting.view.bytes)[1]))
        #expect(values["event.action"] as? String == "preflight-blocked")
        #expect(values["event.type"] as? [String] == ["access", "denied"])
        #expect(values["event.id"] as? String == "01a1fc28-2c7b-71f8-bedc-ba9876543210")
        #expect(values["event.reason"] as? String == "why")
        #expect(values["methodgate.answered_by"] as? String == "gate")
        #expect(values["methodgate.reached_backend"] as? Bool == false)
        #expect(values["methodgate.policy_sha256"] as? String == "abc")
        #expect(values["rule.id"] as? String == "items")
    }

    @Test(arguments: [
        (AccessAction.served, 200 as UInt16, "request-served", "backend" as String?),
        (.answered, 204, "request-answered", "gate"), (.failed, 502, "request-failed", "gate"),
        (.aborted, 0, "request-aborted", nil), (.served, 0, "request-served", nil),
        (.blocked(.malformedRequest), 400, "malformed-request", "gate"),
        (.blocked(.methodBlocked), 0, "method-blocked", nil),
    ])
    func `an access record says who answered`(
        _ action: AccessAction, _ status: UInt16, _ name: String, _ answerer: String?
    ) throws {
        let log = AccessLog(observer: Sample.observer, redactQuery: true)
        var record = AccessRecord(at: Sample.time, request: Sample.request)
        record.action = action
        record.status = status
        var text = ByteBuffer()
        log.encode(record, to: &text)
        #expect((text.view.statusOfFirstLine == nil) == (status == 0))
        let values = try #require(json(text.view.text))
        #expect(values["event.action"] as? String == name)
        #expect(values["methodgate.answered_by"] as? String == answerer)
    }

    @Test func `an access record whose answer nobody got says so`() {
        let log = AccessLog(observer: Sample.observer, redactQuery: false)
        var given = ByteBuffer()
        var expected = ByteBuffer()
        let forged = view(
            "/a,\"http.response.status_code\":200,\"event.action\":\"request-served\",,\"")
        let actions: [(AccessAction, AccessAction)] = [
            (.blocked(.methodBlocked), .blocked(.methodBlocked)), (.served, .aborted),
            (.answered, .aborted), (.failed, .aborted), (.aborted, .aborted),
        ]
        for (action, unanswered) in actions {
            for status in [0, 405] as [UInt16] {
                var record = AccessRecord(at: Sample.time, request: Sample.request)
                record.request.path = forged
                record.request.userAgent = forged
                record.reason = forged
                record.upstream = forged
                record.facts = Sample.facts
                record.action = action
                record.status = status
                record.requestContent = 7
                record.responseContent = 1234
                log.encode(record, to: &given)
                record.action = unanswered
                record.status = 0
                record.responseContent = 0
                log.encode(record, to: &expected)
            }
        }
        var made = ByteBuffer()
        made.append(unanswered: given.view)
        #expect(lines(made.view.bytes) == lines(expected.view.bytes))
    }

    // MARK: Tunnels

    private func tunnel(
        _ change: (inout TunnelRecord) -> Void = { _ in }
    ) -> TunnelRecord {
        var record = TunnelRecord(at: Sample.time, id: Sample.event, request: Sample.request)
        record.facts = Sample.facts
        record.upstream = view("127.0.0.1:3000")
        record.policyDigest = view(String(repeating: "5", count: 64))
        change(&record)
        return record
    }

    @Test func `a tunnel's start and end are one record each, under one id`() throws {
        let stream = Sample.stream()
        stream.append(tunnel())
        stream.append(
            tunnel {
                $0.outcome = .init(duration: 1_500_000, fromClient: 7, fromBackend: 1 << 40)
                $0.reason = view("the client ended the tunnel")
            })
        let lines = stream.waitingLines
        try #require(lines.count == 2)
        #expect(chainFault(lines) == nil)
        let (start, end) = (try #require(json(lines[0])), try #require(json(lines[1])))
        for (record, type) in [(start, "start"), (end, "end")] {
            #expect(record["event.id"] as? String == "01a1fc28-2c7b-71f8-bedc-ba9876543210")
            #expect(record["event.category"] as? [String] == ["network"])
            #expect(record["event.type"] as? [String] == ["connection", type])
            #expect(record["network.protocol"] as? String == "websocket")
            #expect(record["http.response.status_code"] as? Int == 101)
            #expect(record["methodgate.reached_backend"] as? Bool == true)
            #expect(record["methodgate.upstream"] as? String == "127.0.0.1:3000")
            #expect(record["methodgate.mode"] as? String == "enforce")
            #expect(record["rule.id"] as? String == "items")
            #expect(record["url.original"] as? String == "/api/items/7?REDACTED")
            #expect(
                record["methodgate.policy_sha256"] as? String == String(repeating: "5", count: 64))
        }
        #expect(start["event.action"] as? String == "tunnel-started")
        #expect(end["event.action"] as? String == "tunnel-ended")
        #expect(end["event.reason"] as? String == "the client ended the tunnel")
        #expect(end["event.duration"] as? Int == 1_500_000)
        #expect(end["source.bytes"] as? Int == 7)
        #expect(end["destination.bytes"] as? Int == 1 << 40)
        for key in ["event.reason", "event.duration", "source.bytes", "destination.bytes"] {
            #expect(start[key] == nil)
        }
    }
}
