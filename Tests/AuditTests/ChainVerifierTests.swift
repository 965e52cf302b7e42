// What `log verify` finds, and what it takes for the wear of a log.

import Foundation
import HTTPSyntax
import Testing

@testable import Audit

@Suite struct ChainVerifierTests {
    /// Lines of one stream: six blocks, of which none is dropped.
    private static let whole: [String] = {
        let stream = Sample.stream()
        for _ in 0..<6 { stream.block() }
        return stream.waitingLines
    }()

    /// What is found in files of lines; `kind line`, from 1, with the file before it from the
    /// second one on.
    private func found(_ files: [[String]], wantsBeginnings: Bool = false) -> [String] {
        var verifier = ChainVerifier(
            files: files.indices.map { "f\($0)" }, wantsBeginnings: wantsBeginnings)
        for (file, lines) in files.enumerated() {
            for (index, line) in lines.enumerated() {
                verifier.take(view(line), at: LogPlace(file: file, line: index + 1))
            }
        }
        return verifier.findings.map { finding in
            let file = finding.place.file == 0 ? "" : "f\(finding.place.file):"
            return "\(finding.kind.rawValue) \(file)\(finding.place.line)"
        }
    }

    private func found(_ lines: [String]) -> [String] { found([lines]) }

    @Test func `what was written is fine`() {
        #expect(found(Self.whole).isEmpty)
        #expect(found([Self.whole], wantsBeginnings: true).isEmpty)
        #expect(found([Array(Self.whole[..<2]), Array(Self.whole[2...])]).isEmpty)
        #expect(found([[], Self.whole, []]).isEmpty)
    }

    @Test func `streams that stand mixed are each followed`() {
        let streams = (0..<3).map { worker in
            AuditStream(
                id: StreamID(start: Sample.start, worker: worker), observer: Sample.observer,
                redactQuery: true)
        }
        var lines: [String] = []
        for step in 0..<60 {
            let stream = streams[step * 7 % 3]
            stream.block()
            lines.append(stream.waitingLines.last ?? "")
        }
        #expect(found(lines).isEmpty)
        lines.remove(at: 30)
        #expect(found(lines) == ["missing-records 33"])
    }

    @Test(arguments: 0..<6, 0..<6)
    func `a removed run of lines is missing, unless it is at an end`(_ from: Int, _ to: Int) {
        guard from <= to else { return }
        var lines = Self.whole
        lines.removeSubrange(from...to)
        let expected: [String]
        if lines.isEmpty || to == 5 {
            expected = []
        } else if from == 0 {
            expected = ["begins-earlier 1"]
        } else {
            expected = ["missing-records \(from + 1)"]
        }
        #expect(found(lines) == expected)
    }

    @Test(arguments: 0..<5)
    func `a changed line is found at the next one`(_ index: Int) {
        var lines = Self.whole
        lines[index] = lines[index].replacingOccurrences(of: "DELETE", with: "DELETf")
        #expect(found(lines) == ["changed-record \(index + 2)"])
    }

    @Test func `a change to the last line of a stream is not found`() {
        var lines = Self.whole
        lines[5] = lines[5].replacingOccurrences(of: "DELETE", with: "DELETf")
        #expect(found(lines).isEmpty)
    }

    @Test func `every single changed byte but of the last line is found`() {
        let line = Array(Self.whole[2].utf8)
        for index in stride(from: 0, to: line.count, by: 3) {
            var bytes = line
            bytes[index] ^= 0x01
            var lines = Self.whole
            lines[2] = String(decoding: bytes, as: UTF8.self)
            #expect(!found(lines).isEmpty, "byte \(index)")
        }
    }

    @Test func `a moved and a repeated line are found`() {
        var moved = Self.whole
        moved.swapAt(2, 3)
        #expect(found(moved) == ["missing-records 3", "misplaced-record 4", "missing-records 5"])
        var repeated = Self.whole
        repeated.insert(repeated[3], at: 4)
        #expect(found(repeated) == ["repeated-record 5"])
    }

    @Test func `files in the wrong order are found`() {
        let files = [Array(Self.whole[3...]), Array(Self.whole[..<3])]
        #expect(found(files) == ["begins-earlier 1", "misplaced-record f1:1"])
    }

