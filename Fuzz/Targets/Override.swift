import HTTPSyntax
import Policy
import StrictHTTP

extension FuzzTarget {
    /// Where an override may stand, in a first line, and what stands there behind it: the same
    /// overrides however the bytes are split, and none that `OverrideReaders` finds and the gate
    /// does not. The line is `field`, `query`, or values of `Content-Type` with a tab between two,
    /// and behind `^` one of `Content-Encoding`.
    static let override = FuzzTarget("override", longest: 2048) { input throws(Finding) in
        guard let end = input.firstIndex(of: 0x0a) else { return }
        let line = Bytes(input[..<end])
        let bytes = Bytes(input[(end + 1)...])
        switch String(latin1: line) {
        case "field": try checkField(bytes)
        case "query": try checkQuery(bytes)
        default: try checkContent(bytes, DeclaredContent(line))
        }
    }

    private static func checkField(_ bytes: Bytes) throws(Finding) {
        let scratch = JudgeScratch()
        // What is found lies in the scratch.
        let found = withExtendedLifetime(scratch) {
            bytes.withView { view in
                scratch.override(inField: view).map { [FoundOverride($0)] } ?? []
            }
        }
        try ReadOverride(bytes).require(in: found, "a field")
    }

    private static func checkQuery(_ bytes: Bytes) throws(Finding) {
        var found: [FoundOverride] = []
        let scratch = JudgeScratch()
        // Twice, as for two requests: nothing of the first may be left.
        for _ in 0..<2 {
            found = []
            bytes.withView { view in
                var offset = 0
                while let value = scratch.override(inQuery: view, from: &offset) {
                    found.append(FoundOverride(value))
                }
            }
        }
        for read in OverrideReaders.form(bytes) { try read.require(in: found, "the query") }
        try requireNone(found, in: bytes)
    }

    private static func checkContent(
        _ bytes: Bytes, _ declared: DeclaredContent
    ) throws(Finding) {
        guard let whole = found(in: bytes, declared, cutAt: []) else { return }
        for cuts in Splitting.cuts(of: bytes) {
            let split = found(in: bytes, declared, cutAt: cuts) ?? []
            // Where two scanners look at it, each is through with a piece before the other begins.
            try require(split.sorted(), equals: whole.sorted(), "cut at \(cuts.prefix(64))")
        }
        for (reader, overrides) in OverrideReaders.content(bytes, types: declared.types) {
            for read in overrides { try read.require(in: whole, reader) }
        }
        if !declared.isMultipart { try requireNone(whole, in: bytes) }
    }

    /// Nil where the gate refuses to look at such content, so that it blocks it.
    private static func found(
        in bytes: Bytes, _ declared: DeclaredContent, cutAt cuts: [Int]
    ) -> [FoundOverride]? {
        declared.withReading { reading in
            guard reading.obstacle == nil else { return nil }
            var found: [FoundOverride] = []
            guard reading.isInspected else { return found }
            var scanner = ContentScanner(reading)
            var start = 0
            for end in cuts.isEmpty ? [bytes.count] : cuts {
                Array(bytes[start..<end]).withView { piece in
                    var offset = 0
                    while let value = scanner.next(in: piece, from: &offset) {
                        found.append(FoundOverride(value))
                    }
                }
                start = end
            }
            if let value = scanner.finish() { found.append(FoundOverride(value)) }
            return found
        }
    }

    /// Every name that counts has a `d`, written plainly or escaped; and JSON that may be UTF-16 or
    /// UTF-32 is refused by other bytes than names.
    private static func requireNone(
        _ found: [FoundOverride], in bytes: Bytes
    ) throws(Finding) {
        guard !bytes.contains(where: { [0x44, 0x64, 0x25, 0x5c, 0, 0xfe, 0xff].contains($0) })
        else { return }
        try require(found.isEmpty, "\(found) out of nothing")
    }
}

/// An override as the gate has it.
struct FoundOverride: Comparable, CustomStringConvertible {
    /// Nil: it is no method, and passes nowhere.
    let method: String?

    init(_ value: OverrideValue) {
        let text = value.text.bytes
        method = value.isMethod ? String(latin1: text) : nil
    }

    static func < (one: Self, other: Self) -> Bool { one.description < other.description }

    var description: String { method ?? "?" }
}

/// Fields that say what content is.
private struct DeclaredContent {
    let types: [Bytes]
    private let coding: Bytes?

    init(_ line: Bytes) {
        let parts = line.split(separator: 0x5e, maxSplits: 1, omittingEmptySubsequences: false)
        types = parts[0].split(separator: 9).map(Bytes.init)
        coding = parts.count > 1 ? Bytes(parts[1]) : nil
    }

    var isMultipart: Bool {
        types.contains { String(latin1: $0).lowercased().contains("multipart") }
    }

    /// Lends what the gate makes of them.
    func withReading<Result>(_ body: (ContentReading) -> Result) -> Result {
        add(types[...], to: ContentReading(), body)
    }

    private func add<Result>(
        _ types: ArraySlice<Bytes>, to reading: ContentReading, _ body: (ContentReading) -> Result
    ) -> Result {
        var reading = reading
        if let first = types.first {
            // The reading keeps a view of its boundary.
            return first.withView { view in
                reading.add(contentType: view)
                return add(types.dropFirst(), to: reading, body)
            }
        }
        if let coding { coding.withView { reading.add(contentEncoding: $0) } }
        reading.settle()
        return body(reading)
    }
}
