package import HTTPSyntax

package enum ConnectionOption {
    /// Whether `Connection` names this field and may remove it (RFC 9110 §7.6.1).
    package static func contains(
        name: ByteView, in head: ByteView, fields: borrowing FieldSection
    ) -> Bool { false }
}
