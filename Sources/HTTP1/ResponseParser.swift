// Reads a response head (RFC 9112 §4, §5) under the same rules as a request's: what a backend
// sends must have one reading as well. Whatever is wrong is a 502 for the client.

package import HTTPSyntax

/// Parses response heads.
package enum ResponseParser {
    /// Reads the head that begins with the first byte. `limits.target` does not matter.
    ///
    /// Field lines beyond the smaller of `limits.fields` and the capacity of `head` are refused.
    package static func parse(
        _ bytes: ByteView, into head: inout ResponseHead, limits: HeadLimits
    ) -> ParseResult {
        var cursor = HeadCursor(bytes, limit: limits.head)
        do throws(Halt) {
            try read(&cursor, into: &head, limits)
            return .complete
        } catch {
            guard case .refused(let reason) = error else {
                return bytes.count < limits.head
                    ? .incomplete : .failed(ProtocolError(inResponse: .headTooLarge))
            }
            return .failed(ProtocolError(inResponse: reason))
        }
    }

    @inline(__always) private static func read(
        _ cursor: inout HeadCursor, into head: inout ResponseHead, _ limits: HeadLimits
    ) throws(Halt) {
        head.fields.removeAll()
        try readStatusLine(&cursor, into: &head)
        var facts = HeadFacts()
        while let line = try cursor.fieldLine(into: &head.fields, limit: limits.fields) {
            if case .other = line.name { continue }
            if line.isVariant {
                facts.flags.insert(.hasVariants)
                continue
            }
            if !cursor.isPlain(line) { facts.flags.insert(.hasLoose) }
            let value = cursor.view(Int(line.valueOffset), Int(line.valueLength))
            try facts.note(line.name, value, inRequest: false)
        }
        head.length = cursor.offset
        head.framing = try facts.framing(head.version, else: .untilClose)
        head.flags = facts.settledFlags(head.version, hasUpgrade: head.fields.has(.upgrade))
    }

    @inline(__always) private static func readStatusLine(
        _ cursor: inout HeadCursor, into head: inout ResponseHead
    ) throws(Halt) {
        let version = try cursor.version(else: .statusLineInvalid)
        try skipSpace(&cursor)
        guard let version else { throw .refused(.versionUnsupported) }
        head.version = version
        head.status = try readStatus(&cursor)
        // The space before an empty reason may be missing: many servers leave it out.
        if try cursor.byte(at: cursor.offset) != 0x0d { try skipSpace(&cursor) }
        head.reasonOffset = cursor.offset
        head.reasonLength = try readReason(&cursor)
    }

    @inline(__always) private static func skipSpace(_ cursor: inout HeadCursor) throws(Halt) {
        let byte = try cursor.byte(at: cursor.offset)
        guard byte == 0x20 else {
            throw .refused(byte == 0x0a ? .bareLF : .statusLineInvalid)
        }
        cursor.offset &+= 1
    }

    @inline(__always) private static func readStatus(_ cursor: inout HeadCursor) throws(Halt) -> Int
    {
        var status = 0
        for _ in 0..<3 {
            let byte = try cursor.byte(at: cursor.offset)
            guard ASCII.isDigit(byte) else { throw .refused(.statusLineInvalid) }
            status = status &* 10 &+ Int(byte &- 0x30)
            cursor.offset &+= 1
        }
        guard status >= 100 && status < 600 else { throw .refused(.statusOutOfRange) }
        return status
    }

    /// Goes past the reason phrase and its CRLF; returns its length.
    private static func readReason(_ cursor: inout HeadCursor) throws(Halt) -> Int {
        let start = cursor.offset
        while true {
            cursor.offset = unsafe ByteScan.first(
                cursor.base, from: cursor.offset, to: cursor.end, ByteScan.controls)
            switch try cursor.byte(at: cursor.offset) {
            case 0x0d:
                let length = cursor.offset &- start
                try cursor.skipLineEnd()
                return length
            case 0x09: cursor.offset &+= 1
            case 0x0a: throw .refused(.bareLF)
            default: throw .refused(.controlInReasonPhrase)
            }
        }
    }
}
