// One request of a session with a backend: what waits to be sent of it, and how far its answer has
// come. nghttp2 knows it by address, so that it stands in storage of its own, which is used for one
// stream after another.

/// A stream as the side sees it that opened it.
@safe package struct ClientStream: ~Copyable {
    @unsafe struct State: ~Copyable {
        let owner: UnsafeMutableRawPointer
        let output: UnsafeMutablePointer<StreamOutput.State>
        /// HEAD was asked.
        var isHead = false
        /// The request's head has gone out.
        var isSent = false
        /// Bytes of the interim answers that have come, as HTTP/1.1 has them: nobody bounds them while
        /// the client takes nothing.
        var interimLength = 0
        /// The head of the final answer has come.
        var hasHead = false
        var content = AnswerContent.none
        /// END_STREAM has come.
        var hasEnded = false
        /// RST_STREAM has come.
        var isReset = false
        /// Bytes of content that the backend may not send again yet.
        var unacknowledged = 0
    }

    /// What is sent: the request's content is what is appended here.
    package let output: StreamOutput
    let state: UnsafeMutablePointer<State>

    /// For streams of that owner, one after another.
    package init(owner: UnsafeMutableRawPointer, memory: SessionMemory.Handle) {
        output = unsafe StreamOutput(owner: owner, memory: memory)
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State(owner: owner, output: output.state))
    }

    deinit {
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Begins with another request.
    package func reset() {
        output.reset(stream: 0)
        unsafe state.pointee.isHead = false
        unsafe state.pointee.isSent = false
        unsafe state.pointee.interimLength = 0
        unsafe state.pointee.hasHead = false
        unsafe state.pointee.content = .none
        unsafe state.pointee.hasEnded = false
        unsafe state.pointee.isReset = false
        unsafe state.pointee.unacknowledged = 0
    }

    /// Whether the request's head has gone out.
    package var isSent: Bool { unsafe state.pointee.isSent }

    /// Whether nothing of the answer is missing.
    package var isAnswered: Bool { unsafe state.pointee.isAnswered }
}

extension ClientStream.State {
    /// Whether nothing of the answer is missing, though its END_STREAM may be.
    var isAnswered: Bool {
        if unsafe hasEnded { return true }
        guard unsafe hasHead else { return false }
        switch unsafe content {
        case .none, .counted(0): return true
        case .counted, .chunked: return false
        }
    }
}
