/// One field line of a head, as offsets from the head's first byte; 16 bytes.
///
/// The line ends where the next one's name begins; the last one ends 2 bytes before the head does.
@usableFromInline package struct FieldLine: BitwiseCopyable, Sendable {
    @usableFromInline package var nameOffset: UInt32
    @usableFromInline package var valueOffset: UInt32
    /// Length of the value without the white space around it.
    @usableFromInline package var valueLength: UInt32
    @usableFromInline package var nameLength: UInt16
    @usableFromInline package var name: FieldName
    /// Set where the line was spelled with `_` for `-`, so that it equals `name` only for a
    /// back-end that cannot tell them apart: such a line is never believed, only removed.
    @usableFromInline package var isVariant: Bool

    /// Offsets and lengths in bytes.
    @inlinable package init(
        nameOffset: UInt32, nameLength: UInt16, valueOffset: UInt32, valueLength: UInt32,
        name: FieldName, isVariant: Bool
    ) {
        self.nameOffset = nameOffset
        self.nameLength = nameLength
        self.valueOffset = valueOffset
        self.valueLength = valueLength
        self.name = name
        self.isVariant = isVariant
    }
}
