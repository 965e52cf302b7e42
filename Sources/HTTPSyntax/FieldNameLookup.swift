extension FieldName {
    /// A name of the table, and whether it was spelled with `_` for `-`.
    package struct Match: Equatable, Sendable, BitwiseCopyable {
        package var name: FieldName
        package var isVariant: Bool
    }

    /// The known name that `bytes` spell, else `other`.
    package static func lookup(_ bytes: ByteView) -> Match {
        Match(name: .other, isVariant: false)
    }
}
