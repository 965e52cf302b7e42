package import HTTPSyntax

package enum TrailerSection {
    /// Reads field lines up to and with the empty line; `length` is theirs when complete.
    package static func parse(
        _ bytes: ByteView, into fields: inout FieldSection, limits: HeadLimits
    ) -> (result: ParseResult, length: Int) {
        (.incomplete, 0)
    }

    /// Whether a field may be forwarded as a trailer (RFC 9110 §6.5.1).
    package static func mayPass(_ line: FieldLine, name: ByteView) -> Bool { false }
}
