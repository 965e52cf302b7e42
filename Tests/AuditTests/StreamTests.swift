import Foundation
import HTTPSyntax
import Testing

@testable import Audit
@testable import Digest

@Suite struct StreamTests {
    init() { _ = ignoredSignals }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `a digest is that of FIPS 180`(source: String, expected: String) {
        let hash = SHA256()
        for _ in 0..<2 {
            for byte in source.utf8 { [byte].withView { hash.update($0) } }
            let digest = hash.finish()
            #expect(text { digest.append(hexTo: &$0) } == expected)
            #expect(
                digest.bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
                    .joined() == expected)
        }
    }

    @Test func `numbers begin at 1 and each line holds the digest of the one before`() {
        let stream = Sample.stream()
        for _ in 0..<20 { stream.block() }
        let lines = stream.waitingLines
        #expect(lines.compactMap { json($0)?["event.sequence"] as? Int } == Array(1...20))
        #expect(chainFault(lines) == nil)
        #expect(stream.position == UInt64(lines.reduce(0) { $0 + $1.utf8.count + 1 }))
        #expect(stream.settledPosition == 0)
    }

    @Test func `a changed, removed or moved line breaks the chain`() {
        let stream = Sample.stream()
        for _ in 0..<4 { stream.block() }
        let lines = stream.waitingLines
        var changed = lines
        changed[1] = changed[1].replacingOccurrences(of: "DELETE", with: "DELETf")
        #expect(chainFault(changed) != nil)
        #expect(chainFault([lines[0], lines[2], lines[3]]) != nil)
        #expect(chainFault([lines[0], lines[2], lines[1], lines[3]]) != nil)
        #expect(chainFault(Array(lines.dropFirst())) != nil)
    }

    @Test func `a loaded configuration names the old policy and the new one`() throws {
        let stream = Sample.stream()
        stream.appendConfigurationLoaded(
            at: Sample.time, policyDigest: [UInt8](repeating: 0x11, count: 32), file: "a.yaml",
            ruleCount: 3)
        stream.block()
        stream.appendConfigurationLoaded(
            at: Sample.time, policyDigest: [UInt8](repeating: 0x22, count: 32), file: "a\".yaml",
            ruleCount: 4)
        stream.block()
        let records = stream.waitingLines.compactMap { json($0) }
        let old = String(repeating: "1", count: 64)
        let new = String(repeating: "2", count: 64)
        #expect(records[0]["event.action"] as? String == "configuration-loaded")
        #expect(records[0]["event.type"] as? [String] == ["info"])
        #expect(records[0]["methodgate.previous_policy_sha256"] == nil)
        #expect(records[1]["methodgate.policy_sha256"] as? String == old)
        #expect(records[2]["event.type"] as? [String] == ["change"])
        #expect(records[2]["methodgate.previous_policy_sha256"] as? String == old)
        #expect(records[2]["methodgate.policy_sha256"] as? String == new)
        #expect(records[2]["file.path"] as? String == "a\".yaml")
        #expect(records[2]["methodgate.rules"] as? Int == 4)
        #expect(records[3]["methodgate.policy_sha256"] as? String == new)
        #expect(chainFault(stream.waitingLines) == nil)
    }

    @Test func `a skipped record leaves a gap that the next line tells of`() throws {
        let stream = Sample.stream()
        stream.block()
        stream.skip()
        stream.skip()
        #expect(stream.hasUnreportedDrops)
        stream.block()
        #expect(!stream.hasUnreportedDrops)
        let records = stream.waitingLines.compactMap { json($0) }
        #expect(records.map { $0["event.sequence"] as? Int } == [1, 4, 5])
        #expect(records[1]["event.action"] as? String == "records-dropped")
        #expect(records[1]["methodgate.dropped"] as? Int == 2)
        #expect(records[1]["methodgate.dropped_first"] as? Int == 2)
        #expect(records[1]["methodgate.dropped_last"] as? Int == 3)
        #expect(records[2]["methodgate.dropped_total"] as? Int == 2)
        #expect(chainFault(stream.waitingLines) == nil)
    }

    @Test func `what is dropped before anything was written starts the chain anew`() {
        let stream = Sample.stream()
        for _ in 0..<3 { stream.block() }
        #expect(stream.dropPending() == 3)
        #expect(stream.dropPending() == 0)
        #expect(stream.position == 0)
        #expect(stream.pendingCount == 0)
        #expect(stream.droppedTotal == 3)
        stream.block()
        #expect(chainFault(stream.waitingLines) == nil)
        #expect(stream.waitingLines.count == 2)
    }

    @Test func `a dropped summary is made anew and costs no number`() throws {
        let stream = Sample.stream()
        stream.skip()
        for _ in 0..<5 {
            stream.appendDropSummary(at: Sample.time)
            #expect(stream.pendingCount > 0)
            #expect(stream.dropPending() == 0)
        }
        stream.block()
        #expect(stream.dropPending() == 1)
        #expect(stream.droppedTotal == 2)
        stream.appendDropSummary(at: Sample.time)
        let record = try #require(json(stream.waitingLines.first ?? ""))
        #expect(record["event.sequence"] as? Int == 3)
        #expect(record["methodgate.dropped"] as? Int == 2)
        #expect(record["methodgate.dropped_first"] as? Int == 1)
        #expect(chainFault(stream.waitingLines) == nil)
    }

    @Test func `what is abandoned are the records that no line in the log tells of`() throws {
        let full = try AuditSink(to: .file(path: "/dev/full"))
        let stream = Sample.stream()
        stream.skip()
        stream.block()
        stream.block()
        #expect(stream.flush(to: full).isFull)
        #expect(stream.abandon() == 3)

        let scratch = try Scratch()
        let open = try AuditSink(to: .file(path: scratch.file("log")))
        stream.appendDropSummary(at: Sample.time)
        #expect(!stream.flush(to: open).isFull)
        #expect(stream.abandon() == 0)
        stream.skip()
        #expect(stream.abandon() == 1)
    }

    @Test func `nothing to tell of gives no summary`() {
        let stream = Sample.stream()
        stream.appendDropSummary(at: Sample.time)
        #expect(stream.pendingCount == 0)
    }

    @Test func `the chain holds whatever a sink takes and drops`() throws {
        // A FIFO whose reader takes odd amounts, a stream that now waits and now drops.
        let scratch = try Scratch()
        let path = scratch.file("fifo")
        #expect(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let sink = try AuditSink(to: .file(path: path))
        let stream = Sample.stream()
        var log: [UInt8] = []
        var random = SystemRandomNumberGenerator()
        func read(_ count: Int) {
            var chunk = [UInt8](repeating: 0, count: count)
            let taken = Glibc.read(reader, &chunk, count)
            if taken > 0 { log += chunk[..<taken] }
        }
        for _ in 0..<400 {
            for _ in 0..<Int.random(in: 0...80, using: &random) { stream.block() }
            if Int.random(in: 0..<8, using: &random) == 0 { stream.skip() }
            let result = stream.flush(to: sink)
            #expect(result.isFull == (stream.pendingCount > 0))
            if result.isFull, Bool.random(using: &random) { stream.dropPending() }
            read(Int.random(in: 1...60_000, using: &random))
        }
        stream.appendDropSummary(at: Sample.time)
        while stream.flush(to: sink).isFull { read(50_000) }
        for _ in 0..<100 { read(65_536) }
        let lines = lines(log)
        #expect(chainFault(lines) == nil)
        #expect(stream.droppedTotal > 0)
        #expect(lines.count == Int(stream.sequence - stream.droppedTotal))
        #expect(stream.settledPosition == stream.position)
        #expect(stream.settledPosition == UInt64(log.count))
        #expect(json(lines.last ?? "")?["event.sequence"] as? UInt64 == stream.sequence)
    }
}
