// What an auditor is told of a log.

/// Where a line stands.
package struct LogPlace: Equatable, Sendable {
    /// The file's number, in the order in which they were given.
    package let file: Int
    /// From 1.
    package let line: Int

    package init(file: Int, line: Int) {
        self.file = file
        self.line = line
    }
}

/// Something that is not as the gate wrote it, or that an auditor wants to know all the same.
package struct ChainFinding: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        // Findings: what is there is not what was written.
        case notARecord = "not-a-record"
        case missing = "missing-records"
        case changed = "changed-record"
        case repeated = "repeated-record"
        case misplaced = "misplaced-record"
        case leftOut = "left-out-record"
        case noBeginning = "no-beginning"
        // Notes: what happens to a log without anybody's doing.
        case unfinished = "unfinished-line"
        case beginsEarlier = "begins-earlier"
        case dropped = "dropped-records"

        /// Whether the log is not what was written.
        package var isFinding: Bool {
            switch self {
            case .unfinished, .beginsEarlier, .dropped: false
            default: true
            }
        }
    }

    package let kind: Kind
    package let place: LogPlace
    /// The stream that it is about; nil where the line does not say.
    package let stream: StreamName?
    /// For people.
    package let message: String
}

/// The name of a stream as records give it, in numbers.
package struct StreamName: Hashable, Sendable, CustomStringConvertible {
    let start: EventID
    let worker: UInt64

    package var description: String {
        StreamID(start: start, worker: Int(clamping: worker)).description
    }
}
