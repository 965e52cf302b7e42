package import HTTPSyntax

/// Tells whether another parse of an incomplete head is worthwhile.
package struct HeadScanner: Sendable, BitwiseCopyable {
    package init() {}

    /// Looks at the bytes that came since the last call; `all` begins with the head's first byte.
    package mutating func shouldParse(_ all: ByteView, limits: HeadLimits) -> Bool { true }

    /// Forgets the head, for the next one.
    package mutating func reset() { self = HeadScanner() }
}
