// Reads a request head (RFC 9112 §3, §5) in one pass, and refuses whatever another recipient
// might read in another way. See docs/supported-http.md for all that is refused.

package import HTTPSyntax

/// Parses request heads.
package enum RequestParser {
    /// Reads the head that begins with the first byte; an empty line there is refused, so the
    /// caller skips the one that RFC 9112 §2.2 tolerates. Offsets count from that first byte.
    ///
    /// Field lines beyond the smaller of `limits.fields` and the capacity of `head` are refused.
    package static func parse(
        _ bytes: ByteView, into head: inout RequestHead, limits: HeadLimits
    ) -> ParseResult {
        var cursor = HeadCursor(bytes, limit: limits.head)
        do throws(Halt) {
            try read(&cursor, into: &head, limits)
            return .complete
        } catch {
            guard case .refused(let reason) = error else {
                // Where the cursor saw all that a head may have, it wants too much.
                return bytes.count < limits.head
                    ? .incomplete : .failed(ProtocolError(.headTooLarge))
            }
            return .failed(ProtocolError(reason))
        }
    }

    @inline(__always) private static func read(
        _ cursor: inout HeadCursor, into head: inout RequestHead, _ limits: HeadLimits
    ) throws(Halt) {
        head.fields.removeAll()
        head.hostLength = 0
        head.target.length = 0
        try readRequestLine(&cursor, into: &head, limits)
        var facts = HeadFacts()
        while let line = try cursor.fieldLine(into: &head.fields, limit: limits.fields) {
            if case .other = line.name { continue }
            if line.isVariant {
                facts.flags.insert(.hasVariants)
                continue
            }
            if !cursor.isPlain(line) { facts.flags.insert(.hasLoose) }
            let value = cursor.view(Int(line.valueOffset), Int(line.valueLength))
            if case .host = line.name {
                head.hostOffset = Int(line.valueOffset)
                head.hostLength = Int(line.valueLength)
            }
            try facts.note(line.name, value, inRequest: true)
        }
        head.length = cursor.offset
        head.framing = try facts.framing(head.version, else: .none)
        head.flags = facts.settledFlags(head.version, hasUpgrade: head.fields.has(.upgrade))
        try checkHost(head, cursor)
    }

    private static func readRequestLine(
        _ cursor: inout HeadCursor, into head: inout RequestHead, _ limits: HeadLimits
    ) throws(Halt) {
        try readMethod(&cursor, limits)
        head.methodLength = cursor.offset
        cursor.offset &+= 1
        let target = cursor.offset
        let (length, query) = try readTarget(&cursor, limits)
        let version = try cursor.version(else: .versionInvalid)
        try cursor.expectLineEnd(else: .versionInvalid)
        guard let version else { throw .refused(.versionUnsupported) }
        head.version = version
        let method = cursor.view(0, head.methodLength)
        head.method = MethodID(registered: method)
        head.target = try TargetReader.read(
            cursor.view(target, length), query: query, at: target, head.method)
    }

    /// Up to the space after the method.
    private static func readMethod(
        _ cursor: inout HeadCursor, _ limits: HeadLimits
    ) throws(Halt) {
        var isPlain = true
        let length = cursor.tokenEnd(0, isPlain: &isPlain)
        cursor.offset = length
        guard length <= limits.target else { throw .refused(.methodTooLong) }
        let byte = try cursor.byte(at: length)
        if byte == 0x20 && length > 0 { return }
        switch byte {
        case 0x0a: throw .refused(.bareLF)
        case 0x20, 0x09: throw .refused(.whiteSpaceInRequestLine)
        case 0x0d:
            try cursor.skipLineEnd()
            throw .refused(length == 0 ? .emptyLineFirst : .versionMissing)
        default: throw .refused(.methodNotToken)
        }
    }

    /// Up to the byte behind the space after the target; returns the target's length and where
    /// its first `?` stands, or the length where there is none.
    private static func readTarget(
        _ cursor: inout HeadCursor, _ limits: HeadLimits
    ) throws(Halt) -> (length: Int, query: Int) {
        let start = cursor.offset
        // A target of the limit and the byte that ends it.
        let bound = limits.target < cursor.end &- start ? start &+ limits.target &+ 1 : cursor.end
        var end = unsafe ByteScan.first(cursor.base, from: start, to: bound, ByteScan.endsOfPath)
        let query = end
        if end < bound, cursor[end] == 0x3f {
            end = unsafe ByteScan.first(cursor.base, from: end, to: bound, ByteScan.endsOfTarget)
        }
        cursor.offset = end
        guard end < bound else {
            if end &- start > limits.target { throw .refused(.targetTooLong) }
            throw .incomplete
        }
        switch cursor[end] {
        case 0x20 where end > start:
            cursor.offset &+= 1
            return (end &- start, query &- start)
        case 0x20, 0x09: throw .refused(.whiteSpaceInRequestLine)
        case 0x23: throw .refused(.fragmentInTarget)
        case 0x0a: throw .refused(.bareLF)
        case 0x0d:
            try cursor.skipLineEnd()
            throw .refused(.versionMissing)
        default: throw .refused(.controlInTarget)
        }
    }

    /// RFC 9112 §3.2; that a Host may not differ from the target's authority is ours.
    @inline(__always) private static func checkHost(
        _ head: borrowing RequestHead, _ cursor: HeadCursor
    ) throws(Halt) {
        guard head.fields.has(.host) else {
            if case .http11 = head.version { throw .refused(.hostMissing) }
            return
        }
        if case .absolute = head.target.form { try checkAuthority(head, cursor) }
    }

    @inline(never) private static func checkAuthority(
        _ head: borrowing RequestHead, _ cursor: HeadCursor
    ) throws(Halt) {
        let bytes = cursor.view(0, head.length)
        let host = bytes.slice(head.hostOffset, head.hostLength)
        let target = head.target
        let authority = bytes.slice(target.authorityOffset, target.authorityLength)
        let isSecure = ASCII.lowercased(bytes[target.offset + 4]) == 0x73
        guard HostField.agree(host, authority, defaultPort: isSecure ? 443 : 80) else {
            throw .refused(.hostMismatch)
        }
    }
}
