// The readings of a path: every path that some composition of `PathStep`s makes of it. They are
// computed as a closure, so that the order and number of steps a backend takes need not be known.
// See docs/decisions/0002-every-reading-is-judged.md.

/// How far the readings of a path go.
package enum ReadingLevel: UInt8, Sendable, BitwiseCopyable, Comparable {
    /// Escapes of unreserved characters decoded, nothing else.
    case exact
    /// Also decoded once with `%2F` kept, empty segments merged, dot segments resolved.
    case standard
    /// The closure of everything that a backend is known to do.
    case all

    package static func < (left: ReadingLevel, right: ReadingLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Storage for the readings of one path at a time, reused so that a steady state allocates
/// nothing. Not thread-safe; readings are valid until the next path.
///
/// A policy whose patterns hold literals that steps change judges a reading against its patterns
/// as the same steps have changed them. Each such state of the patterns is a *view*, a number
/// below 64; the closure is taken over readings and views together.
@safe package final class PathReadings {
    /// Beyond these a path is refused: nothing honest comes near.
    package static let maximumCount = 64
    package static let maximumDecodings = 2
    /// Bytes of all readings together.
    package static let maximumBytes = 64 * 1024
    /// Bytes that may be looked at to find them, which bounds the time that a path can take. A path
    /// of 2 KiB that is a whole URL with escapes in its escapes comes to 75,000, one of 4 KiB with
    /// spaces and capitals to 45,000, and one of 200 bytes stays below whatever it holds.
    package static let maximumWork = 128 * 1024

    private struct Entry {
        var offset: Int
        var length: Int
        /// The least number of decodings that lead here.
        var decodings: Int
        /// Bit n: judged in view n.
        var views: UInt64
        var isPending: Bool
        /// Nil until it is first looked at.
        var marks: PathMarks?
    }

    /// Bytes that have been looked at for the path taken in last.
    package private(set) var work = 0

    private var entries: [Entry] = []
    private var bytes: [UInt8] = []
    private var candidate: [UInt8] = []
    private static let standardSteps = PathStep.steps(at: .standard)
    private static let allSteps = PathStep.steps(at: .all)

    /// Storage for the usual path; it grows with the worst one.
    package init() {
        entries.reserveCapacity(Self.maximumCount)
        bytes.reserveCapacity(1024)
    }

    package var count: Int { entries.count }

    /// Lends a reading; 0 is the raw one.
    package func withReading<Result>(_ index: Int, _ body: (ByteView) throws -> Result) rethrows
        -> Result
    {
        let entry = entries[index]
        return try bytes.withView { try body($0.slice(entry.offset, entry.length)) }
    }

    /// The views in which a reading is to be judged, as bits.
    package func views(of index: Int) -> UInt64 { entries[index].views }

    /// Takes in a path without problems of its own as its only reading: as sent, but that escapes
    /// of unreserved characters are decoded and others written in upper case, which is the same
    /// path (RFC 3986 §6.2.2).
    package func begin(_ path: ByteView) {
        entries.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
        work = 0
        prepareCandidate(path.count)
        let length = apply(.decodeUnreserved, to: path)
        keep(length, decodings: 0, views: 1)
    }

    /// Adds the other readings of the path that `begin` took in.
    ///
    /// `transitions` holds for each view, `PathStep.count` bytes apart, the view to which each step
    /// leads; it is empty where there is but one view.
    package func close(
        over path: ByteView, level: ReadingLevel, transitions: ByteView
    ) -> PathProblem {
        guard level != .exact else { return .none }
        if level == .all {
            let problem = addAsSent(path)
            if problem != .none { return problem }
        }
        let steps = level == .all ? Self.allSteps : Self.standardSteps
        while let index = entries.firstIndex(where: \.isPending) {
            entries[index].isPending = false
            let problem = expand(index, steps, level: level, transitions: transitions)
            if problem != .none { return problem }
        }
        let limit = Self.maximumDecodings
        return entries.contains { $0.decodings > limit } ? .tooManyDecodings : .none
    }

    /// A backend that decodes nothing sees escapes of unreserved characters too.
    private func addAsSent(_ path: ByteView) -> PathProblem {
        prepareCandidate(path.count)
        let length = candidate.withMutableView { output in
            var writer = PathWriter(output: output)
            writer.decode(path, keepingCase: false) { _ in nil }
            return writer.count
        }
        return add(length, decodings: 0, views: 1)
    }

    private func expand(
        _ index: Int, _ steps: [PathStep], level: ReadingLevel, transitions: ByteView
    ) -> PathProblem {
        let entry = entries[index]
        let marks = entry.marks ?? self.marks(of: index)
        // What is refused as it was sent is refused under a second layer of escapes too.
        if marks.contains(.nul) { return .nulEscape }
        if marks.contains(.unicodeEscape) { return .unicodeEscape }
        prepareCandidate(entry.length)
        for step in steps {
            let views = Self.views(after: step, from: entry.views, transitions)
            if level == .standard, step.isDecoding, entry.decodings > 0 { continue }
            var changed: Int?
            if step.mayChange(marks) {
                guard work <= Self.maximumWork else { return .tooManyReadings }
                changed = change(index, step)
            }
            if let length = changed {
                let decodings = entry.decodings + (step.isDecoding ? 1 : 0)
                let problem = add(length, decodings: decodings, views: views)
                if problem != .none { return problem }
            } else if views & ~entries[index].views != 0 {
                entries[index].views |= views
                entries[index].isPending = true
            }
        }
        guard level == .all else { return .none }
        let problem = addRest(of: index, from: secondLastSlash(index))
        return problem != .none ? problem : addRest(of: index, from: endOfAuthority(index))
    }

    /// Parsers of URLs that follow WHATWG skip all slashes before a host: three or more are two.
    private func secondLastSlash(_ index: Int) -> Int? {
        withReading(index) { path in
            var start = 0
            while start < path.count, path[start] == 0x2f { start += 1 }
            return start > 2 && start < path.count ? start - 2 : nil
        }
    }

    private func marks(of index: Int) -> PathMarks {
        work += entries[index].length
        let marks = withReading(index) { PathMarks(of: $0) }
        entries[index].marks = marks
        return marks
    }

    /// `//host/path` is a network-path reference (RFC 3986 §4.2): whoever resolves the target as a
    /// URL takes its first segment for a host. Patterns never begin so, and stay as they are.
    private func endOfAuthority(_ index: Int) -> Int? {
        withReading(index) { path in
            guard path.count > 2, path[0] == 0x2f, path[1] == 0x2f else { return nil }
            return path.firstIndex(of: 0x2f, from: 2) ?? path.count
        }
    }

    /// Adds what a reading holds from `start` on; a slash where that is nothing.
    private func addRest(of index: Int, from start: Int?) -> PathProblem {
        guard let start else { return .none }
        let entry = entries[index]
        work += entry.length
        prepareCandidate(entry.length)
        let path = bytes[entry.offset + start..<entry.offset + entry.length]
        candidate.replaceSubrange(0..<path.count, with: path)
        if path.isEmpty { candidate[0] = 0x2f }
        return add(max(1, path.count), decodings: entry.decodings, views: entry.views)
    }

    private static func views(
        after step: PathStep, from views: UInt64, _ transitions: ByteView
    ) -> UInt64 {
        guard !transitions.isEmpty else { return views }
        var result: UInt64 = 0
        var rest = views
        while rest != 0 {
            let view = rest.trailingZeroBitCount
            let place = view * PathStep.count + Int(step.rawValue)
            result |= 1 << UInt64(transitions[place])
            rest &= rest - 1
        }
        return result
    }

    /// Applies a step to a reading; the length of the result, or nil where nothing changed.
    private func change(_ index: Int, _ step: PathStep) -> Int? {
        withReading(index) { reading in
            let length = apply(step, to: reading)
            let same =
                length == reading.count
                && candidate.withView { $0.slice(0, length).equals(reading) }
            return same ? nil : length
        }
    }

    private func apply(_ step: PathStep, to path: ByteView) -> Int {
        work += path.count
        return candidate.withMutableView { step.apply(to: path, into: $0) }
    }

    private func prepareCandidate(_ length: Int) {
        if candidate.count < length {
            candidate.append(contentsOf: repeatElement(0, count: length - candidate.count))
        }
    }

    /// Takes in the candidate unless it is known.
    private func add(_ length: Int, decodings: Int, views: UInt64) -> PathProblem {
        if let index = indexOfCandidate(length) {
            let isNews = views & ~entries[index].views != 0 || decodings < entries[index].decodings
            guard isNews else { return .none }
            entries[index].views |= views
            entries[index].decodings = min(entries[index].decodings, decodings)
            entries[index].isPending = true
            return .none
        }
        if entries.count == Self.maximumCount || bytes.count + length > Self.maximumBytes {
            return .tooManyReadings
        }
        keep(length, decodings: decodings, views: views)
        return .none
    }

    private func keep(_ length: Int, decodings: Int, views: UInt64) {
        entries.append(
            Entry(
                offset: bytes.count, length: length, decodings: decodings, views: views,
                isPending: true))
        bytes.append(contentsOf: candidate[0..<length])
    }

    private func indexOfCandidate(_ length: Int) -> Int? {
        for index in entries.indices where entries[index].length == length {
            let same = withReading(index) { reading in
                candidate.withView { $0.slice(0, length).equals(reading) }
            }
            if same { return index }
        }
        return nil
    }
}

extension [UInt8] {
    /// Lends the array's bytes to be edited during `body`.
    package mutating func withMutableView<Result>(
        _ body: (MutableByteView) throws -> Result
    ) rethrows -> Result {
        try unsafe withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return try body(.empty) }
            return try body(unsafe MutableByteView(base: base, count: buffer.count))
        }
    }
}
