package import HTTPSyntax

package enum ResponseParser {
    /// Reads the head that begins with the first byte. `limits.target` does not matter.
    package static func parse(
        _ bytes: ByteView, into head: inout ResponseHead, limits: HeadLimits
    ) -> ParseResult {
        .incomplete
    }
}
