/// Blocks of storage that buffers take in turn, so that output which exists for a moment only
/// costs no allocation, an idle connection keeps none, and what is written next is what the
/// processor has in its cache: the block that was given back last.
@safe package struct ByteBufferPool: ~Copyable {
    /// Bytes of a block.
    package let blockSize: Int
    private let most: Int
    private let blocks: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>
    private var count = 0

    /// Keeps up to `most` blocks that nobody uses.
    package init(blockSize: Int, most: Int) {
        self.blockSize = blockSize
        self.most = most
        unsafe blocks = .allocate(capacity: most)
    }

    deinit {
        for index in 0..<count { unsafe blocks[index].deallocate() }
        unsafe blocks.deallocate()
    }

    /// A block of its own for the caller; made where none is left.
    mutating func take() -> UnsafeMutablePointer<UInt8>? {
        guard count > 0 else { return .allocate(capacity: blockSize) }
        count -= 1
        return unsafe blocks[count]
    }

    /// Takes a block back; false where there are enough.
    mutating func put(_ block: UnsafeMutablePointer<UInt8>) -> Bool {
        guard count < most else { return false }
        unsafe blocks[count] = block
        count += 1
        return true
    }
}
