package import HTTPSyntax

package enum HostField {
    /// Whether it is `uri-host [ ":" port ]` with a host that is not empty (RFC 9110 §7.2).
    package static func isValid(_ value: ByteView) -> Bool { false }

    /// Whether both valid values name the same origin, by case and `defaultPort` alike.
    package static func agree(_ one: ByteView, _ other: ByteView, defaultPort: UInt16) -> Bool {
        false
    }

    /// The host alone, for the rules: without port and one trailing dot, letters as they are.
    package static func host(of value: ByteView) -> ByteView { value }
}
