internal import CNGHTTP2
import HTTPSyntax

// What nghttp2 calls while it reads and writes. Each finds the session's state by the pointer it
// was registered with, which outlives nghttp2's own; no one of them calls back into reading or
// writing.

extension ServerSession {
    static func register(_ callbacks: OpaquePointer?) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, headersBegan)
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, headerArrived)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataArrived)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameArrived)
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
            callbacks, invalidFrameArrived)
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
    }
}

private typealias State = UnsafeMutablePointer<ServerSession.State>

/// The state a session was registered with.
private func sessionState(_ context: UnsafeMutableRawPointer?) -> State? {
    unsafe context?.assumingMemoryBound(to: ServerSession.State.self)
}

/// What is attached to a stream; nil where nothing is, or it is gone.
private func outputState(
    _ session: OpaquePointer?, _ stream: Int32
) -> UnsafeMutablePointer<StreamOutput.State>? {
    unsafe nghttp2_session_get_stream_user_data(session, stream)?
        .assumingMemoryBound(to: StreamOutput.State.self)
}

/// The same of a stream of which a frame is being sent.
private func sendingState(
    _ state: State, _ session: OpaquePointer?, _ stream: Int32
) -> UnsafeMutablePointer<StreamOutput.State>? {
    if let sending = unsafe state.pointee.sending, unsafe sending.pointee.stream == stream {
        return unsafe sending
    }
    return unsafe outputState(session, stream)
}

private func has(_ flags: UInt8, _ flag: nghttp2_flag) -> Bool {
    flags & UInt8(truncatingIfNeeded: flag.rawValue) != 0
}

private func headersBegan(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let frame = unsafe frame else { return 0 }
    let isRequest = unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
    unsafe state.pointee.block.begin(trailers: !isRequest, limits: state.pointee.limits)
    unsafe state.pointee.ignoredHeads -= 1
    if isRequest { unsafe state.pointee.streamCount += 1 }
    return 0
}

private func headerArrived(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
    _ name: UnsafePointer<UInt8>?, _ nameLength: Int, _ value: UnsafePointer<UInt8>?,
    _ valueLength: Int, _ flags: UInt8, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let name = unsafe name,
        let value = unsafe value
    else { return 0 }
    unsafe state.pointee.block.add(
        ByteView(base: name, count: nameLength), ByteView(base: value, count: valueLength))
    let isBeyond = unsafe state.pointee.block.isExcessive
    return isBeyond ? Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) : 0
}

private func dataArrived(
    _ session: OpaquePointer?, _ flags: UInt8, _ stream: Int32, _ bytes: UnsafePointer<UInt8>?,
    _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let bytes = unsafe bytes else { return 0 }
    unsafe state.pointee.budget.note(.received(count))
    // The connection's window is not what holds a stream up: see `connectionWindow`.
    unsafe nghttp2_session_consume_connection(session, count)
    guard let output = unsafe outputState(session, stream) else {
        unsafe nghttp2_session_consume_stream(session, stream, count)
        return 0
    }
    unsafe state.pointee.handlers.content(output.pointee.owner, bytes, count)
    return 0
}

private func frameArrived(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let frame = unsafe frame else { return 0 }
    let head = unsafe frame.pointee.hd
    let hasEnded = has(head.flags, NGHTTP2_FLAG_END_STREAM)
    switch UInt32(head.type) {
    case NGHTTP2_DATA.rawValue:
        unsafe state.pointee.contentFrames += 1
        // Padding is no content.
        let isEmpty = unsafe head.length <= frame.pointee.data.padlen
        if isEmpty && !hasEnded { unsafe state.pointee.budget.note(.controlFrame) }
        guard hasEnded, let output = unsafe outputState(session, head.stream_id) else { break }
        unsafe state.pointee.handlers.end(output.pointee.owner)
    case NGHTTP2_HEADERS.rawValue: unsafe blockArrived(session, frame, state, hasEnded)
    case NGHTTP2_RST_STREAM.rawValue:
        let isAnswered =
            unsafe outputState(session, head.stream_id)?.pointee.hasSentHead ?? true
        if !isAnswered { unsafe state.pointee.budget.note(.reset) }
    case NGHTTP2_PING.rawValue where has(head.flags, NGHTTP2_FLAG_ACK):
        unsafe state.pointee.handlers.pong(state.pointee.owner)
    default: break
    }
    // What is left of the bytes that came is not even looked at.
    let isSpent = unsafe state.pointee.budget.isSpent
    return isSpent ? Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) : 0
}

private func blockArrived(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ state: State,
    _ hasEnded: Bool
) {
    unsafe state.pointee.block.finish(hasEnded: hasEnded)
    let stream = unsafe frame.pointee.hd.stream_id
    if unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
        unsafe state.pointee.handlers.request(state.pointee.owner, stream, hasEnded)
    } else if let output = unsafe outputState(session, stream) {
        unsafe state.pointee.handlers.trailers(output.pointee.owner)
    }
}

/// What nghttp2 itself refuses: it resets the stream or ends the connection.
private func invalidFrameArrived(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ code: Int32,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context) else { return 0 }
    unsafe state.pointee.budget.note(.streamError)
    return 0
}

private func streamClosed(
    _ session: OpaquePointer?, _ stream: Int32, _ code: UInt32,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context) else { return 0 }
    unsafe state.pointee.streamCount -= 1
    guard let output = unsafe sendingState(state, session, stream) else { return 0 }
    unsafe state.pointee.sending = nil
    unsafe output.pointee.isClosed = true
    unsafe state.pointee.handlers.closed(output.pointee.owner, code)
    return 0
}

