// A view of bytes somebody else owns: the currency between the modules on a request's way.
// A Span would carry its lifetime in its type but cannot be stored beside the offsets that the
// parsers produce; a view is checked for bounds, not for lifetime.

/// Bytes that live elsewhere: a read buffer, a literal, a compiled table.
///
/// A view is valid until its owner reads again, grows or frees; nothing on the request path
/// keeps one past the callback that made it. Every access is checked against `count`.
@safe @usableFromInline package struct ByteView: @unchecked Sendable {
    /// The first byte; never dereferenced when `count` is 0.
    @usableFromInline package let base: UnsafePointer<UInt8>
    /// Length in bytes.
    @usableFromInline package let count: Int

    /// Takes `count` bytes from `base` on. The caller vouches that they stay alive and unchanged.
    @inlinable package init(base: UnsafePointer<UInt8>, count: Int) {
        precondition(count >= 0, "a view cannot have a negative length")
        unsafe self.base = base
        self.count = count
    }

    /// The bytes of a literal; they live as long as the process.
    @inlinable package init(_ literal: StaticString) {
        unsafe self.init(base: literal.utf8Start, count: literal.utf8CodeUnitCount)
    }

    /// A view of nothing.
    @inlinable package static var empty: ByteView { ByteView("" as StaticString) }

    @inlinable package var isEmpty: Bool { count == 0 }

    /// The byte at `index`; traps out of bounds.
    @inlinable package subscript(index: Int) -> UInt8 {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "byte out of bounds")
        return unsafe base[index]
    }

    /// `length` bytes from `offset` on.
    @inlinable package func slice(_ offset: Int, _ length: Int) -> ByteView {
        precondition(offset >= 0 && length >= 0 && offset <= count - length, "slice out of bounds")
        return unsafe ByteView(base: base + offset, count: length)
    }

    /// All from `offset` on.
    @inlinable package func dropFirst(_ offset: Int) -> ByteView { slice(offset, count - offset) }

    /// Whether both hold the same bytes.
    @inlinable package func equals(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index &+ 8 <= count {
            guard word(at: index) == other.word(at: index) else { return false }
            index &+= 8
        }
        if index == count { return true }
        if count >= 8 { return word(at: count &- 8) == other.word(at: count &- 8) }
        if count >= 4 {
            return half(at: 0) == other.half(at: 0)
                && half(at: count &- 4) == other.half(at: count &- 4)
        }
        while index < count {
            guard unsafe base[index] == other.base[index] else { return false }
            index &+= 1
        }
        return true
    }

    /// Eight bytes from `index` on; the caller has made sure that they are there.
    @inlinable @inline(__always) func word(at index: Int) -> UInt64 {
        unsafe UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: UInt64.self)
    }

    /// Four bytes from `index` on, likewise.
    @inlinable @inline(__always) func half(at index: Int) -> UInt32 {
        unsafe UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: UInt32.self)
    }

    /// Whether some byte is below `bound`, at most 0x80.
    @inlinable package func holdsByte(below bound: UInt8) -> Bool {
        let bounds = UInt64(bound) &* 0x0101_0101_0101_0101
        func found(_ word: UInt64) -> Bool { (word &- bounds) & ~word & 0x8080_8080_8080_8080 != 0 }
        var index = 0
        while index &+ 8 <= count {
            if found(word(at: index)) { return true }
            index &+= 8
        }
        if index == count { return false }
        if count >= 8 { return found(word(at: count &- 8)) }
        if count >= 4 {
            return found(UInt64(half(at: 0)) | UInt64(half(at: count &- 4)) &<< 32)
        }
        while index < count {
            if unsafe base[index] < bound { return true }
            index &+= 1
        }
        return false
    }

    /// Whether both hold the same bytes, ASCII letters compared without case.
    @inlinable package func equalsIgnoringCase(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index &+ 8 <= count, word(at: index) == other.word(at: index) { index &+= 8 }
        while index < count {
            // Equal bytes are the rule; only others are folded.
            let (left, right) = unsafe (base[index], other.base[index])
            guard left == right || ASCII.lowercased(left) == ASCII.lowercased(right) else {
                return false
            }
            index &+= 1
        }
        return true
    }

    /// Where `byte` first stands at or after `start`, or nil.
    @inlinable package func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        var index = start
        while index < count {
            if unsafe base[index] == byte { return index }
            index &+= 1
        }
        return nil
    }

    /// Without leading and trailing optional white space (SP, HTAB; RFC 9110 §5.6.3).
    @inlinable package var trimmed: ByteView {
        var first = 0
        var end = count
        while first < end, unsafe ASCII.isBlank(base[first]) { first &+= 1 }
        while end > first, unsafe ASCII.isBlank(base[end &- 1]) { end &-= 1 }
        return slice(first, end - first)
    }

    /// A copy as text, invalid UTF-8 replaced. Allocates: for configuration, commands and tests.
    package var text: String {
        unsafe String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self)
    }

    /// A copy. Allocates: for configuration, commands and tests.
    package var bytes: [UInt8] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }
}

extension [UInt8] {
    /// Lends the array's bytes as a view that is valid during `body`.
    package func withView<Result>(_ body: (ByteView) throws -> Result) rethrows -> Result {
        try unsafe withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return try body(.empty) }
            return try body(unsafe ByteView(base: base, count: buffer.count))
        }
    }
}

extension String {
    /// Lends the text's UTF-8 as a view that is valid during `body`.
    package func withView<Result>(_ body: (ByteView) throws -> Result) rethrows -> Result {
        try Array(utf8).withView(body)
    }
}
