// What the parser says of a request head. Everything is an offset from the head's first byte:
// the bytes stay in the read buffer and are not copied.

/// A parsed request line and field section (RFC 9112 §3, §5). Made once a worker, reused.
package struct RequestHead: ~Copyable {
    /// Bytes from the method to the empty line, that included.
    package var length = 0
    /// The method starts at 0.
    package var methodLength = 0
    package var method = MethodID.unknown
    package var version = HTTPVersion.http11
    package var target = RequestTarget()
    package var framing = BodyFraming.none
    package var flags: HeadFlags = []
    package var fields: FieldSection

    package init(maximumFields: Int) { fields = FieldSection(capacity: maximumFields) }

    /// The value of the first line of that name, within `head`, the bytes that were parsed.
    package func value(_ name: FieldName, in head: ByteView) -> ByteView? {
        guard let line = fields.first(name) else { return nil }
        return head.slice(Int(line.valueOffset), Int(line.valueLength))
    }
}

/// A parsed status line and field section (RFC 9112 §4, §5).
package struct ResponseHead: ~Copyable {
    package var length = 0
    package var status = 0
    package var version = HTTPVersion.http11
    /// As the fields say; `untilClose` where they say nothing. HEAD, 1xx, 204 and 304 override it.
    package var framing = BodyFraming.untilClose
    package var flags: HeadFlags = []
    /// Where the reason phrase stands; may be empty.
    package var reasonOffset = 0
    package var reasonLength = 0
    package var fields: FieldSection

    package init(maximumFields: Int) { fields = FieldSection(capacity: maximumFields) }

    package func value(_ name: FieldName, in head: ByteView) -> ByteView? {
        guard let line = fields.first(name) else { return nil }
        return head.slice(Int(line.valueOffset), Int(line.valueLength))
    }
}

/// What a head's `Connection`, `Expect` and `Content-Length` amount to.
@usableFromInline package struct HeadFlags: OptionSet, Sendable, BitwiseCopyable {
    @usableFromInline package let rawValue: UInt16

    @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `Connection: close`.
    package static let close = HeadFlags(rawValue: 1)
    /// `Connection: keep-alive`, which HTTP/1.0 needs to persist.
    package static let keepAlive = HeadFlags(rawValue: 2)
    /// `Connection` names fields of its own: each is looked for and removed.
    package static let namesFields = HeadFlags(rawValue: 4)
    /// `Connection: upgrade` with `Upgrade`.
    package static let upgrade = HeadFlags(rawValue: 8)
    /// `Expect: 100-continue`.
    package static let expectContinue = HeadFlags(rawValue: 16)
    /// An expectation nobody knows: 417.
    package static let unknownExpectation = HeadFlags(rawValue: 32)
    /// Content-Length: 0 was written out.
    package static let lengthZero = HeadFlags(rawValue: 64)
    /// Some line is spelled with `_` where a name the gate judges has `-`.
    package static let hasVariants = HeadFlags(rawValue: 128)
}
