// Whether a log is what was written: each stream's numbers without a gap but for what was dropped
// and counted, each line's link to the one before. It is told the lines in order and keeps, of
// each stream, only the last one.

import Digest
package import HTTPSyntax

/// What is known of one stream so far.
package struct StreamSummary: Sendable {
    package let name: StreamName
    /// Its first line in these files, and the last one.
    package let first: LogPlace
    package fileprivate(set) var last: LogPlace
    package let firstNumber: UInt64
    package fileprivate(set) var lastNumber: UInt64
    package fileprivate(set) var records: UInt64 = 0
    /// Records that were dropped between the first line and the last one.
    package fileprivate(set) var dropped: UInt64 = 0
    fileprivate var droppedTotal: UInt64
    fileprivate var lastHash: Digest256

    /// SHA-256 of the last line, as the next one would name it: 64 hexadecimal digits.
    package var head: String {
        var text = ByteBuffer()
        lastHash.append(hexTo: &text)
        return text.view.text
    }
}

/// Follows the streams through a log. For one thread.
package struct ChainVerifier: ~Copyable {
    /// In the order of their first lines.
    package private(set) var streams: [StreamSummary] = []
    /// The first of them, in the order of the lines.
    package private(set) var findings: [ChainFinding] = []
    /// How many there are in all.
    package private(set) var findingCount = 0
    package private(set) var noteCount = 0
    package private(set) var lines: UInt64 = 0
    /// Lines with number and chain.
    package private(set) var records: UInt64 = 0
    /// Lines of an access log, which has neither, and entries of a journal that others wrote.
    package private(set) var others: UInt64 = 0

    private var numbers: [StreamName: Int] = [:]
    private var latest = (name: StreamName(start: EventID(high: 0, low: 0), worker: 0), number: -1)
    private var record = RecordReader()
    private let hash = SHA256()
    private var hex = ByteBuffer(capacity: 64)
    /// The last line that was not written to its end.
    private var unfinished: LogPlace?
    private let files: [String]
    private let wantsBeginnings: Bool

    /// Findings and notes that are kept.
    package static let limit = 200

    /// `files` are the names by which messages call the files that places number;
    /// `wantsBeginnings`: a stream whose first line is not there is a finding.
    package init(files: [String], wantsBeginnings: Bool = false) {
        self.files = files
        self.wantsBeginnings = wantsBeginnings
    }

    // MARK: Lines

    /// Takes the record in a line, without its newline.
    package mutating func take(_ line: ByteView, at place: LogPlace) {
        lines += 1
        do throws(RecordFault) {
            try record.read(line)
        } catch {
            return takeBroken(error, line, at: place)
        }
        let link = record.text("methodgate.prev_hash")
        let stream = record.text("methodgate.stream")
        let number = record.number("event.sequence")
        guard link != nil || stream != nil || number != nil || record["event.action"] == nil else {
            others += 1
            return
        }
        guard let link, link.count == 64, let number, number > 0, let stream = stream?.streamName,
            let dropped = record.number("methodgate.dropped_total")
        else { return add(.notARecord, at: place, "the line is no record of the block log") }
        records += 1
        follow(
            Step(stream: stream, number: number, droppedTotal: dropped, link: link, line: line),
            at: place)
    }

    /// Counts a line that is nobody's record.
    package mutating func skip() {
        lines += 1
        others += 1
    }

    package mutating func takeTooLong(at place: LogPlace) {
        lines += 1
        add(.notARecord, at: place, "the line is longer than any record")
    }

    package mutating func takeLeftOut(at place: LogPlace) {
        lines += 1
        add(
            .leftOut, at: place,
            "journalctl left the record out because of its length: give it --all as well")
    }

    private mutating func takeBroken(_ fault: RecordFault, _ line: ByteView, at place: LogPlace) {
        let start = ByteView(RecordFinder.start)
        let isBegun = line.hasPrefix(RecordFinder.start) || start.hasPrefix(line)
        switch fault {
        case .unfinished where isBegun && !line.isEmpty:
            unfinished = place
            add(
                .unfinished, at: place,
                "the line ends within a record: its writer, or the copy, was stopped there")
        case .malformed where isBegun && line.hasSuffix(" bytes more]"):
            unfinished = place
            add(.unfinished, at: place, "the record was cut to the length of a syslog message")
        case .malformed(let index):
            add(.notARecord, at: place, "the line is no record (byte \(index + 1))")
        case .unfinished: add(.notARecord, at: place, "the line is no record")
        }
    }

    // MARK: Streams

    /// What a record says of its place in its stream.
    private struct Step {
        let stream: StreamName
        let number: UInt64
        let droppedTotal: UInt64
        let link: ByteView
        let line: ByteView
    }

    private mutating func follow(_ step: Step, at place: LogPlace) {
        if latest.number < 0 || latest.name != step.stream {
            latest = (step.stream, numbers[step.stream] ?? -1)
        }
        hash.update(step.line)
        let digest = hash.finish()
        guard latest.number >= 0 else { return begin(step, digest, at: place) }
        let last = streams[latest.number]
        check(step, digest, after: last, at: place)
        if step.droppedTotal > last.droppedTotal {
            streams[latest.number].dropped += step.droppedTotal - last.droppedTotal
        }
        streams[latest.number].droppedTotal = step.droppedTotal
        streams[latest.number].last = place
        streams[latest.number].lastNumber = step.number
        streams[latest.number].lastHash = digest
        streams[latest.number].records += 1
    }

    private mutating func begin(_ step: Step, _ digest: Digest256, at place: LogPlace) {
        latest = (step.stream, streams.count)
        numbers[step.stream] = streams.count
        var summary = StreamSummary(
            name: step.stream, first: place, last: place, firstNumber: step.number,
            lastNumber: step.number, droppedTotal: step.droppedTotal, lastHash: digest)
        summary.records = 1
        // Records that were dropped before the first one that is there.
        let isFirst = step.number - 1 == step.droppedTotal && step.link.isZero
        if isFirst {
            summary.dropped = step.droppedTotal
            if step.droppedTotal > 0 { noteDrops(step.droppedTotal, step, at: place) }
        } else if step.number == 1 || step.link.isZero {
            add(
                .changed, at: place, of: step.stream,
                "number \(step.number) is not as the first line of a stream was written")
        } else {
            add(
                wantsBeginnings ? .noBeginning : .beginsEarlier, at: place, of: step.stream,
                "the stream is here from number \(step.number) on: what is before stands in older "
                    + "files, or was removed")
        }
        streams.append(summary)
    }

    private mutating func check(
        _ step: Step, _ digest: Digest256, after last: StreamSummary, at place: LogPlace
    ) {
        let here = "number \(step.number)"
        let before = "number \(last.lastNumber) (\(text(last.last)))"
        guard step.number > last.lastNumber else {
            if step.number == last.lastNumber, digest == last.lastHash {
                return add(.repeated, at: place, of: step.stream, "\(here) stands here again")
            }
            return add(
                .misplaced, at: place, of: step.stream,
                "\(here) follows \(before): lines were moved, or the files are not in the order "
                    + "of their age")
        }
        guard step.droppedTotal >= last.droppedTotal else {
            return add(
                .changed, at: place, of: step.stream,
                "\(here) counts fewer dropped records than \(before)")
        }
        let gap = step.number - last.lastNumber - 1
        let dropped = step.droppedTotal - last.droppedTotal
        if dropped > 0, dropped <= gap { noteDrops(dropped, step, at: place) }
        if gap > dropped {
            reportMissing(gap - dropped, step, after: last, at: place)
        } else if gap < dropped {
            add(
                .changed, at: place, of: step.stream,
                "\(here) counts \(dropped) more dropped records than \(before), but \(gap) numbers "
                    + "are missing")
        } else if !isLink(step.link, to: last.lastHash) {
            add(
                .changed, at: place, of: step.stream,
                "\(here) does not follow from \(before) as it stands: one of the two lines was "
                    + "changed")
        }
    }

    private mutating func reportMissing(
        _ count: UInt64, _ step: Step, after last: StreamSummary, at place: LogPlace
    ) {
        let what = count == 1 ? "1 record is missing" : "\(count) records are missing"
        var message =
            "\(what) between number \(last.lastNumber) (\(text(last.last))) and number "
            + "\(step.number)"
        if let unfinished, isBetween(unfinished, last.last, place) {
            message += "; the line that ends within a record (\(text(unfinished))) may be one"
        }
        if last.last.file != place.file {
            message +=
                ": at the seam of two files. A rotation by copytruncate loses what is written "
                + "between the copy and the truncation; or a file is missing, or lines were removed"
        } else {
            message += ": lines were removed"
        }
        add(.missing, at: place, of: step.stream, message)
    }

    private func isBetween(_ place: LogPlace, _ first: LogPlace, _ last: LogPlace) -> Bool {
        (first.file, first.line) < (place.file, place.line)
            && (place.file, place.line) < (last.file, last.line)
    }

    private mutating func isLink(_ link: ByteView, to digest: Digest256) -> Bool {
        hex.removeAll()
        digest.append(hexTo: &hex)
        return link.equals(hex.view)
    }

    // MARK: Findings

    private mutating func noteDrops(_ count: UInt64, _ step: Step, at place: LogPlace) {
        add(
            .dropped, at: place, of: step.stream,
            "\(count) \(count == 1 ? "record was" : "records were") dropped before number "
                + "\(step.number): the log could not be written")
    }

    private mutating func add(
        _ kind: ChainFinding.Kind, at place: LogPlace, of stream: StreamName? = nil,
        _ message: @autoclosure () -> String
    ) {
        if kind.isFinding { findingCount += 1 } else { noteCount += 1 }
        let kept = kind.isFinding ? findingCount : noteCount
        guard kept <= Self.limit else { return }
        findings.append(
            ChainFinding(kind: kind, place: place, stream: stream, message: message()))
    }

    private func text(_ place: LogPlace) -> String { "\(files[place.file]):\(place.line)" }
}

extension ByteView {
    fileprivate var isZero: Bool {
        for index in 0..<count where self[index] != 0x30 { return false }
        return true
    }

    fileprivate func hasSuffix(_ suffix: StaticString) -> Bool {
        let suffix = ByteView(suffix)
        return count >= suffix.count && dropFirst(count - suffix.count).equals(suffix)
    }

    /// A UUID, a slash and a number.
    fileprivate var streamName: StreamName? {
        guard count > EventID.textLength + 1, count <= EventID.textLength + 6,
            self[EventID.textLength] == 0x2f, let start = EventID(slice(0, EventID.textLength)),
            let worker = RecordValue(kind: .number, raw: dropFirst(EventID.textLength + 1)).number
        else { return nil }
        return StreamName(start: start, worker: worker)
    }
}
