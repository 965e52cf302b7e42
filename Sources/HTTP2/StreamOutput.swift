internal import CNGHTTP2
package import HTTPSyntax

// What waits to be sent on one stream: content until the client's window has room for it. nghttp2
// asks for it by address when it may send, so that it stands at a place of its own, which is used
// for one stream after another.

/// The sending side of one stream.
@safe package struct StreamOutput: ~Copyable {
    @unsafe struct State: ~Copyable {
        /// Of the gateway, for `SessionHandlers`.
        let owner: UnsafeMutableRawPointer
        /// Of the queue's storage.
        let memory: SessionMemory.Handle
        var stream: Int32 = 0
        var queue = ByteBuffer()
        /// Nothing is added to `queue` any more.
        var hasEnded = false
        /// Lines of `name: value` behind the content: END_STREAM is theirs.
        var trailers = ByteBuffer()
        /// nghttp2 has the trailers.
        var hasTrailersQueued = false
        /// nghttp2 has asked in vain: it is to be told when there is more.
        var isDeferred = false
        /// Somebody waits for room in `queue`.
        var wantsRoom = false
        /// nghttp2 has the answer's head, behind which no interim one comes; and it has gone out.
        var hasHead = false
        var hasSentHead = false
        /// END_STREAM has gone out.
        var isFinished = false
        /// The stream is reset behind END_STREAM if the client has not ended its side by then.
        var endsRequest = false
        var endCode = ErrorCode.noError
        /// nghttp2 knows the stream no more.
        var isClosed = false

        /// Drops content that has been sent.
        mutating func consume(_ length: Int) {
            unsafe queue.consume(length)
            if unsafe queue.isEmpty { unsafe memory.giveBack(&queue) }
        }
    }

    let state: UnsafeMutablePointer<State>

    /// Bytes of content that may wait; more is the upstream's to keep.
    package static let limit = 64 * 1024

    /// For streams of that owner, one after another.
    package init(owner: UnsafeMutableRawPointer, memory: SessionMemory.Handle) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State(owner: owner, memory: memory))
    }

    deinit {
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Begins with another stream; keeps the queue's storage where it is small.
    package func reset(stream: Int32) {
        unsafe state.pointee.stream = stream
        unsafe state.pointee.memory.giveBack(&state.pointee.queue)
        if unsafe state.pointee.queue.capacity > 16 * 1024 {
            unsafe state.pointee.queue.release()
        } else {
            unsafe state.pointee.queue.removeAll()
        }
        unsafe state.pointee.hasEnded = false
        unsafe state.pointee.trailers.removeAll()
        unsafe state.pointee.hasTrailersQueued = false
        unsafe state.pointee.isDeferred = false
        unsafe state.pointee.wantsRoom = false
        unsafe state.pointee.hasHead = false
        unsafe state.pointee.hasSentHead = false
        unsafe state.pointee.isFinished = false
        unsafe state.pointee.endsRequest = false
        unsafe state.pointee.endCode = .noError
        unsafe state.pointee.isClosed = false
    }

    package var stream: Int32 { unsafe state.pointee.stream }
    /// Bytes of content that wait.
    package var count: Int { unsafe state.pointee.queue.count }
    /// What the client has yet to take: bytes of content, and 1 for the end. That may wait behind
    /// content whose last byte has used the window up.
    package var unsent: Int { count + (hasEnded && !isFinished && !isClosed ? 1 : 0) }
    /// Bytes there is room for.
    package var room: Int { unsafe max(0, Self.limit - state.pointee.queue.count) }
    /// Whether nothing is added any more.
    package var hasEnded: Bool { unsafe state.pointee.hasEnded }
    /// Whether nghttp2 knows the stream no more.
    package var isClosed: Bool { unsafe state.pointee.isClosed }
    /// Whether the answer's head has gone out.
    package var hasSentHead: Bool { unsafe state.pointee.hasSentHead }
    /// Whether END_STREAM has gone out.
    package var isFinished: Bool { unsafe state.pointee.isFinished }

    /// The connection is gone, and nghttp2 with it.
    package func disconnect() { unsafe state.pointee.isClosed = true }

    package func append(_ bytes: ByteView) {
        unsafe state.pointee.memory.makeRoom(in: &state.pointee.queue, for: bytes.count)
        unsafe state.pointee.queue.append(bytes)
    }

    /// `SessionHandlers.room` is called when there is room again.
    package func awaitRoom() { unsafe state.pointee.wantsRoom = true }
}