// MARK: Sending

private func frameSent(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let frame = unsafe frame else { return 0 }
    let head = unsafe frame.pointee.hd
    let isHead = head.type == UInt8(NGHTTP2_HEADERS.rawValue)
    let hasEnded = has(head.flags, NGHTTP2_FLAG_END_STREAM)
    guard isHead || hasEnded && head.type == UInt8(NGHTTP2_DATA.rawValue) else { return 0 }
    let output = unsafe sendingState(state, session, head.stream_id)
    if isHead, let output = unsafe output {
        unsafe output.pointee.hasSentHead = output.pointee.hasHead
    }
    guard hasEnded else { return 0 }
    unsafe state.pointee.budget.note(.answered)
    guard let output = unsafe output else { return 0 }
    unsafe output.pointee.isFinished = true
    if unsafe output.pointee.endsRequest {
        unsafe ServerSession.endRequest(session, output)
    }
    return 0
}

extension ServerSession {
    /// Resets a stream whose answer is whole, if its request is not (RFC 9113 §8.1).
    static func endRequest(
        _ session: OpaquePointer?, _ output: UnsafeMutablePointer<StreamOutput.State>
    ) {
        let stream = unsafe output.pointee.stream
        let isOpen = unsafe nghttp2_session_get_stream_remote_close(session, stream) == 0
        let code = unsafe output.pointee.endCode
        guard isOpen || code != .noError else { return }
        unsafe nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }
}

/// Appends a DATA frame: its head as nghttp2 made it, and content from the stream's queue.
private func sendData(
    _ session: OpaquePointer?, _ frame: UnsafeMutablePointer<nghttp2_frame>?,
    _ head: UnsafePointer<UInt8>?, _ length: Int,
    _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let head = unsafe head,
        let output = unsafe source?.pointee.ptr?.assumingMemoryBound(to: StreamOutput.State.self),
        let buffer = unsafe state.pointee.output
    else { return Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
    unsafe state.pointee.sending = output
    unsafe buffer.pointee.append(ByteView(base: head, count: 9))
    unsafe buffer.pointee.append(output.pointee.queue.view.slice(0, length))
    unsafe output.pointee.consume(length)
    unsafe state.pointee.budget.note(.sent(length, isCut: !output.pointee.queue.isEmpty))
    if unsafe output.pointee.wantsRoom && output.pointee.queue.count <= StreamOutput.limit / 2 {
        unsafe output.pointee.wantsRoom = false
        unsafe state.pointee.handlers.room(output.pointee.owner)
    }
    // nghttp2 would go on with the next one.
    let isFull = unsafe buffer.pointee.count >= state.pointee.outputLimit
    return isFull ? Int32(NGHTTP2_ERR_PAUSE.rawValue) : 0
}

/// Says how much of a stream's queue may go now.
func readData(
    _ session: OpaquePointer?, _ stream: Int32, _ buffer: UnsafeMutablePointer<UInt8>?,
    _ length: Int, _ flags: UnsafeMutablePointer<UInt32>?,
    _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard
        let output = unsafe source?.pointee.ptr?.assumingMemoryBound(to: StreamOutput.State.self),
        let flags = unsafe flags, unsafe output.pointee.stream == stream,
        unsafe !output.pointee.isClosed
    else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    let held = unsafe output.pointee.queue.count
    guard unsafe held > 0 || output.pointee.hasEnded && !output.pointee.hasTrailersQueued else {
        unsafe output.pointee.isDeferred = true
        return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    let count = min(held, length)
    if count > 0 { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
    if unsafe count == held && output.pointee.hasEnded {
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if unsafe !output.pointee.trailers.isEmpty {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            unsafe submitTrailers(session, output)
        }
    }
    return count
}

/// Trailers behind content that has all gone go at once: nghttp2 would not ask for more as long as
/// the window is used up, which holds up DATA alone (RFC 9113 §5.2). Whether there are such.
func endWithTrailers(
    _ session: OpaquePointer?, _ output: UnsafeMutablePointer<StreamOutput.State>
) -> Bool {
    guard unsafe output.pointee.queue.isEmpty, unsafe !output.pointee.trailers.isEmpty else {
        return false
    }
    unsafe submitTrailers(session, output)
    return true
}

/// Trailers are submitted when the content's last byte is about to go: nghttp2 would send them at
/// once.
private func submitTrailers(
    _ session: OpaquePointer?, _ output: UnsafeMutablePointer<StreamOutput.State>
) {
    let text = unsafe output.pointee.trailers.view
    unsafe output.pointee.hasTrailersQueued = true
    var count = 0
    for index in 0..<text.count where text[index] == 0x0a { count += 1 }
    unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: count) { lines in
        var rest = text
        for index in 0..<count {
            guard let colon = rest.firstIndex(of: 0x3a), let end = rest.firstIndex(of: 0x0d) else {
                return
            }
            unsafe lines.initializeElement(
                at: index,
                to: FieldList.line(
                    rest.slice(0, colon), rest.slice(colon + 2, end - colon - 2)))
            rest = rest.dropFirst(end + 2)
        }
        unsafe nghttp2_submit_trailer(session, output.pointee.stream, lines.baseAddress, count)
    }
}
