import Foundation
import HTTPSyntax
import Testing

@testable import Audit

@Suite struct RecordReaderTests {
    private static func fault(_ line: String) -> RecordFault? {
        var reader = RecordReader()
        do throws(RecordFault) {
            try reader.read(view(line))
            return nil
        } catch {
            return error
        }
    }

    @Test func `a block's line gives back what went in`() throws {
        var request = Sample.request
        request.path = view("/a\"\u{1}é\u{202e}\\")
        request.userAgent = view([0x61, 0xff])
        let stream = Sample.stream()
        stream.append(Sample.block(request))
        let line = try #require(stream.waitingLines.first)
        var reader = RecordReader()
        try reader.read(view(line))
        let texts = (
            reader.text("rule.id")?.text, reader.method?.text, reader.client?.text,
            reader.number("event.sequence"), reader.number("http.response.status_code")
        )
        #expect(texts == ("items", "DELETE", "192.0.2.7", 1, 405))
        let type = reader["event.type"]
        #expect(type?.contains("denied") == true)
        #expect(type?.contains("allowed") == false)
        let kind = reader["methodgate.reached_backend"]?.kind
        #expect(kind == .boolean)
        let rawPath = reader.text("url.path")
        let path = try #require(rawPath)
        #expect(text { $0.append(decoding: path) } == "/a\"\u{1}é\u{202e}\\")
        #expect(text { $0.append(showing: path) } == "/a\"\\u0001é\\u202e\\")
        let rawAgent = reader.text("user_agent.original")
        let agent = try #require(rawAgent)
        #expect(text { $0.append(decoding: agent) } == "a\\xff")
    }