    @Test func `a stream that begins earlier is a note, or a finding where all is asked for`() {
        let late = [Array(Self.whole[2...])]
        #expect(found(late) == ["begins-earlier 1"])
        #expect(found(late, wantsBeginnings: true) == ["no-beginning 1"])
        #expect(!ChainFinding.Kind.beginsEarlier.isFinding)
        #expect(ChainFinding.Kind.noBeginning.isFinding)
    }

    @Test func `a first line with another's link is changed`() {
        var lines = Self.whole
        lines[0] = lines[0].replacingOccurrences(
            of: String(repeating: "0", count: 64), with: String(repeating: "1", count: 64))
        #expect(found(lines) == ["changed-record 1", "changed-record 2"])
    }

    @Test func `dropped records are counted and no finding`() {
        let stream = Sample.stream()
        stream.skip()
        stream.block()
        stream.block()
        for _ in 0..<3 { stream.skip() }
        stream.block()
        let lines = stream.waitingLines
        #expect(found(lines) == ["dropped-records 1", "dropped-records 4"])
        var fewer = lines
        fewer.remove(at: 1)
        #expect(found(fewer) == ["dropped-records 1", "missing-records 2", "dropped-records 3"])
        // The gap stays, and what explained it is gone.
        let silent = lines.map {
            $0.replacingOccurrences(
                of: #""methodgate.dropped_total":4"#, with: #""methodgate.dropped_total":1"#)
        }
        #expect(found(silent).contains("missing-records 4"))
    }

    @Test(arguments: [1, 20, 200, 900])
    func `an unfinished last line is a note`(_ count: Int) {
        var lines = Self.whole
        lines[5] = String(lines[5].prefix(count))
        #expect(found(lines) == ["unfinished-line 6"])
        #expect(!ChainFinding.Kind.unfinished.isFinding)
    }

    @Test func `a line that was cut by hand is missing from its stream`() {
        var lines = Self.whole
        lines[3] = String(lines[3].prefix(300))
        #expect(found(lines) == ["unfinished-line 4", "missing-records 5"])
    }

    @Test(arguments: ["hello", "{}x", "[1]", #"{"@timestamp":"1"}"#, ""])
    func `what is no record is a finding`(_ line: String) {
        var lines = Self.whole
        lines.insert(line, at: 2)
        #expect(found(lines) == ["not-a-record 3"])
    }

    @Test func `a record without its chain is missing from its stream`() throws {
        var lines = Self.whole
        let link = try #require(lines[2].range(of: #","methodgate.prev_hash""#))
        lines[2] = lines[2][..<link.lowerBound] + "}"
        #expect(found(lines) == ["not-a-record 3", "missing-records 4"])
    }

    @Test func `lines of the access log have no chain`() {
        var verifier = ChainVerifier(files: ["f"])
        let line = #"{"@timestamp":"x","event.action":"request-served"}"#
        verifier.take(view(line), at: LogPlace(file: 0, line: 1))
        let counts = (verifier.others, verifier.records, verifier.findings.count)
        #expect(counts == (1, 0, 0))
    }

    @Test func `the seam of two files says what a rotation loses`() throws {
        var verifier = ChainVerifier(files: ["blocks.1", "blocks"])
        for (index, line) in Self.whole.enumerated() where index != 2 && index != 3 {
            let file = index < 2 ? 0 : 1
            verifier.take(view(line), at: LogPlace(file: file, line: index + 1))
        }
        let messages = verifier.findings.map(\.message)
        #expect(
            messages == [
                "2 records are missing between number 2 (blocks.1:2) and number 5: at the seam of "
                    + "two files. A rotation by copytruncate loses what is written between the "
                    + "copy and the truncation; or a file is missing, or lines were removed"
            ])
    }

    @Test func `a summary has the digest of the last line`() throws {
        var verifier = ChainVerifier(files: ["f"])
        for (index, line) in Self.whole.dropLast().enumerated() {
            verifier.take(view(line), at: LogPlace(file: 0, line: index + 1))
        }
        let summary = try #require(verifier.streams.first)
        #expect(Self.whole[5].contains("\"methodgate.prev_hash\":\"\(summary.head)\""))
        #expect(summary.records == 5 && summary.lastNumber == 5 && summary.firstNumber == 1)
    }

    @Test func `many findings take little memory`() {
        var verifier = ChainVerifier(files: ["f"])
        for line in 1...1000 { verifier.take(view("x"), at: LogPlace(file: 0, line: line)) }
        let counts = (verifier.findingCount, verifier.findings.count)
        #expect(counts == (1000, ChainVerifier.limit))
    }
}
