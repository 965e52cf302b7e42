// The one growable byte store: leftovers of a read, output the kernel did not take, heads and
// records being written. It keeps its storage when emptied, so a steady state allocates nothing.

/// Owned bytes: appended at the end, consumed from the front.
@safe @usableFromInline package struct ByteBuffer: ~Copyable {
    @usableFromInline package private(set) var storage: UnsafeMutablePointer<UInt8>?
    @usableFromInline package private(set) var capacity = 0
    /// Where the first unconsumed byte stands.
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    /// Empty, without storage.
    @usableFromInline package init() { unsafe storage = nil }

    /// Empty, with room for at least `capacity` bytes.
    package init(capacity: Int) {
        self.init()
        reserve(capacity)
    }

    deinit { unsafe storage?.deallocate() }

    /// Bytes held.
    @inlinable package var count: Int { end &- start }
    @inlinable package var isEmpty: Bool { end == start }

    /// What is held; valid until the next change.
    @inlinable package var view: ByteView {
        guard let storage = unsafe storage else { return .empty }
        return unsafe ByteView(base: storage + start, count: end &- start)
    }

    /// What is held, to be edited in place; valid until the next change.
    package var mutableView: MutableByteView {
        guard let storage = unsafe storage else { return .empty }
        return unsafe MutableByteView(base: storage + start, count: end &- start)
    }

    /// Makes room for `extra` more bytes; held bytes may move.
    @inlinable package mutating func reserve(_ extra: Int) {
        if extra > capacity &- end { makeRoom(extra) }
    }

    @usableFromInline @inline(never) mutating func makeRoom(_ extra: Int) {
        let held = count
        if held + extra <= capacity, start >= capacity / 2, let storage = unsafe storage {
            unsafe storage.update(from: storage + start, count: held)
        } else {
            let size = Swift.max(256, (held + extra).roundedUpToPowerOfTwo)
            let new = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
            if let storage = unsafe storage {
                unsafe new.update(from: storage + start, count: held)
                unsafe storage.deallocate()
            }
            unsafe storage = new
            capacity = size
        }
        start = 0
        end = held
    }

    /// Copies the bytes in behind those that are held.
    @inlinable package mutating func append(_ view: ByteView) {
        reserve(view.count)
        if let storage = unsafe storage {
            unsafe (storage + end).update(from: view.base, count: view.count)
            end &+= view.count
        }
    }

    /// Copies a literal in. Where it stands its length is known, and a few words are moved without
    /// a call.
    @inlinable @inline(__always) package mutating func append(_ literal: StaticString) {
        let view = ByteView(literal)
        reserve(view.count)
        if let storage = unsafe storage {
            unsafe (storage + end).update(from: view.base, count: view.count)
            end &+= view.count
        }
    }

    /// Adds one byte.
    @inlinable package mutating func append(byte: UInt8) {
        reserve(1)
        if let storage = unsafe storage {
            unsafe storage[end] = byte
            end &+= 1
        }
    }

    /// In decimal digits.
    package mutating func append(decimal value: UInt64) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor &*= 10 }
        var rest = value
        while divisor > 0 {
            append(byte: UInt8(truncatingIfNeeded: 0x30 &+ rest / divisor))
            rest %= divisor
            divisor /= 10
        }
    }

    /// In `digits` decimal digits, zeros in front.
    package mutating func append(decimal value: UInt64, digits: Int) {
        var divisor: UInt64 = 1
        for _ in 1..<digits { divisor &*= 10 }
        while divisor > 0 {
            append(byte: UInt8(truncatingIfNeeded: 0x30 &+ value / divisor % 10))
            divisor /= 10
        }
    }

    /// In lower-case hexadecimal, two digits a byte.
    package mutating func append(hex view: ByteView) {
        let digits = ByteView("0123456789abcdef")
        for index in 0..<view.count {
            append(byte: digits[Int(view[index] >> 4)])
            append(byte: digits[Int(view[index] & 15)])
        }
    }

    /// Copies text in. Allocates where the text is not native UTF-8: not for the request path.
    package mutating func append(text: String) { text.withView { append($0) } }

    /// Overwrites bytes that were appended before, counted from the first held byte.
    package mutating func overwrite(at offset: Int, with view: ByteView) {
        precondition(offset >= 0 && offset + view.count <= count, "overwrite out of bounds")
        guard let storage = unsafe storage else { return }
        unsafe (storage + start + offset).update(from: view.base, count: view.count)
    }

    /// Drops `length` bytes from the front.
    @inlinable package mutating func consume(_ length: Int) {
        precondition(length >= 0 && length <= count, "consuming more than is held")
        start &+= length
        if start == end { removeAll() }
    }

    /// Keeps the first `length` bytes.
    @inlinable package mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count, "truncating to more than is held")
        end = start &+ length
    }

    /// Empties; keeps the storage.
    @inlinable package mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Empties and gives the storage back.
    package mutating func release() {
        unsafe storage?.deallocate()
        unsafe storage = nil
        capacity = 0
        removeAll()
    }

    /// Takes storage from the pool where it has none of its own; otherwise nothing.
    package mutating func adopt(from pool: inout ByteBufferPool) {
        guard unsafe storage == nil, let block = unsafe pool.take() else { return }
        unsafe storage = block
        capacity = pool.blockSize
    }

    /// Empties and gives the storage back: to the pool where it is of the pool's size.
    package mutating func recycle(into pool: inout ByteBufferPool) {
        guard let block = unsafe storage, capacity == pool.blockSize,
            unsafe pool.put(block)
        else {
            release()
            return
        }
        unsafe storage = nil
        capacity = 0
        removeAll()
    }

    /// Free space after the held bytes, for a system call to fill; then call `didFill`.
    package mutating func space(atLeast length: Int) -> MutableByteView {
        reserve(length)
        guard let storage = unsafe storage else { return .empty }
        return unsafe MutableByteView(base: storage + end, count: capacity - end)
    }

    /// Takes in the first `length` bytes of what `space` lent.
    package mutating func didFill(_ length: Int) {
        precondition(length >= 0 && length <= capacity - end, "filled beyond the space")
        end &+= length
    }
}

extension Int {
    /// The smallest power of two that is not less; 1 for 0.
    @usableFromInline var roundedUpToPowerOfTwo: Int {
        self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
    }
}
