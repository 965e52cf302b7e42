package import HTTPSyntax

package enum RequestParser {
    /// Reads the head that begins with the first byte.
    package static func parse(
        _ bytes: ByteView, into head: inout RequestHead, limits: HeadLimits
    ) -> ParseResult {
        .incomplete
    }
}
