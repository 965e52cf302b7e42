// The readings of a path.

/// How far the readings of a path go; see docs/decisions/0002-every-reading-is-judged.md.
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
