import ArgumentParser
import Audit
import Configuration

// `methodgate log verify`: whether a log is what the gate wrote.

struct LogVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that no record of a block log is missing or changed.",
        discussion: """
            Follows each stream (one worker of one start of the gate) through all files: its \
            numbers without a gap but for records that were dropped and counted, each line's \
            SHA-256 of the line before. A last line that is cut off is a note and no finding: \
            nobody has seen the answer that waited for it.

            The end of a stream proves nothing: keep the `head` that --json prints elsewhere, and \
            compare it with the `prev_hash` of what follows.

            Exit status: 0 all is there, 1 a finding, 2 usage, or a file that cannot be read.
            """)

    @OptionGroup var files: LogFiles
    @Flag(help: "A stream whose first line is not in these files is a finding.")
    var complete = false
    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        var verifier = ChainVerifier(files: files.paths, wantsBeginnings: complete)
        var finder = RecordFinder()
        for (number, path) in files.paths.enumerated() {
            do throws(ReadingError) {
                try read(path, number, &finder, &verifier)
            } catch {
                leave(error)
            }
        }
        let report = VerificationReport(verifier, files: files.paths)
        Terminal.out(
            json ? report.json.pretty + "\n" : report.text(color: Terminal.outputColor))
        if !report.isFine { throw ExitCode(1) }
    }

    private func read(
        _ path: String, _ file: Int, _ finder: inout RecordFinder,
        _ verifier: inout ChainVerifier
    ) throws(ReadingError) {
        var reader = try LineReader(path: path)
        var number = 0
        while let line = try reader.next() {
            number += 1
            let place = LogPlace(file: file, line: number)
            if line.isTooLong {
                verifier.takeTooLong(at: place)
                continue
            }
            switch finder.find(in: line.bytes) {
            case .record(let record): verifier.take(record, at: place)
            case .foreign: verifier.skip()
            case .leftOut: verifier.takeLeftOut(at: place)
            }
        }
    }
}

/// What a verification came to, for people and for programs.
struct VerificationReport {
    private let files: [String]
    private let streams: [StreamSummary]
    private let findings: [ChainFinding]
    private let findingCount: Int
    private let noteCount: Int
    private let lines: UInt64
    private let records: UInt64
    private let others: UInt64

    init(_ verifier: borrowing ChainVerifier, files: [String]) {
        self.files = files
        streams = verifier.streams
        findings = verifier.findings
        findingCount = verifier.findingCount
        noteCount = verifier.noteCount
        lines = verifier.lines
        records = verifier.records
        others = verifier.others
    }

    /// Files that hold something but no record were hardly meant.
    private var hasNothing: Bool { records == 0 && lines > 0 && findingCount == 0 }
    var isFine: Bool { findingCount == 0 && !hasNothing }
    private var dropped: UInt64 { streams.reduce(0) { $0 + $1.dropped } }

    // MARK: For people

    func text(color: Bool) -> String {
        var text = ""
        for finding in findings {
            let (word, mark) = finding.kind.isFinding ? ("", "31") : ("note: ", "33")
            let place = "\(files[finding.place.file]):\(finding.place.line): "
            let stream = finding.stream.map { "stream \($0): " } ?? ""
            let line = place + word + stream + finding.message
            text += color ? "\u{1b}[\(mark)m\(line)\u{1b}[0m\n" : line + "\n"
        }
        let hidden = findingCount + noteCount - findings.count
        if hidden > 0 { text += "and \(hidden) more\n" }
        return text + summary + "\n"
    }

    private var summary: String {
        var parts = [count(Int(records), "record") + " in " + count(streams.count, "stream")]
        if dropped > 0 { parts.append("\(dropped) dropped and counted") }
        if others > 0 { parts.append("\(count(Int(others), "line")) without a chain") }
        let what = "\(count(files.count, "file")): " + parts.joined(separator: ", ")
        if hasNothing { return what + ": no record of a block log, so nothing is verified" }
        return what
            + (isFine
                ? ": no record is missing, and the chain holds"
                : ": \(count(findingCount, "finding"))")
    }

    // MARK: For programs

    var json: JSON {
        .object([
            ("ok", .bool(isFine)), ("files", .array(files.map(JSON.string))),
            ("lines", number(lines)), ("records", number(records)), ("others", number(others)),
            ("dropped", number(dropped)), ("findings", .number(findingCount)),
            ("notes", .number(noteCount)), ("streams", .array(streams.map(json))),
            ("messages", .array(findings.map(json))),
        ])
    }

    private func number(_ value: UInt64) -> JSON { .number(Int(clamping: value)) }

    private func json(_ stream: StreamSummary) -> JSON {
        .object([
            ("stream", .string("\(stream.name)")),
            ("first", json(stream.first, stream.firstNumber)),
            ("last", json(stream.last, stream.lastNumber)), ("records", number(stream.records)),
            ("dropped", number(stream.dropped)), ("head", .string(stream.head)),
        ])
    }

    private func json(_ place: LogPlace, _ sequence: UInt64) -> JSON {
        .object([
            ("file", .string(files[place.file])), ("line", .number(place.line)),
            ("sequence", number(sequence)),
        ])
    }

    private func json(_ finding: ChainFinding) -> JSON {
        .object([
            ("kind", .string(finding.kind.rawValue)), ("finding", .bool(finding.kind.isFinding)),
            ("file", .string(files[finding.place.file])), ("line", .number(finding.place.line)),
            ("stream", finding.stream.map { .string("\($0)") } ?? .null),
            ("message", .string(finding.message)),
        ])
    }
}
