/// Bytes that live elsewhere and may be edited in place; see `ByteView` for how long.
@safe @usableFromInline package struct MutableByteView {
    @usableFromInline package let base: UnsafeMutablePointer<UInt8>
    @usableFromInline package let count: Int

    /// Takes `count` bytes from `base` on. The caller vouches that nobody else touches them.
    @inlinable package init(base: UnsafeMutablePointer<UInt8>, count: Int) {
        precondition(count >= 0, "a view cannot have a negative length")
        unsafe self.base = base
        self.count = count
    }

    package static var empty: MutableByteView {
        // Never dereferenced: every access is checked against a count of 0.
        unsafe MutableByteView(base: emptyStorage, count: 0)
    }

    private nonisolated(unsafe) static let emptyStorage = UnsafeMutablePointer<UInt8>.allocate(
        capacity: 1)

    @inlinable package var view: ByteView { unsafe ByteView(base: base, count: count) }

    /// The byte at `index`; traps out of bounds.
    @inlinable package subscript(index: Int) -> UInt8 {
        get {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "byte out of bounds")
            return unsafe base[index]
        }
        nonmutating set {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "byte out of bounds")
            unsafe base[index] = newValue
        }
    }

    /// `length` bytes from `offset` on; traps out of bounds.
    @inlinable package func slice(_ offset: Int, _ length: Int) -> MutableByteView {
        precondition(offset >= 0 && length >= 0 && offset <= count - length, "slice out of bounds")
        return unsafe MutableByteView(base: base + offset, count: length)
    }

    /// All from `offset` on; traps out of bounds.
    @inlinable package func dropFirst(_ offset: Int) -> MutableByteView {
        slice(offset, count - offset)
    }

    /// Copies `source` to `offset` on; the two may overlap.
    @inlinable package func write(_ source: ByteView, at offset: Int) {
        precondition(
            offset >= 0 && offset <= count - source.count, "write out of bounds")
        unsafe UnsafeMutableRawPointer(base + offset)
            .copyMemory(from: source.base, byteCount: source.count)
    }
}
