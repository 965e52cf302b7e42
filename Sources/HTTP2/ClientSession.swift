internal import CNGHTTP2
package import HTTPSyntax

// HTTP/2 of one connection to a backend, by nghttp2, without a socket: requests and bytes go in,
// answers come out through `ClientHandlers` as HTTP/1.1 has them, and bytes that are to be sent come
// out of `send`. nghttp2 keeps frames, HPACK and flow control; messages are checked by AnswerBlock
// and here, since what is wrong with one is to be told.

/// The client's side of one HTTP/2 connection. No function here is called from several threads.
@safe package struct ClientSession: ~Copyable {
    /// What the callbacks work on, at an address that nghttp2 keeps.
    @unsafe struct State: ~Copyable {
        let handlers: ClientHandlers
        var handle: OpaquePointer?
        var block = AnswerBlock()
        var limits: HeaderBlock.Limits
        var budget: FrameBudget
        var scanner = FrameScanner(preface: 0, sender: .server)
        /// A piece of content as a chunk.
        var chunk = ByteBuffer()
        /// Where `send` writes; nil outside of it.
        var output: UnsafeMutablePointer<ByteBuffer>?
        /// Bytes in `output` behind which no further frame is to go.
        var outputLimit = 0
        /// Streams that nghttp2 knows or is about to open.
        var streamCount = 0
        /// Bytes have come from the backend.
        var hasReceived = false
        /// Why the connection ends, once it is to.
        var problem: ConnectionProblem?
    }

    let state: UnsafeMutablePointer<State>

    /// Streams that are opened at the same time, whatever more the backend would take.
    package static let mostStreams = 100
    /// Bytes of content that may wait for one stream's client.
    package static let streamWindow = 65535
    /// Bytes of the connection's window: more than all streams together may have waiting, so that
    /// one that is slow holds up no other.
    package static let connectionWindow = 1 << 23

    /// - Parameters:
    ///   - limits: of answers; `target` does not matter.
    ///   - now: monotonic milliseconds.
    ///   - memory: nghttp2's; malloc(3) without.
    package init(
        handlers: ClientHandlers, limits: HeaderBlock.Limits, now: UInt64,
        memory: SessionMemory.Handle? = nil
    ) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(
            to: State(handlers: handlers, limits: limits, budget: FrameBudget(now: now)))
        unsafe state.pointee.scanner.adopt(limits)
        unsafe state.pointee.handle = Self.makeHandle(state, memory)
        announce()
    }

    deinit {
        unsafe nghttp2_session_del(state.pointee.handle)
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    private static func makeHandle(
        _ state: UnsafeMutablePointer<State>, _ memory: SessionMemory.Handle?
    ) -> OpaquePointer? {
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        // All of them fail where no memory is left, as every allocation here does.
        let hasCallbacks = unsafe nghttp2_session_callbacks_new(&callbacks) == 0
        let hasOptions = unsafe nghttp2_option_new(&options) == 0
        precondition(hasCallbacks && hasOptions, "no memory left")
        defer {
            unsafe nghttp2_session_callbacks_del(callbacks)
            unsafe nghttp2_option_del(options)
        }
        unsafe register(callbacks)
        // Content is acknowledged as the client takes it, and messages are checked by AnswerBlock.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_http_messaging(options, 1)
        // A client's head may be longer than nghttp2 would send.
        unsafe nghttp2_option_set_max_send_header_block_length(options, 1 << 24)
        // FrameScanner counts these: nghttp2 takes a head that comes in pieces for several.
        unsafe nghttp2_option_set_max_continuations(options, 1 << 20)
        var handle: OpaquePointer?
        // Copied, where there are any.
        let functions = unsafe memory?.state.pointee.functions
        let isMade =
            unsafe nghttp2_session_client_new3(&handle, callbacks, state, options, functions) == 0
        precondition(isMade, "no memory left")
        return unsafe handle
    }

    /// The first SETTINGS: nothing is pushed (RFC 9113 §8.4).
    private func announce() {
        func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(value))
        }
        let entries = [
            entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, Self.streamWindow),
            entry(
                NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                unsafe min(state.pointee.limits.head, Int(Int32.max))),
        ]
        unsafe nghttp2_submit_settings(
            state.pointee.handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
        unsafe nghttp2_session_set_local_window_size(
            state.pointee.handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0,
            Int32(Self.connectionWindow))
    }

    // MARK: Bytes in

    /// Takes bytes of the backend in, all of them; the handlers are called meanwhile, and may edit
    /// them.
    ///
    /// - Returns: false where the connection is to end once everything has been sent: the session
    ///   then says so with GOAWAY.
    package func receive(_ bytes: MutableByteView, now: UInt64) -> Bool {
        unsafe state.pointee.budget.refill(now: now)
        if unsafe !state.pointee.hasReceived { lookForHTTP1(bytes.view) }
        if case .broken(let code) = unsafe state.pointee.scanner.scan(
            bytes.view, &state.pointee.budget)
        {
            // Besides, a server's bytes are refused there for CONTINUATION alone.
            end(code == .protocolError ? .pushes : .sectionTooLarge, code)
            return false
        }
        let used = unsafe nghttp2_session_mem_recv(state.pointee.handle, bytes.base, bytes.count)
        if unsafe state.pointee.budget.isSpent || state.pointee.block.isExcessive {
            let isSection = unsafe state.pointee.block.isExcessive
            end(isSection ? .sectionTooLarge : .flood, .enhanceYourCalm)
            return false
        }
        guard used < 0 else { return unsafe nghttp2_session_want_read(state.pointee.handle) != 0 }
        let code = nghttp2_error(rawValue: Int32(truncatingIfNeeded: used))
        let isFlood =
            code == NGHTTP2_ERR_FLOODED || code == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS
            || code == NGHTTP2_ERR_TOO_MANY_SETTINGS || code == NGHTTP2_ERR_CALLBACK_FAILURE
        end(isFlood ? .flood : .frames, isFlood ? .enhanceYourCalm : .protocolError)
        return false
    }

    /// A server of HTTP/1.1 answers the preface as it does any line it cannot read.
    private func lookForHTTP1(_ bytes: ByteView) {
        unsafe state.pointee.hasReceived = true
        if bytes.slice(0, min(7, bytes.count)).equals(ByteView("HTTP/1.")) {
            unsafe state.pointee.problem = .speaksHTTP1
        }
    }

    private func end(_ problem: ConnectionProblem, _ code: ErrorCode) {
        if unsafe state.pointee.problem == nil { unsafe state.pointee.problem = problem }
        terminate(code)
    }

    /// Why the connection ends; nil where nothing is wrong with it. What nghttp2 itself has found
    /// is known once `send` has made the GOAWAY that says so.
    package var problem: ConnectionProblem? { unsafe state.pointee.problem }

    /// A field section has begun and its end has not come: until then nothing else can.
    package var isInSection: Bool { unsafe state.pointee.scanner.isInSection }

    /// Who owns the stream whose field section has begun and is not whole; nil where there is none,
    /// or nobody wants it.
    package var sectionOwner: UnsafeMutableRawPointer? {
        guard unsafe state.pointee.scanner.isInSection else { return nil }
        let number = unsafe Int32(state.pointee.scanner.sectionStream)
        let stream = unsafe nghttp2_session_get_stream_user_data(state.pointee.handle, number)?
            .assumingMemoryBound(to: ClientStream.State.self)
        return unsafe stream?.pointee.owner
    }

    /// Limits of the answers that begin from now on.
    package func adopt(_ limits: HeaderBlock.Limits) {
        unsafe state.pointee.limits = limits
        unsafe state.pointee.scanner.adopt(limits)
    }

    /// Gives back what field sections and chunks needed.
    package func releaseStorage() {
        unsafe state.pointee.block.release()
        unsafe state.pointee.chunk.release()
    }

    // MARK: What the backend takes

    /// The backend's limit of streams at a time; before it has said one, nghttp2's assumption.
    package var streamLimit: Int {
        let limit = unsafe nghttp2_session_get_remote_settings(
            state.pointee.handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
        return min(Self.mostStreams, Int(limit))
    }

    /// Whether a stream may be opened as far as the connection's state says: no GOAWAY has come or
    /// gone, and there are numbers left.
    package var takesStreams: Bool {
        unsafe nghttp2_session_check_request_allowed(state.pointee.handle) != 0
    }

    /// Streams that are open or about to be.
    package var streamCount: Int { unsafe state.pointee.streamCount }
}
