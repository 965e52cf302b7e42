// Heads that come in pieces, as a connection takes them: the scanner says when to parse again.

import HTTP1
import HTTPSyntax

/// One kind of head, and who reads it.
struct HeadFeed {
    let parse: (ByteView, HeadLimits) -> HeadVerdict
    let limits: HeadLimits
    /// A client's connection shows the scanner what the first parse left incomplete at once, an
    /// upstream's not before more has come.
    let scansAtOnce: Bool

    /// Copies of all pieces, which are quadratic, only up to here.
    private static let longestCopied = 160

    /// What the bytes come to when they arrive so. In short inputs each piece ends where its
    /// storage does.
    func verdict(on bytes: [UInt8], cutAt cuts: [Int]) -> HeadVerdict {
        var taking = Taking(feed: self)
        for cut in cuts {
            let verdict =
                bytes.count <= Self.longestCopied
                ? Array(bytes[0..<cut]).withView { taking.take($0) }
                : bytes.withView { taking.take($0.slice(0, cut)) }
            if verdict != .incomplete { return verdict }
        }
        return .incomplete
    }

    /// A connection that has got the beginning of a head.
    private struct Taking {
        let feed: HeadFeed
        var scanner = HeadScanner()
        var isFirst = true

        /// More has come; `held` is all of it.
        mutating func take(_ held: ByteView) -> HeadVerdict {
            defer { isFirst = false }
            if !isFirst, !scanner.shouldParse(held, limits: feed.limits) { return .incomplete }
            let verdict = feed.parse(held, feed.limits)
            if verdict == .incomplete, feed.scansAtOnce || !isFirst {
                _ = scanner.shouldParse(held, limits: feed.limits)
            }
            return verdict
        }
    }

    /// The verdict on the whole, once it is sure that no prefix and no splitting says otherwise.
    func check(_ bytes: [UInt8]) throws(Finding) -> HeadVerdict {
        let whole = bytes.withView { parse($0, limits) }
        for cuts in Splitting.cuts(of: bytes) {
            for cut in cuts.prefix(32) {
                let part = Array(bytes[0..<cut]).withView { parse($0, limits) }
                try require(
                    part == .incomplete || part == whole,
                    "the first \(cut) bytes are \(part), all of them \(whole)")
            }
            try checkFeeding(bytes, cuts, whole)
        }
        return whole
    }

    /// What is refused may be found out as late as at the head's end, but not otherwise.
    private func checkFeeding(
        _ bytes: [UInt8], _ cuts: [Int], _ whole: HeadVerdict
    ) throws(Finding) {
        var fed = verdict(on: bytes, cutAt: cuts)
        if case .failed = whole, fed == .incomplete {
            let end = Array("\r\n\r\n".utf8)
            fed = verdict(on: bytes + end, cutAt: cuts + [bytes.count + end.count])
        }
        try require(fed, equals: whole, "in pieces that end at \(cuts.prefix(64))")
    }
}
