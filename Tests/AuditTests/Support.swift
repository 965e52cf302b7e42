// What the tests of this target share: records of a request that never changes, lines as JSON.

import Foundation
import HTTPSyntax
import Memory
import Policy
import Testing

@testable import Audit
@testable import Digest
@testable import Policy

/// What views look at, kept for as long as the process.
private let viewed = Lock<[UnsafeMutablePointer<UInt8>]>([])

/// A view of bytes that are never freed.
func view(_ bytes: [UInt8]) -> ByteView {
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    copy.initialize(from: bytes, count: bytes.count)
    viewed.withLock { $0.append(copy) }
    return ByteView(base: copy, count: bytes.count)
}

func view(_ text: String) -> ByteView { view(Array(text.utf8)) }

func text(_ body: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    body(&buffer)
    return String(decoding: buffer.view.bytes, as: UTF8.self)
}

/// Parses one line; nil where it is no JSON object.
func json(_ line: some StringProtocol) -> [String: Any]? {
    try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
}

func lines(_ bytes: [UInt8]) -> [String] {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        .map(String.init)
}

enum Sample {
    static let time = Timestamp(microseconds: 1_795_232_092_123_456)
    static let start = EventID(high: 0x01a1_fc28_2c00_7abc, low: 0x8123_4567_89ab_cdef)
    static let event = EventID(high: 0x01a1_fc28_2c7b_71f8, low: 0xbedc_ba98_7654_3210)
    static let observer = Observer(version: "0.1.0", hostname: "gate-1")

    static var facts: RuleFacts {
        RuleFacts(
            methods: MethodSet(), backend: 0, mode: .enforce, options: .preflight,
            overrides: .check, readings: .all, blockedStatus: .methodNotAllowed,
            unknownMethod: .methodNotAllowed, attribution: .full, passedFields: [],
            narrowAllow: true,
            isDefault: false, id: view("items"), name: view("/api/items/{id}"),
            ref: view("methodgate.yaml:12"), allow: view("GET, HEAD"),
            allowJSON: view(#"["GET","HEAD"]"#), idJSON: view(#""items""#),
            nameJSON: view(#""/api/items/{id}""#), refJSON: view(#""methodgate.yaml:12""#))
    }

    static var request: RequestFields {
        var request = RequestFields(methodID: .delete)
        request.method = view("DELETE")
        request.version = .http11
        request.host = view("Shop.example:8080")
        request.path = view("/api/items/7")
        request.target = view("/api/items/7?token=secret")
        request.sourceAddress = view("192.0.2.7")
        request.sourcePort = 40_000
        request.userAgent = view("curl/7.88.1")
        return request
    }

    static func block(_ request: RequestFields = request) -> BlockRecord {
        var record = BlockRecord(.methodBlocked, at: time, id: event, request: request)
        record.reason = view("the rule does not list the method")
        record.facts = facts
        record.status = 405
        return record
    }

    static func stream(redactQuery: Bool = true) -> AuditStream {
        AuditStream(
            id: StreamID(start: start, worker: 0), observer: observer, redactQuery: redactQuery)
    }
}

extension AuditStream {
    /// What waits, as lines.
    var waitingLines: [String] { lines(state.queue.unwritten.bytes) }

    func block() { append(Sample.block()) }
}

/// A directory of its own, removed with the value.
final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/audit-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    func contents(_ name: String) -> [UInt8] {
        Array(FileManager.default.contents(atPath: file(name)) ?? Data())
    }
}

/// Signals that the process ignores, as the sink demands.
let ignoredSignals: Void = {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
}()

/// What is wrong with the chain of a stream's lines; nil where nothing is.
func chainFault(_ lines: [String]) -> String? {
    var previous: Digest256?
    var sequence = 0
    var dropped = 0
    for line in lines {
        guard let record = json(line) else { return "no JSON: \(line)" }
        let hash = record["methodgate.prev_hash"] as? String
        if let expected = previous ?? (sequence == 0 ? .zero : nil),
            hash != text({ expected.append(hexTo: &$0) })
        {
            return "broken link in \(line)"
        }
        guard let number = record["event.sequence"] as? Int,
            let total = record["methodgate.dropped_total"] as? Int
        else { return "no number in \(line)" }
        if number - sequence - 1 != total - dropped { return "gap before \(line)" }
        (sequence, dropped) = (number, total)
        previous = Array(line.utf8).withView { SHA256.digest(of: $0) }
    }
    return nil
}
