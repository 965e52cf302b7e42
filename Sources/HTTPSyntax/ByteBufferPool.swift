/// Blocks of storage that buffers take in turn, so that output which exists for a moment only
/// costs no allocation and an idle connection keeps none.
@safe package struct ByteBufferPool: ~Copyable {
    /// Bytes of a block: room for a rejection or two.
    package static let blockSize = 2048
    private static let most = 256

    private let blocks: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>
    private var count = 0

    package init() { unsafe blocks = .allocate(capacity: Self.most) }

    deinit {
        for index in 0..<count { unsafe blocks[index].deallocate() }
        unsafe blocks.deallocate()
    }

    /// A block of its own for the caller; made where none is left.
    mutating func take() -> UnsafeMutablePointer<UInt8>? {
        guard count > 0 else { return .allocate(capacity: Self.blockSize) }
        count -= 1
        return unsafe blocks[count]
    }

    /// Takes a block back; false where there are enough.
    mutating func put(_ block: UnsafeMutablePointer<UInt8>) -> Bool {
        guard count < Self.most else { return false }
        unsafe blocks[count] = block
        count += 1
        return true
    }
}
