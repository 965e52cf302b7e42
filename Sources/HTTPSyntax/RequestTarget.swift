// The four forms of a request target (RFC 9112 §3.2), as offsets from the head's first byte.

/// Where a request target and its parts stand in the head.
@usableFromInline package struct RequestTarget: BitwiseCopyable, Sendable {
    @usableFromInline package enum Form: UInt8, Sendable, BitwiseCopyable {
        case origin
        case absolute
        case authority
        case asterisk

        // Written out so that other modules inline it: the derived one is a call.
        @inlinable package static func == (left: Form, right: Form) -> Bool {
            switch (left, right) {
            case (.origin, .origin), (.absolute, .absolute), (.authority, .authority),
                (.asterisk, .asterisk):
                true
            default: false
            }
        }
    }

    @usableFromInline package var form = Form.origin
    @usableFromInline package var offset = 0
    @usableFromInline package var length = 0
    /// The path; of an absolute form too, where it may be empty and then means `/`.
    @usableFromInline package var pathOffset = 0
    @usableFromInline package var pathLength = 0
    /// From `?` on; 0 where there is no query.
    @usableFromInline package var queryLength = 0
    /// `host[:port]` of an absolute or authority form.
    @usableFromInline package var authorityOffset = 0
    @usableFromInline package var authorityLength = 0

    /// A target of no bytes.
    @inlinable package init() {}
}
