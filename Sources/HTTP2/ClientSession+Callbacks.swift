internal import CNGHTTP2
import HTTPSyntax

// What nghttp2 calls while it reads from a backend and writes to it. Each finds the session's state
// by the pointer it was registered with, which outlives nghttp2's own; no one of them calls back
// into reading or writing.

extension ClientSession {
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

private typealias State = UnsafeMutablePointer<ClientSession.State>
private typealias StreamState = UnsafeMutablePointer<ClientStream.State>

/// The state a session was registered with.
private func sessionState(_ context: UnsafeMutableRawPointer?) -> State? {
    unsafe context?.assumingMemoryBound(to: ClientSession.State.self)
}

/// Who opened a stream; nil where nobody wants it any more.
private func streamState(_ session: OpaquePointer?, _ stream: Int32) -> StreamState? {
    unsafe nghttp2_session_get_stream_user_data(session, stream)?
        .assumingMemoryBound(to: ClientStream.State.self)
}

private func has(_ flags: UInt8, _ flag: nghttp2_flag) -> Bool {
    flags & UInt8(truncatingIfNeeded: flag.rawValue) != 0
}

// MARK: Fields

private func headersBegan(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let frame = unsafe frame else { return 0 }
    let stream = unsafe streamState(session, frame.pointee.hd.stream_id)
    unsafe state.pointee.block.begin(
        trailers: stream?.pointee.hasHead ?? false, limits: state.pointee.limits)
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

private func blockArrived(
    _ session: OpaquePointer?, _ stream: StreamState, _ state: State, _ hasEnded: Bool
) {
    if unsafe stream.pointee.hasHead {
        let (content, isWhole) = unsafe (stream.pointee.content, stream.pointee.isAnswered)
        unsafe state.pointee.block.finishTrailers(hasEnded: hasEnded)
        if let problem = unsafe state.pointee.block.problem {
            return unsafe fail(session, stream, state, problem)
        }
        unsafe stream.pointee.hasEnded = true
        // Behind content that is counted HTTP/1.1 has no place for them.
        switch content {
        case .chunked: unsafe deliver(state.pointee.block.text.view, stream, state)
        case .none: break
        case .counted:
            if !isWhole { unsafe fail(session, stream, state, .contentTooShort) }
        }
        return
    }
    let isHead = unsafe stream.pointee.isHead
    let content = unsafe state.pointee.block.finishHead(hasEnded: hasEnded, isHead: isHead)
    if let problem = unsafe state.pointee.block.problem {
        return unsafe fail(session, stream, state, problem)
    }
    if unsafe state.pointee.block.status >= 200 {
        unsafe stream.pointee.hasHead = true
        unsafe stream.pointee.content = content
        unsafe stream.pointee.hasEnded = hasEnded
    } else {
        unsafe stream.pointee.interimLength += state.pointee.block.text.count
        let isBeyond = unsafe stream.pointee.interimLength > state.pointee.limits.head
        if isBeyond { return unsafe fail(session, stream, state, .headTooLarge) }
    }
    unsafe deliver(state.pointee.block.text.view, stream, state)
}

// MARK: Content

private func dataArrived(
    _ session: OpaquePointer?, _ flags: UInt8, _ number: Int32, _ bytes: UnsafePointer<UInt8>?,
    _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let bytes = unsafe bytes else { return 0 }
    unsafe state.pointee.budget.note(.received(count))
    // The connection's window is not what holds a stream up: see `connectionWindow`.
    unsafe nghttp2_session_consume_connection(session, count)
    guard let stream = unsafe streamState(session, number) else {
        // Behind an answer that is whole: one that is reset already brings nothing here.
        unsafe reset(session, number)
        return 0
    }
    unsafe stream.pointee.unacknowledged += count
    switch unsafe stream.pointee.content {
    case .none:
        let hasHead = unsafe stream.pointee.hasHead
        unsafe fail(session, stream, state, hasHead ? .contentUnexpected : .statusMissing)
    case .counted(let rest):
        guard UInt64(count) <= rest else {
            unsafe fail(session, stream, state, .contentTooLong)
            return 0
        }
        unsafe stream.pointee.content = .counted(rest - UInt64(count))
        // What nghttp2 reads is `receive`'s, which lends it to be edited.
        unsafe state.pointee.handlers.answer(
            stream.pointee.owner, UnsafeMutablePointer(mutating: bytes), count)
    case .chunked:
        unsafe state.pointee.chunk.removeAll()
        unsafe state.pointee.chunk.append(hexadecimal: UInt64(count))
        unsafe state.pointee.chunk.append("\r\n")
        unsafe state.pointee.chunk.append(ByteView(base: bytes, count: count))
        unsafe state.pointee.chunk.append("\r\n")
        unsafe deliver(state.pointee.chunk.view, stream, state)
    }
    return 0
}

/// Hands bytes that are the session's own to the stream's owner, who may edit them.
private func deliver(_ bytes: ByteView, _ stream: StreamState, _ state: State) {
    unsafe state.pointee.handlers.answer(
        stream.pointee.owner, UnsafeMutablePointer(mutating: bytes.base), bytes.count)
}

/// END_STREAM has come behind content.
private func contentEnded(_ session: OpaquePointer?, _ stream: StreamState, _ state: State) {
    guard unsafe !stream.pointee.hasEnded else { return }
    guard unsafe stream.pointee.hasHead else {
        return unsafe fail(session, stream, state, .statusMissing)
    }
    switch unsafe stream.pointee.content {
    case .none, .counted(0): unsafe stream.pointee.hasEnded = true
    case .counted: unsafe fail(session, stream, state, .contentTooShort)
    case .chunked:
        unsafe stream.pointee.hasEnded = true
        unsafe state.pointee.chunk.removeAll()
        unsafe state.pointee.chunk.append("0\r\n\r\n")
        unsafe deliver(state.pointee.chunk.view, stream, state)
    }
}

/// What came is no answer: resets the stream, and tells its owner, who hears no more of it.
private func fail(
    _ session: OpaquePointer?, _ stream: StreamState, _ state: State, _ problem: AnswerProblem
) {
    let output = unsafe stream.pointee.output
    unsafe output.pointee.isClosed = true
    let number = unsafe output.pointee.stream
    unsafe nghttp2_session_set_stream_user_data(session, number, nil)
    unsafe reset(session, number)
    unsafe state.pointee.handlers.problem(stream.pointee.owner, problem.rawValue)
}

/// Resets a stream by the backend's fault, once.
private func reset(_ session: OpaquePointer?, _ number: Int32) {
    unsafe nghttp2_submit_rst_stream(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), number, ErrorCode.protocolError.rawValue)
}

// MARK: Frames and streams

private func frameArrived(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context), let frame = unsafe frame else { return 0 }
    let head = unsafe frame.pointee.hd
    let hasEnded = has(head.flags, NGHTTP2_FLAG_END_STREAM)
    if head.type == UInt8(NGHTTP2_RST_STREAM.rawValue) {
        unsafe streamState(session, head.stream_id)?.pointee.isReset = true
        return 0
    }
    guard
        head.type == UInt8(NGHTTP2_DATA.rawValue) || head.type == UInt8(NGHTTP2_HEADERS.rawValue)
    else { return 0 }
    if hasEnded { unsafe state.pointee.budget.note(.answered) }
    guard let stream = unsafe streamState(session, head.stream_id) else { return 0 }
    if head.type == UInt8(NGHTTP2_HEADERS.rawValue) {
        unsafe blockArrived(session, stream, state, hasEnded)
    } else if hasEnded {
        unsafe contentEnded(session, stream, state)
    }
    return 0
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

/// A stream is gone: both sides have ended it, one of them has reset it, or GOAWAY says that it was
/// never looked at, which nghttp2 calls REFUSED_STREAM as well (RFC 9113 §6.8, §8.7).
private func streamClosed(
    _ session: OpaquePointer?, _ number: Int32, _ code: UInt32,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let state = unsafe sessionState(context) else { return 0 }
    unsafe state.pointee.streamCount -= 1
    guard let stream = unsafe streamState(session, number) else { return 0 }
    unsafe stream.pointee.output.pointee.isClosed = true
    guard unsafe !stream.pointee.isAnswered else { return 0 }
    let isUnprocessed =
        unsafe !stream.pointee.isSent
        || (code == ErrorCode.refusedStream.rawValue && !stream.pointee.hasHead)
    let loss =
        unsafe isUnprocessed ? StreamLoss.unprocessed : stream.pointee.isReset ? .reset : .broken
    unsafe state.pointee.handlers.closed(stream.pointee.owner, loss.rawValue)
    return 0
}

/// GOAWAY has been made: nghttp2's verdict, where nobody has said before what is wrong.
private func noteEnd(_ code: ErrorCode, _ state: State) {
    guard code != .noError, unsafe state.pointee.problem == nil else { return }
    // nghttp2 unfolds no name or value beyond 64 KiB.
    let most = unsafe min(state.pointee.limits.head, 65536)
    let isTooLarge = unsafe code == .compressionError && state.pointee.scanner.sectionSize > most
    unsafe state.pointee.problem = isTooLarge ? .sectionTooLarge : ConnectionProblem(code)
}

private func frameSent(
    _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame = unsafe frame else { return 0 }
    let head = unsafe frame.pointee.hd
    if head.type == UInt8(NGHTTP2_GOAWAY.rawValue), let state = unsafe sessionState(context) {
        unsafe noteEnd(ErrorCode(rawValue: frame.pointee.goaway.error_code), state)
    }
    guard
        head.type == UInt8(NGHTTP2_DATA.rawValue) || head.type == UInt8(NGHTTP2_HEADERS.rawValue),
        let stream = unsafe streamState(session, head.stream_id)
    else { return 0 }
    unsafe stream.pointee.isSent = true
    if has(head.flags, NGHTTP2_FLAG_END_STREAM) {
        unsafe stream.pointee.output.pointee.isFinished = true
    }
    return 0
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
