internal import CNGHTTP2
package import HTTPSyntax

// HTTP/2 of one connection, by nghttp2, without a socket: bytes go in, what they mean comes out
// through `SessionHandlers`, and bytes that are to be sent come out of `send`. nghttp2 keeps
// frames, HPACK and flow control; the checks of messages that it could make are ours (HeaderBlock),
// since a request that is refused is to be recorded, and answered.

/// The server's side of one HTTP/2 connection. No function here is called from several threads.
@safe package struct ServerSession: ~Copyable {
    /// What the callbacks work on, at an address that nghttp2 keeps.
    @unsafe struct State: ~Copyable {
        let owner: UnsafeMutableRawPointer
        let handlers: SessionHandlers
        var handle: OpaquePointer?
        var block = HeaderBlock()
        var limits: HeaderBlock.Limits
        var budget: FrameBudget
        var scanner = FrameScanner(preface: Preface.length)
        /// DATA frames that came whole for a stream that is open, since the last look.
        var contentFrames = 0
        /// HEADERS frames that came whole, less those that were taken notice of: above 0 what nghttp2
        /// has passed over, below it one that has begun.
        var ignoredHeads = 0
        /// Where `send` writes; nil outside of it.
        var output: UnsafeMutablePointer<ByteBuffer>?
        /// Bytes in `output` behind which no further frame is to go.
        var outputLimit = 0
        /// Whose DATA frame `send` has sent last, for what nghttp2 says of that stream next; nobody
        /// frees it meanwhile.
        var sending: UnsafeMutablePointer<StreamOutput.State>?
        var streamCount = 0
        /// Why we end the connection.
        var endCode: ErrorCode?
    }

    let state: UnsafeMutablePointer<State>

    /// What `receive` takes in at a time at most: some 0.1 ms of nghttp2's.
    static let workAtATime = 256
    /// Streams that a client may have open at the same time.
    package static let maximumStreams = 100
    /// Bytes of content that may wait for one stream's backend.
    package static let streamWindow = 65535
    /// Bytes of the connection's window: more than all streams together may have waiting, so that
    /// one that is slow holds up no other.
    package static let connectionWindow = 1 << 23

    /// - Parameters:
    ///   - owner: context of the handlers that are about the connection.
    ///   - now: monotonic milliseconds.
    ///   - memory: nghttp2's; malloc(3) without.
    package init(
        owner: UnsafeMutableRawPointer, handlers: SessionHandlers, limits: HeaderBlock.Limits,
        now: UInt64, memory: SessionMemory.Handle? = nil
    ) {
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(
            to: State(
                owner: owner, handlers: handlers, limits: limits, budget: FrameBudget(now: now)))
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
        // Content is acknowledged as the backend takes it, and messages are checked by HeaderBlock.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_http_messaging(options, 1)
        // A backend's head may be longer than nghttp2 would send.
        unsafe nghttp2_option_set_max_send_header_block_length(options, 1 << 24)
        // FrameScanner counts these: nghttp2 takes a head that comes in pieces for several.
        unsafe nghttp2_option_set_max_continuations(options, 1 << 20)
        // FrameBudget counts resets together with all else, and says why it ends a connection.
        unsafe nghttp2_option_set_stream_reset_rate_limit(options, 1 << 20, 1 << 20)
        var handle: OpaquePointer?
        // Copied, where there are any.
        let functions = unsafe memory?.state.pointee.functions
        let isMade =
            unsafe nghttp2_session_server_new3(&handle, callbacks, state, options, functions) == 0
        precondition(isMade, "no memory left")
        return unsafe handle
    }

    /// The first SETTINGS. Tunnels may be asked for (RFC 8441 §3).
    private func announce() {
        func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(value))
        }
        let entries = [
            entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Self.maximumStreams),
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, Self.streamWindow),
            entry(
                NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                unsafe min(state.pointee.limits.head, Int(Int32.max))),
            entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),
            entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        unsafe nghttp2_submit_settings(
            state.pointee.handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
        unsafe nghttp2_session_set_local_window_size(
            state.pointee.handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0,
            Int32(Self.connectionWindow))
    }

    // MARK: Bytes in

    /// Takes bytes of the client in, some at a time, so that whoever hands them over may stop in
    /// between. The handlers are called meanwhile.
    ///
    /// - Parameter limit: how many HEADERS and RST_STREAM frames at most.
    /// - Returns: how many bytes that were; all of them, unlooked at, once the connection is to end
    ///   (`goesOn`).
    package func receive(_ bytes: ByteView, now: UInt64, limit: Int = .max) -> Int {
        guard unsafe state.pointee.endCode == nil else { return bytes.count }
        unsafe state.pointee.budget.refill(now: now)
        let count: Int
        switch unsafe state.pointee.scanner.scan(
            bytes, &state.pointee.budget, limit: limit, work: Self.workAtATime)
        {
        case .broken(let code):
            terminate(code)
            return bytes.count
        case .sound(let some): count = some
        }
        let used = unsafe nghttp2_session_mem_recv(state.pointee.handle, bytes.base, count)
        chargeIgnored()
        if unsafe state.pointee.budget.isSpent || state.pointee.block.isExcessive {
            terminate(.enhanceYourCalm)
            return bytes.count
        }
        guard used < 0 else { return count }
        let code = nghttp2_error(rawValue: Int32(truncatingIfNeeded: used))
        let isFlood =
            code == NGHTTP2_ERR_FLOODED || code == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS
            || code == NGHTTP2_ERR_TOO_MANY_SETTINGS || code == NGHTTP2_ERR_CALLBACK_FAILURE
        terminate(isFlood ? .enhanceYourCalm : .protocolError)
        return bytes.count
    }

    /// False where the connection is to end once everything has been sent: the session says so with
    /// GOAWAY.
    package var goesOn: Bool {
        unsafe state.pointee.endCode == nil
            && nghttp2_session_want_read(state.pointee.handle) != 0
    }

    /// nghttp2 passes over DATA and HEADERS of streams that are gone without a word.
    private func chargeIgnored() {
        let count = unsafe state.pointee.scanner.takeContentFrames()
        var ignored = unsafe max(0, count - state.pointee.contentFrames)
        unsafe state.pointee.contentFrames = 0
        unsafe state.pointee.ignoredHeads += state.pointee.scanner.takeHeadFrames()
        if unsafe state.pointee.ignoredHeads > 0 {
            unsafe ignored += state.pointee.ignoredHeads
            unsafe state.pointee.ignoredHeads = 0
        }
        guard ignored > 0 else { return }
        for _ in 0..<ignored { unsafe state.pointee.budget.note(.controlFrame) }
    }

    /// What the stream of a field section has to know, in the handler that is called for it.
    package var blockFacts: HeaderBlock.Facts { unsafe state.pointee.block.facts }

    /// What is wrong with it.
    package var blockProblem: HeaderProblem? { unsafe state.pointee.block.problem }

    /// Its text as HTTP/1.1 has it, to be edited in place; valid until the handler returns.
    package var blockText: MutableByteView { unsafe state.pointee.block.text.mutableView }

    /// What is known of a request whose section is refused (`HeaderBlock.describe`), to be asked for
    /// once; likewise.
    package var refusedText: ByteView {
        unsafe state.pointee.block.describe()
        return unsafe state.pointee.block.text.view
    }

    /// Its method and target as they came, of long ones the beginning; after `refusedText`.
    package var refusedLine: (method: ByteView, target: ByteView) {
        unsafe (state.pointee.block.refusedMethod, state.pointee.block.refusedTarget)
    }

    /// Its `:authority`; empty where it has none.
    package var blockAuthority: ByteView {
        unsafe state.pointee.block.view(state.pointee.block.authority)
    }

    /// Gives back what a field section needed.
    package func releaseBlock() {
        guard !isInSection else { return }
        unsafe state.pointee.block.release()
    }

    /// A field section has begun and its end has not come.
    package var isInSection: Bool { unsafe state.pointee.scanner.isInSection }
    /// Field sections that have begun so far: tells one from the next.
    package var sectionCount: UInt64 { unsafe state.pointee.scanner.sectionCount }
    /// Why we end the connection, and say so with GOAWAY; nil as long as we do not.
    package var endCode: ErrorCode? { unsafe state.pointee.endCode }
    /// Streams that are open.
    package var streamCount: Int { unsafe state.pointee.streamCount }

    /// Limits of the field sections that begin from now on.
    package func adopt(_ limits: HeaderBlock.Limits) {
        unsafe state.pointee.limits = limits
        unsafe state.pointee.scanner.adopt(limits)
    }
}
