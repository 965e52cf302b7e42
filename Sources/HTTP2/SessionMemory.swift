internal import CNGHTTP2
import HTTPSyntax

// nghttp2 allocates five blocks for a request and frees them with it, of the same few sizes for
// every one. A hundred streams that come and go together are more than malloc's own cache holds.

/// Memory of a worker's sessions: small blocks that were given back go to whoever asks next. It
/// outlives the sessions, and is no other thread's.
@safe package struct SessionMemory: ~Copyable {
    @unsafe struct State: ~Copyable {
        /// The first free block of each size, in units, which holds the address of the next.
        var free = unsafe InlineArray<9, UnsafeMutableRawPointer?>(repeating: nil)
        var count = InlineArray<9, Int>(repeating: 0)
        /// Of streams, for content that waits.
        var contents = ByteBufferPool(blockSize: 16 * 1024, most: 128)
        /// How nghttp2 gets here.
        let functions = UnsafeMutablePointer<nghttp2_mem>.allocate(capacity: 1)

        deinit { unsafe functions.deallocate() }
    }

    /// What a session is made with; valid as long as the memory is.
    @safe package struct Handle {
        let state: UnsafeMutablePointer<State>
    }

    package let handle: Handle

    package init() {
        unsafe handle = Handle(state: .allocate(capacity: 1))
        unsafe handle.state.initialize(to: State())
        unsafe handle.state.pointee.functions.initialize(
            to: nghttp2_mem(
                mem_user_data: UnsafeMutableRawPointer(handle.state), malloc: takeBlock,
                free: putBlock, calloc: takeCleared, realloc: resizeBlock))
    }

    deinit {
        for size in 1...Handle.largest {
            while let block = unsafe handle.takeFree(size) { unsafe Handle.giveBack(block) }
        }
        unsafe handle.state.deinitialize(count: 1)
        unsafe handle.state.deallocate()
    }
}

/// What malloc(3), free(3), calloc(3) and realloc(3) do.
extension SessionMemory.Handle {
    typealias Block = UnsafeMutableRawPointer

    /// Blocks are multiples of so many bytes, and none is kept that is larger than eight times it.
    private static var unit: Int { 1 << unitBits }
    private static var unitBits: Int { 6 }
    fileprivate static var largest: Int { 8 }
    /// Free blocks that are kept of each size.
    private static var most: Int { 128 }
    /// In front of each block stand its size in units, 0 where it is not kept, and in bytes.
    private static var header: Int { 16 }
    /// More than nghttp2 ever wants.
    private static var limit: Int { 1 << 30 }

    @inline(__always) func take(_ count: Int) -> Block? {
        guard count <= Self.largest &* Self.unit else { return unsafe Self.make(count, size: 0) }
        let size = max(1, (count &+ Self.unit &- 1) &>> Self.unitBits)
        return unsafe takeFree(size) ?? Self.make(size &* Self.unit, size: size)
    }

    func takeCleared(_ number: Int, _ each: Int) -> Block? {
        let (count, isTooMuch) = number.multipliedReportingOverflow(by: each)
        guard !isTooMuch, let block = unsafe take(count) else { return nil }
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: count)
        return unsafe block
    }

    @inline(__always) func put(_ block: Block) {
        let size = unsafe Self.size(block)
        guard size > 0, unsafe state.pointee.count[size] < Self.most else {
            return unsafe Self.giveBack(block)
        }
        unsafe block.storeBytes(of: state.pointee.free[size], as: Block?.self)
        unsafe state.pointee.free[size] = block
        unsafe state.pointee.count[size] &+= 1
    }

    func resize(_ block: Block, _ count: Int) -> Block? {
        let held = unsafe Self.byteCount(block)
        if held >= count { return unsafe block }
        guard let new = unsafe take(count) else { return nil }
        unsafe new.copyMemory(from: block, byteCount: held)
        unsafe put(block)
        return unsafe new
    }

    @inline(__always) fileprivate func takeFree(_ size: Int) -> Block? {
        guard let block = unsafe state.pointee.free[size] else { return nil }
        unsafe state.pointee.free[size] = block.load(as: Block?.self)
        unsafe state.pointee.count[size] &-= 1
        return unsafe block
    }

    private static func make(_ count: Int, size: Int) -> Block? {
        guard count <= limit else { return nil }
        let base = Block.allocate(byteCount: count &+ header, alignment: header)
        unsafe base.storeBytes(of: size, as: Int.self)
        unsafe base.storeBytes(of: count, toByteOffset: 8, as: Int.self)
        return unsafe base + header
    }

    @inline(__always) private static func size(_ block: Block) -> Int {
        unsafe (block - header).load(as: Int.self)
    }

    private static func byteCount(_ block: Block) -> Int {
        unsafe (block - 8).load(as: Int.self)
    }

    fileprivate static func giveBack(_ block: Block) { unsafe (block - header).deallocate() }
}

// MARK: Content

extension SessionMemory.Handle {
    /// Less content than this stays in storage of the stream's own.
    private static var least: Int { 2048 }

    /// Makes room in `queue` for `extra` bytes more. Of the streams of a connection few have content
    /// that waits, one after another: by taking the storage that another has just given back they
    /// all do with as much as the processor's cache holds.
    func makeRoom(in queue: inout ByteBuffer, for extra: Int) {
        let count = queue.count + extra
        guard count > queue.capacity else { return }
        var larger = ByteBuffer()
        if unsafe count > Self.least && count <= state.pointee.contents.blockSize {
            unsafe larger.adopt(from: &state.pointee.contents)
        } else {
            larger.reserve(count)
        }
        larger.append(queue.view)
        swap(&queue, &larger)
        giveBack(&larger)
    }

    /// Takes the storage back, unless it is the stream's own.
    func giveBack(_ queue: inout ByteBuffer) {
        guard unsafe queue.capacity == state.pointee.contents.blockSize else { return }
        unsafe queue.recycle(into: &state.pointee.contents)
    }
}

// MARK: As nghttp2 calls them

private func memory(_ context: UnsafeMutableRawPointer?) -> SessionMemory.Handle? {
    guard let state = unsafe context else { return nil }
    return unsafe SessionMemory.Handle(
        state: state.assumingMemoryBound(to: SessionMemory.State.self))
}

private func takeBlock(
    _ count: Int, _ context: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    unsafe memory(context)?.take(count)
}

private func putBlock(_ block: UnsafeMutableRawPointer?, _ context: UnsafeMutableRawPointer?) {
    guard let block = unsafe block else { return }
    unsafe memory(context)?.put(block)
}

private func takeCleared(
    _ number: Int, _ each: Int, _ context: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    unsafe memory(context)?.takeCleared(number, each)
}

private func resizeBlock(
    _ block: UnsafeMutableRawPointer?, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
    guard let block = unsafe block else { return unsafe takeBlock(count, context) }
    return unsafe memory(context)?.resize(block, count)
}
