/// How the end of a message's content is found (RFC 9112 §6.3).
@usableFromInline package enum BodyFraming: Equatable, Sendable, BitwiseCopyable {
    /// There is none.
    case none
    /// That many bytes, at least 1.
    case length(UInt64)
    /// The chunked coding.
    case chunked
    /// Until the connection closes: responses only.
    case untilClose

    /// Whether there is no content. Cheaper than `== .none`, which other modules do not inline.
    @inlinable package var isNone: Bool {
        if case .none = self { return true }
        return false
    }
}
