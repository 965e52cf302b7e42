// A head that trickles in byte by byte would cost quadratic time if it were parsed at each. The
// scanner looks at every byte once and says when a parse can bring something new.

package import HTTPSyntax

/// Tells whether another parse of an incomplete head is worthwhile.
package struct HeadScanner: Sendable, BitwiseCopyable {
    /// Up to here every byte has been looked at, and is fine.
    private var scanned = 0
    /// Where the line that is being read begins.
    private var lineStart = 0
    private var isFirstLine = true
    /// Behind the first space: where a request target begins; 0 until it is seen.
    private var targetStart = 0
    private var hasReportedTarget = false

    /// For a head of which nothing has been seen.
    package init() {}

    /// Forgets the head, for the next one.
    package mutating func reset() { self = HeadScanner() }

    /// Looks at the bytes that came since the last call; `all` begins with the head's first byte.
    ///
    /// True when the head may be complete, when a parse would refuse it (a bare line end or
    /// another control byte, a limit), and once when its first line has ended. Limits of a
    /// target that a response cannot have cost it one parse.
    package mutating func shouldParse(_ all: ByteView, limits: HeadLimits) -> Bool {
        if all.count >= limits.head { return true }
        let wasFirstLine = isFirstLine
        if advance(all) { return true }
        return wasFirstLine && (!isFirstLine || targetIsTooLong(all, limits))
    }

    /// True at an empty line, or at a byte that no head may hold.
    private mutating func advance(_ all: ByteView) -> Bool {
        while true {
            // The scan ends at the view's count.
            let found = unsafe ByteScan.first(
                all.base, from: scanned, to: all.count, ByteScan.controls)
            if isFirstLine && targetStart == 0 { findTarget(all, found) }
            scanned = found
            guard found < all.count else { return false }
            if all[found] != 0x09 {
                guard all[found] == 0x0d else { return true }
                guard found + 1 < all.count else { return false }
                guard all[found + 1] == 0x0a, found > lineStart else { return true }
                scanned += 1
                lineStart = scanned + 1
                isFirstLine = false
            }
            scanned += 1
        }
    }

    private mutating func findTarget(_ all: ByteView, _ end: Int) {
        guard let space = all.slice(0, end).firstIndex(of: 0x20, from: scanned) else { return }
        targetStart = space + 1
    }

    private mutating func targetIsTooLong(_ all: ByteView, _ limits: HeadLimits) -> Bool {
        guard !hasReportedTarget, all.count - targetStart > limits.target else { return false }
        hasReportedTarget = true
        return true
    }
}
