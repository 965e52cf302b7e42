// What the parser says of a request head. Everything is an offset from the head's first byte:
// the bytes stay in the read buffer and are not copied.

/// A parsed request line and field section (RFC 9112 §3, §5). Made once a worker, reused.
@usableFromInline package struct RequestHead: ~Copyable {
    /// Bytes from the method to the empty line, that included.
    @usableFromInline package var length = 0
    /// The method starts at 0.
    @usableFromInline package var methodLength = 0
    @usableFromInline package var method = MethodID.unknown
    @usableFromInline package var version = HTTPVersion.http11
    /// Of length 0 where the request line of a refused head could not be read.
    @usableFromInline package var target = RequestTarget()
    /// The value of Host; of length 0 where there is none.
    @usableFromInline package var hostOffset = 0
    @usableFromInline package var hostLength = 0
    @usableFromInline package var framing = BodyFraming.none
    @usableFromInline package var flags: HeadFlags = []
    @usableFromInline package var fields: FieldSection

    /// Room for that many field lines.
    package init(maximumFields: Int) { fields = FieldSection(capacity: maximumFields) }

    /// The value of the first line of that name, within `head`, the bytes that were parsed.
    @inlinable package func value(_ name: FieldName, in head: ByteView) -> ByteView? {
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
    @inlinable package static var close: HeadFlags { HeadFlags(rawValue: 1) }
    /// `Connection: keep-alive`, which HTTP/1.0 needs to persist.
    @inlinable package static var keepAlive: HeadFlags { HeadFlags(rawValue: 2) }
    /// `Connection` names fields of its own: each is looked for and removed.
    @inlinable package static var namesFields: HeadFlags { HeadFlags(rawValue: 4) }
    /// `Connection: upgrade` with `Upgrade`.
    @inlinable package static var upgrade: HeadFlags { HeadFlags(rawValue: 8) }
    /// `Expect: 100-continue`.
    @inlinable package static var expectContinue: HeadFlags { HeadFlags(rawValue: 16) }
    /// An expectation nobody knows: 417.
    @inlinable package static var unknownExpectation: HeadFlags { HeadFlags(rawValue: 32) }
    /// Content-Length: 0 was written out.
    @inlinable package static var lengthZero: HeadFlags { HeadFlags(rawValue: 64) }
    /// Some line is spelled with `_` where a name the gate judges has `-`.
    @inlinable package static var hasVariants: HeadFlags { HeadFlags(rawValue: 128) }
    /// A line of a known name is not `name: value` with one space and nothing else around it.
    @inlinable package static var hasLoose: HeadFlags { HeadFlags(rawValue: 256) }
}
