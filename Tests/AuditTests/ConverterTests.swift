// Records in other formats, and what a client's bytes can do to them: nothing.

import Foundation
import HTTPSyntax
import Testing

@testable import Audit

@Suite struct ConverterTests {
    private func convert(_ line: String, to format: RecordFormat) throws(RecordFault) -> String? {
        var converter = RecordConverter(to: format)
        var output = ByteBuffer()
        let isPart = try converter.convert(view(line), to: &output)
        return isPart ? output.view.text : nil
    }

    private func event(_ line: String) throws -> [String: Any] {
        let text = try #require(try convert(line, to: .ocsf))
        return try #require(json(text))
    }

    private func line(_ change: (inout RequestFields) -> Void = { _ in }) -> String {
        var request = Sample.request
        change(&request)
        let stream = Sample.stream()
        stream.append(Sample.block(request))
        return stream.waitingLines[0]
    }

    private var notices: [String] {
        let stream = Sample.stream()
        stream.appendConfigurationLoaded(
            at: Sample.time, policyDigest: [1], file: "/etc/a=b.yaml", ruleCount: 2)
        stream.skip()
        stream.appendDropSummary(at: Sample.time)
        return stream.waitingLines
    }

    @Test func `a block as CEF`() throws {
        #expect(
            try convert(line(), to: .cef)
                == "CEF:0|methodgate|methodgate|0.1.0|method-blocked|Method blocked|5|"
                + "rt=1795232092123 act=blocked src=192.0.2.7 spt=40000 requestMethod=DELETE "
                + "externalId=01a1fc28-2c7b-71f8-bedc-ba9876543210 request=/api/items/7?REDACTED "
                + "dhost=shop.example requestClientApplication=curl/7.88.1 "
                + "reason=the rule does not list the method dvchost=gate-1 "
                + "cs1=items cs1Label=ruleId cs2=/api/items/{id} cs2Label=rulePattern "
                + "cs3=methodgate.yaml:12 cs3Label=ruleReference "
                + "cs6=01a1fc28-2c00-7abc-8123-456789abcdef/0 cs6Label=stream "
                + "cn1=405 cn1Label=httpStatus cn2=1 cn2Label=sequence "
                + "cs4=GET,HEAD cs4Label=allowedMethods\n")
    }

    @Test func `CEF escapes what would end a value`() throws {
        let text = try #require(
            try convert(
                line {
                    $0.userAgent = view("a=b\\c|d\ne\rcs1=x")
                    $0.target = view("/a?b=c")
                    $0.sourceAddress = view("2001:db8::1")
                }, to: .cef))
        #expect(text.contains(#" requestClientApplication=a\=b\\c|d\\ne\\rcs1\=x reason"#))
        #expect(text.contains(" c6a2=2001:db8::1 c6a2Label=Source IPv6 Address spt=40000 "))
        #expect(!text.contains(" src="))
        #expect(text.dropLast().allSatisfy { !$0.isNewline })
    }

    @Test func `CEF escapes bars in its header alone`() throws {
        let changed = line().replacing(
            #""observer.version":"0.1.0""#, with: #""observer.version":"0|1\\""#)
        let text = try #require(try convert(changed, to: .cef))
        #expect(text.hasPrefix(#"CEF:0|methodgate|methodgate|0\|1\\|method-blocked|"#))
    }

    @Test func `lines about the gate itself are CEF, and nothing else`() throws {
        let lines = notices
        let loaded = try #require(try convert(lines[0], to: .cef))
        #expect(loaded.contains("|configuration-loaded|Configuration loaded|1|rt="))
        #expect(loaded.contains(#" filePath=/etc/a\=b.yaml "#))
        #expect(!loaded.contains(" act="))
        let dropped = try #require(try convert(lines[1], to: .cef))
        #expect(dropped.contains("|Records dropped|8|"))
        #expect(dropped.contains(" cn3=1 cn3Label=recordsDropped"))
        for line in lines {
            #expect(try convert(line, to: .ocsf) == nil)
            #expect(try convert(line, to: .fail2ban) == nil)
        }
    }

    @Test func `a block as OCSF`() throws {
        let text = try #require(try convert(line(), to: .ocsf))
        let event = try #require(json(text))
        #expect(event["class_uid"] as? Int == 4002)
        #expect(event["category_uid"] as? Int == 4)
        #expect(event["activity_id"] as? Int == 2)
        #expect(event["type_uid"] as? Int == 400_202)
        #expect(event["time"] as? Int == 1_795_232_092_123)
        #expect(event["action_id"] as? Int == 2)
        #expect(event["disposition_id"] as? Int == 2)
        #expect(event["message"] as? String == "the rule does not list the method")
        let metadata = try #require(event["metadata"] as? [String: Any])
        #expect(metadata["version"] as? String == "1.7.0")
        #expect(metadata["uid"] as? String == "01a1fc28-2c7b-71f8-bedc-ba9876543210")
        #expect(metadata["sequence"] as? Int == 1)
        let request = try #require(event["http_request"] as? [String: Any])
        #expect(request["http_method"] as? String == "DELETE")
        #expect((request["url"] as? [String: Any])?["path"] as? String == "/api/items/7")
        #expect((event["http_response"] as? [String: Any])?["code"] as? Int == 405)
        let source = try #require(event["src_endpoint"] as? [String: Any])
        #expect(source["ip"] as? String == "192.0.2.7" && source["port"] as? Int == 40_000)
        #expect((event["firewall_rule"] as? [String: Any])?["uid"] as? String == "items")
        let unmapped = try #require(event["unmapped"] as? [String: Any])
        #expect(unmapped["methodgate.allowed"] as? [String] == ["GET", "HEAD"])
    }

    private var secured: String {
        line {
            var tls = TLSFields(version: view("1.3"), cipher: view("TLS_AES_128_GCM_SHA256"))
            tls.serverName = view("a\"b")
            tls.subject = view("CN=a|b=c")
            $0.tls = tls
        }
    }

    @Test func `TLS as CEF`() throws {
        let text = try #require(try convert(secured, to: .cef))
        #expect(
            text.hasSuffix(
                " methodgateTLSVersion=1.3 methodgateTLSCipher=TLS_AES_128_GCM_SHA256 "
                    + #"methodgateServerName=a"b methodgateClientSubject=CN\=a|b\=c "#
                    + #"cs4=GET,HEAD cs4Label=allowedMethods"# + "\n"))
    }

    @Test func `TLS as OCSF`() throws {
        let event = try event(secured)
        #expect(
            event["tls"] as? [String: String]
                == ["version": "1.3", "cipher": "TLS_AES_128_GCM_SHA256", "sni": "a\"b"])
        let unmapped = try #require(event["unmapped"] as? [String: Any])
        #expect(unmapped["tls.client.subject"] as? String == "CN=a|b=c")
        #expect(try self.event(line())["tls"] == nil)
    }

    @Test func `OCSF names methods that it does not count, and proxies`() throws {
        let text = try #require(
            try convert(
                line {
                    $0.methodID = .unknown
                    $0.method = view("FROB\"NICATE")
                    $0.clientAddress = view("198.51.100.1")
                }, to: .ocsf))
        let event = try #require(json(text))
        #expect(event["activity_id"] as? Int == 99)
        #expect(event["activity_name"] as? String == "FROB\"NICATE")
        let source = try #require(event["src_endpoint"] as? [String: Any])
        #expect(source["ip"] as? String == "198.51.100.1")
        #expect(source["port"] == nil)
        #expect(source["intermediate_ips"] as? [String] == ["192.0.2.7"])
    }

    @Test func `a shadow's record is observed and not blocked`() throws {
        let stream = Sample.stream()
        var record = Sample.block()
        record.action = .wouldBlock
        stream.append(record)
        let line = stream.waitingLines[0]
        let event = try self.event(line)
        #expect(event["action_id"] as? Int == 3)
        #expect(event["disposition_id"] as? Int == 17)
        #expect(try convert(line, to: .cef)?.contains("|3|rt=") == true)
        #expect(try convert(line, to: .fail2ban) == nil)
    }

    @Test func `a block for fail2ban`() throws {
        #expect(
            try convert(line(), to: .fail2ban)
                == "2026-11-21T03:34:52.123456Z methodgate method-blocked client=192.0.2.7 "
                + "status=405 rule=\"items\" method=\"DELETE\" path=\"/api/items/7\"\n")
    }

    @Test func `a client names nobody else to be banned`() throws {
        let text = try #require(
            try convert(
                line {
                    $0.path = view("/\" client=198.51.100.1\n2026-11-21T03:34:52Z methodgate ")
                    $0.clientAddress = view("2001:db8::7")
                }, to: .fail2ban))
        #expect(text.filter(\.isNewline).count == 1)
        #expect(text.contains(#" method-blocked client=2001:db8::7 status=405 "#))
        #expect(text.contains(#" path="/\" client=198.51.100.1\\n2026"#))
    }

    @Test func `a client on a Unix socket is nobody to ban`() throws {
        let line = line {
            $0.sourceAddress = .empty
            $0.sourcePort = 0
        }
        #expect(try convert(line, to: .fail2ban) == nil)
        let event = try self.event(line)
        #expect(event["src_endpoint"] == nil)
        #expect(event["dst_endpoint"] != nil)
    }

    @Test(arguments: RecordFormat.allCases)
    func `what is no record is converted to nothing`(_ format: RecordFormat) {
        for line in ["", "x", "{}", #"{"@timestamp":"x","event.action":"y"}"#] {
            #expect(throws: RecordFault.self) { try self.convert(line, to: format) }
        }
    }
}
