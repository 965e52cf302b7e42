// token = 1*tchar (RFC 9110 §5.6.2): what methods and field names are made of.

/// The grammar of tokens.
@usableFromInline package enum Token {
    /// Bits 0–63 and 64–127 of the set of tchar octets.
    @usableFromInline static let low: UInt64 = 0x03ff_6cfa_0000_0000
    @usableFromInline static let high: UInt64 = 0x57ff_ffff_c7ff_fffe

    /// Whether the octet may stand in a token.
    @inlinable package static func contains(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        let half = byte < 64 ? low : high
        return (half &>> UInt64(byte & 63)) & 1 != 0
    }

    /// Whether all of `view` is one token; an empty view is none.
    package static func isValid(_ view: ByteView) -> Bool {
        guard !view.isEmpty else { return false }
        for index in 0..<view.count where !contains(view[index]) { return false }
        return true
    }
}
