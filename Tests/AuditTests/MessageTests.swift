// What journald and syslog are sent.

import Foundation
import HTTPSyntax
import Testing

@testable import Audit

@Suite struct MessageTests {
    /// The fields of an entry of the journal, read as the protocol says.
    static func fields(_ entry: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var rest = entry[...]
        while let end = rest.firstIndex(of: 0x0a) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            if let equals = line.firstIndex(of: 0x3d) {
                fields[String(decoding: line[..<equals], as: UTF8.self)] = String(
                    decoding: line[(equals + 1)...], as: UTF8.self)
            } else {
                let count = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
                let value = rest.dropFirst(8).prefix(count)
                fields[String(decoding: line, as: UTF8.self)] = String(
                    decoding: value, as: UTF8.self)
                rest = rest.dropFirst(8 + count)
                guard rest.first == 0x0a else { return [:] }
                rest = rest.dropFirst()
            }
        }
        return rest.isEmpty ? fields : [:]
    }

    private func message(
        _ line: String, _ format: MessageFormat, _ kind: MessageSocket.Kind = .datagram,
        limit: Int = .max
    ) -> [UInt8] {
        var encoder = MessageEncoder(format)
        var buffer = ByteBuffer()
        encoder.append(view(line), to: &buffer, as: kind, limit: limit)
        return buffer.view.bytes
    }

    private func line(_ request: RequestFields = Sample.request) -> String {
        let stream = Sample.stream()
        stream.append(Sample.block(request))
        return stream.waitingLines[0]
    }

    @Test func `the journal gets fields, a sentence and the record`() {
        let fields = Self.fields(message(line(), .journal))
        #expect(
            fields == [
                "MESSAGE": "method-blocked: DELETE shop.example/api/items/7 from 192.0.2.7: 405 by "
                    + "rule items: the rule does not list the method",
                "PRIORITY": "5", "SYSLOG_IDENTIFIER": "methodgate",
                "MESSAGE_ID": "d9e40ba8dd948ce6b1c6ec43f2ebc17f", "HTTP_METHOD": "DELETE",
                "CLIENT_IP": "192.0.2.7", "EVENT_ACTION": "method-blocked",
                "EVENT_ID": "01a1fc28-2c7b-71f8-bedc-ba9876543210", "EVENT_SEQUENCE": "1",
                "HTTP_STATUS": "405", "URL_DOMAIN": "shop.example", "URL_PATH": "/api/items/7",
                "SOURCE_IP": "192.0.2.7", "RULE_ID": "items", "RULE_NAME": "/api/items/{id}",
                "RULE_REF": "methodgate.yaml:12", "METHODGATE_MODE": "enforce",
                "METHODGATE_STREAM": "01a1fc28-2c00-7abc-8123-456789abcdef/0",
                "METHODGATE_RECORD": line(),
            ])
    }

    @Test func `a value with line ends forges no field`() {
        var request = Sample.request
        request.path = view("/a\nRULE_ID=x\n\nMESSAGE\n")
        request.method = view("_X")
        request.methodID = .unknown
        request.clientAddress = view("2001:db8::1")
        let fields = Self.fields(message(line(request), .journal))
        #expect(fields["URL_PATH"] == "/a\nRULE_ID=x\n\nMESSAGE\n")
        #expect(fields["RULE_ID"] == "items")
        #expect(fields["MESSAGE"]?.contains(#"/a\nRULE_ID=x\n\nMESSAGE\n from"#) == true)
        #expect(fields["HTTP_METHOD"] == "_X")
        #expect(fields["CLIENT_IP"] == "2001:db8::1")
        #expect(fields["SOURCE_IP"] == "192.0.2.7")
    }

    /// The same as in docs/block-log.md: who filters by them relies on them.
    @Test(arguments: [
        ("method-blocked", "d9e40ba8dd948ce6b1c6ec43f2ebc17f"),
        ("would-block", "ff32eef41449875582e6304e97e5a652"),
        ("override-blocked", "20b9b72f07198b5c9de41414fb70f7b1"),
        ("preflight-blocked", "eea5281e30f98e41ad3ae39f431b681a"),
        ("ambiguous-path", "5e41a84a49788137ae1cbbf7709f9229"),
        ("malformed-request", "883fb03cb0998864a1b218b1ed934cd0"),
        ("configuration-loaded", "9e2f136aab278c708ffaddfecb56a124"),
        ("log-reopened", "ca9f769b792a82c7988981bdb76abd46"),
        ("records-dropped", "62751ce5cd3880f5ad1643d1f95acbc3"),
        ("request-served", "c8b06a62ba7a8bef8f740780305b736a"),
    ])
    func `an action has a message id of its own, always the same`(_ action: String, _ id: String) {
        var actions = ActionIdentifiers()
        for _ in 0..<2 { #expect(text { actions.append(view(action), to: &$0) } == id) }
    }

    @Test func `lines about the gate itself have their sentences`() throws {
        let stream = Sample.stream()
        stream.appendConfigurationLoaded(
            at: Sample.time, policyDigest: [1], file: "/etc/a.yaml", ruleCount: 2)
        stream.skip()
        stream.skip()
        stream.appendDropSummary(at: Sample.time)
        let entries = stream.waitingLines.map { Self.fields(message($0, .journal)) }
        #expect(entries.map { $0["PRIORITY"] } == ["6", "4"])
        #expect(
            entries.map { $0["MESSAGE"] } == [
                "configuration-loaded: /etc/a.yaml",
                "records-dropped: 2 records: the log could not be written",
            ])
    }

    @Test func `what is no record is a message all the same`() {
        #expect(Self.fields(message("hello", .journal))["MESSAGE"] == "hello")
        #expect(
            String(decoding: message("x", .syslog(facility: 1)), as: UTF8.self).hasSuffix("] x"))
    }

    @Test func `syslog gets a message of RFC 5424`() {
        let message = String(
            decoding: message(line(), .syslog(facility: 16)), as: UTF8.self)
        let head =
            "<133>1 2026-11-21T03:34:52.123456Z gate-1 methodgate \(getpid()) method-blocked "
            + "[methodgate@32473 eventId=\"01a1fc28-2c7b-71f8-bedc-ba9876543210\" "
            + "stream=\"01a1fc28-2c00-7abc-8123-456789abcdef/0\" sequence=\"1\" ruleId=\"items\" "
            + "status=\"405\" path=\"/api/items/7\" method=\"DELETE\" client=\"192.0.2.7\"] "
        #expect(message == head + line())
        let onStream = self.message(line(), .syslog(facility: 16), .stream)
        #expect(String(decoding: onStream, as: UTF8.self) == message + "\n")
    }

    @Test func `structured data ends where it ends`() {
        var request = Sample.request
        request.path = view("/a\"] \\x\n")
        let message = String(
            decoding: message(line(request), .syslog(facility: 0)), as: UTF8.self)
        #expect(message.contains(#" path="/a\"\] \\x\\n" method="#))
        #expect(message.hasPrefix("<5>1 "))
        #expect(!message.contains("\n"))
    }

    @Test(arguments: [700, 1000, 1200, 480])
    func `what is cut off a message is said`(_ limit: Int) throws {
        let message = String(
            decoding: message(line(), .syslog(facility: 16), .udp, limit: limit), as: UTF8.self)
        #expect(message.utf8.count <= limit)
        let match = try #require(
            message.firstMatch(of: /cut="([0-9]+)"\] (.*)…\[([0-9]+) bytes more\]$/))
        #expect(match.output.1 == match.output.3)
        #expect(Int(match.output.1) == line().utf8.count - match.output.2.utf8.count)
        #expect(line().hasPrefix(match.output.2))
    }

    @Test func `a message that fits is whole`() {
        let whole = message(line(), .syslog(facility: 16))
        #expect(message(line(), .syslog(facility: 16), .udp, limit: whole.count) == whole)
    }
}