    @Test func `every key of every line of a stream is found`() throws {
        let stream = Sample.stream()
        stream.appendConfigurationLoaded(
            at: Sample.time, policyDigest: [UInt8](repeating: 7, count: 32), file: "a.yaml",
            ruleCount: 3)
        stream.skip()
        stream.block()
        for line in stream.waitingLines {
            var reader = RecordReader()
            try reader.read(view(line))
            for key in try #require(json(line)).keys {
                let isThere = reader[view(key)] != nil
                #expect(isThere, "\(key) in \(line)")
            }
        }
    }

    @Test(arguments: [
        #"{}"#, #"{"a":"b"}"#, #"{"a":1}"#, #"{"a":-0.5e+3}"#, #"{"a":true,"b":false,"c":null}"#,
        #"{"a":[]}"#, #"{"a":["x","y"],"b":[1,null]}"#, #"{ "a" : "b" , "c":[ "d" ] }"#,
        #"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}"#, "{\"ä\":\"€😀\"}",
    ])
    func `is a record`(_ line: String) { #expect(Self.fault(line) == nil) }

    @Test(arguments: [
        (#"x"#, 0), (#"[]"#, 0), (#"{"a":1}x"#, 7), (#"{"a":{}}"#, 5), (#"{"a":[[1]]}"#, 6),
        (#"{"a":01}"#, 5), (#"{"a":+1}"#, 5), (#"{"a":1,}"#, 7), (#"{"a" "b"}"#, 5),
        (#"{"a":"\x"}"#, 7), (#"{"a":"\u00g0"}"#, 10), (#"{"":1}"#, 1), (#"{a:1}"#, 1),
        (#"{"a":nul}"#, 8), (#"{"a":1,"b":2,"a":3}"#, 13), ("{\"a\":\"\u{1}\"}", 6),
        ("{\"a\":\"\t\"}", 6),
    ])
    func `is no record from a byte on`(_ line: String, _ place: Int) {
        #expect(Self.fault(line) == .malformed(at: place))
    }

    @Test func `bytes that are not UTF-8 are no text`() {
        var reader = RecordReader()
        let line = [UInt8](#"{"a":""#.utf8) + [0xc0, 0xaf, 0x41, 0x42] + [UInt8](#""}"#.utf8)
        do throws(RecordFault) {
            try reader.read(view(line))
            Issue.record("it was read")
        } catch {
            #expect(error == .malformed(at: 6))
        }
    }

    @Test func `whatever is cut off a line's end leaves an unfinished one`() throws {
        let stream = Sample.stream()
        stream.block()
        let line = try #require(stream.waitingLines.first)
        for count in 0..<line.utf8.count {
            #expect(Self.fault(String(line.prefix(count))) == .unfinished)
        }
    }

    @Test(arguments: [
        ("a", "a"), (#"\n\t\"\\\/"#, "\n\t\"\\/"), (#"\u00e9\u20ac"#, "é€"),
        (#"\ud83d\ude00"#, "😀"), (#"\ud83d"#, "\u{fffd}"), (#"\ud83dx"#, "\u{fffd}x"),
        (#"\udc00\u0041"#, "\u{fffd}A"), (#"x\u2028"#, "x\u{2028}"),
    ])
    func `an escape is undone`(_ raw: String, _ expected: String) {
        #expect(text { $0.append(decoding: view(raw)) } == expected)
    }

    @Test(arguments: [
        ("a", "a"), (#"\n\\n"#, #"\n\n"#), (#"\u001b[31m"#, #"\u001b[31m"#), (#"é\""#, #"é""#),
        ("\u{202e}", #"\u202e"#), ("\u{9b}", #"\u009b"#),
    ])
    func `what is shown commands no terminal`(_ raw: String, _ expected: String) {
        #expect(text { $0.append(showing: view(raw)) } == expected)
    }

    @Test func `what is too long to be shown is counted`() {
        #expect(text { $0.append(showing: view("abcdé"), limit: 5) } == "abcd…[2 bytes more]")
    }

    // MARK: Where records are kept

    private static func found(_ line: String) -> String? {
        var finder = RecordFinder()
        switch finder.find(in: view(line)) {
        case .record(let record): return record.text
        case .foreign: return "foreign"
        case .leftOut: return "left out"
        }
    }

    @Test(arguments: [
        (#"{"@timestamp":"1"}"#, #"{"@timestamp":"1"}"#),
        (#"Nov 21 gate methodgate[1]: {"@timestamp":"1"}"#, #"{"@timestamp":"1"}"#),
        (#"<1>1 - [x a="{b"] {"@timestamp":"1"}"#, #"{"@timestamp":"1"}"#),
        (#"{"MESSAGE":"x","METHODGATE_RECORD":"{\"@timestamp\":\"1\"}"}"#, #"{"@timestamp":"1"}"#),
        (#"{"MESSAGE":"x","METHODGATE_RECORD":null}"#, "left out"),
        (#"{"MESSAGE":"x","__REALTIME_TIMESTAMP":"1"}"#, "foreign"), ("hello", "hello"),
    ])
    func `a record is found in a line`(_ line: String, _ record: String) {
        #expect(Self.found(line) == record)
    }

    // MARK: Lines

    private func lines(_ bytes: String, keepsUnfinished: Bool = false) throws -> [String] {
        let scratch = try Scratch()
        try bytes.write(toFile: scratch.file("log"), atomically: false, encoding: .utf8)
        var reader = try LineReader(path: scratch.file("log"))
        var lines: [String] = []
        while let line = try reader.next(keepsUnfinished: keepsUnfinished) {
            lines.append(line.bytes.text + (line.isWhole ? "" : "|") + (line.isTooLong ? "+" : ""))
        }
        return lines
    }

    @Test func `lines are read one after another`() throws {
        #expect(try lines("") == [])
        #expect(try lines("a\n\nb\n") == ["a", "", "b"])
        #expect(try lines("a\nb") == ["a", "b|"])
        #expect(try lines("a\nb", keepsUnfinished: true) == ["a"])
        let long = String(repeating: "x", count: 300_000)
        #expect(try lines("\(long)\n\(long)y\nz") == [long, long + "y", "z|"])
    }

    @Test func `a line that is too long is passed over in little memory`() throws {
        let long = String(repeating: "x", count: 9 << 20)
        let found = try lines("a\n\(long)\nb\n")
        #expect(found.first == "a" && found.last == "b")
        #expect(found.dropFirst().dropLast().allSatisfy { $0.hasSuffix("+") && $0.count < 300 })
    }

    @Test func `a directory and a missing file say what they are`() throws {
        let scratch = try Scratch()
        let error = #expect(throws: ReadingError.self) { _ = try LineReader(path: scratch.path) }
        #expect("\(try #require(error))" == "cannot read \(scratch.path): Is a directory")
        #expect(throws: ReadingError.self) { _ = try LineReader(path: scratch.file("no")) }
    }

    @Test(arguments: [
        0, 1_000_000, 1_795_232_092_123_456, 951_782_400_000_000, 4_107_542_399_999_999,
    ])
    func `a time is read as it was written`(_ microseconds: Int64) {
        let time = Timestamp(microseconds: microseconds)
        var writer = TimestampWriter()
        let written = text { writer.append(time, to: &$0) }
        #expect(Timestamp(view(written)) == time)
        #expect(Timestamp(view(String(written.dropLast()))) == nil)
        #expect(Timestamp(view(written.replacing("T", with: " "))) == nil)
    }
}
