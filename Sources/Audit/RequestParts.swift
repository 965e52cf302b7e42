// The parts of client-supplied values that records name by themselves, and the parts they hide.

import HTTPSyntax

extension ByteView {
    /// Without `:port`; the brackets of an IPv6 address stay, as `url.domain` wants them.
    var hostWithoutPort: ByteView {
        guard count > 0 else { return self }
        if self[0] == 0x5b, let end = firstIndex(of: 0x5d) { return slice(0, end + 1) }
        return slice(0, firstIndex(of: 0x3a) ?? count)
    }

    /// The trace id of a valid `traceparent` (W3C Trace Context §3.2): 32 lower-case hexadecimal
    /// digits, not all zero.
    var traceID: ByteView? {
        guard count >= 55, self[2] == 0x2d, self[35] == 0x2d, self[52] == 0x2d else { return nil }
        let id = slice(3, 32)
        var isZero = true
        for index in 0..<32 {
            let byte = id[index]
            guard ASCII.isDigit(byte) || byte &- 0x61 < 6 else { return nil }
            if byte != 0x30 { isZero = false }
        }
        return isZero ? nil : id
    }
}

extension ByteBuffer {
    /// Appends a target without what may be secret in it: `REDACTED` stands for the query, for a
    /// fragment and for the user information of an absolute form.
    mutating func appendRedacted(target: ByteView) {
        let query = target.queryIndex
        let shown = target.slice(0, query ?? target.count)
        let (start, end) = shown.userInformation
        if end > start {
            appendEscaped(shown.slice(0, start), limit: TextLimit.url)
            append("REDACTED")
            appendEscaped(shown.dropFirst(end), limit: TextLimit.url)
        } else {
            appendEscaped(shown, limit: TextLimit.url)
        }
        if let query {
            append(byte: target[query])
            append("REDACTED")
        }
    }

    /// Turns the letters A to Z lower-case from `offset` on.
    mutating func lowercaseASCII(from offset: Int) {
        let text = mutableView.dropFirst(offset)
        for index in 0..<text.count { text[index] = ASCII.lowercased(text[index]) }
    }
}

extension ByteView {
    /// Where the query or, in a target that is refused, a fragment begins.
    fileprivate var queryIndex: Int? {
        for index in 0..<count where self[index] == 0x3f || self[index] == 0x23 { return index }
        return nil
    }

    /// Where `user:password` of `scheme://user:password@host/` or of an authority form stands;
    /// empty where there is none.
    fileprivate var userInformation: (start: Int, end: Int) {
        guard count > 0, self[0] != 0x2f else { return (0, 0) }
        let slash = firstIndex(of: 0x2f) ?? count
        let hasScheme = slash > 0 && slash + 1 < count && self[slash - 1] == 0x3a
        let start = hasScheme && self[slash + 1] == 0x2f ? slash + 2 : 0
        var end = firstIndex(of: 0x2f, from: start) ?? count
        while end > start, self[end - 1] != 0x40 { end -= 1 }
        return (start, Swift.max(start, end - 1))
    }
}
