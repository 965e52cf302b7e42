// How much of a head is read before it is refused, and what reading one comes to.

/// The sizes beyond which a head is refused (`limits:` of the configuration).
package struct HeadLimits: Sendable, BitwiseCopyable {
    /// Bytes of a whole head, its empty line included; also of a trailer section. 431 beyond.
    package var head: Int
    /// Bytes of a request target, and of a method. 414 (501 for a method) beyond.
    package var target: Int
    /// Field lines. 431 beyond.
    package var fields: Int

    /// In bytes, and `fields` in lines.
    package init(head: Int, target: Int, fields: Int) {
        self.head = head
        self.target = target
        self.fields = fields
    }
}

/// What the bytes at hand amount to.
///
/// The verdict never depends on how the bytes were split: a failure that a prefix shows is the
/// failure of every continuation, and `complete` stays `complete`.
package enum ParseResult: Equatable, Sendable, BitwiseCopyable {
    /// The value that was parsed into is filled in.
    case complete
    /// Nothing is wrong so far; more bytes are needed. What was parsed into is in no defined state.
    case incomplete
    case failed(ProtocolError)
}
