internal import CNGHTTP2
package import HTTPSyntax

// What goes to the client: answers, resets, window updates, GOAWAY. Everything is queued in nghttp2
// and comes out of `send` as bytes, in the order and as far as the client's windows allow.

extension ServerSession {
    private var handle: OpaquePointer? { unsafe state.pointee.handle }
    private static var noFlags: UInt8 { UInt8(NGHTTP2_FLAG_NONE.rawValue) }

    // MARK: Bytes out

    /// Appends what is to be sent to `buffer`, until that holds `limit` bytes and the rest of a
    /// frame, or there is no more.
    ///
    /// - Returns: false where nghttp2 has failed: the connection cannot go on.
    package func send(into buffer: inout ByteBuffer, limit: Int) -> Bool {
        unsafe withUnsafeMutablePointer(to: &buffer) { buffer in
            unsafe state.pointee.output = buffer
            unsafe state.pointee.outputLimit = limit
            defer {
                unsafe state.pointee.output = nil
                unsafe state.pointee.sending = nil
            }
            while unsafe buffer.pointee.count < limit {
                var bytes: UnsafePointer<UInt8>?
                let count = unsafe nghttp2_session_mem_send(handle, &bytes)
                guard count > 0, let bytes = unsafe bytes else { return count == 0 }
                unsafe buffer.pointee.append(ByteView(base: bytes, count: count))
            }
            return true
        }
    }

    /// Whether there is something to send now.
    package var wantsWrite: Bool { unsafe nghttp2_session_want_write(handle) != 0 }
    /// Whether the connection is over.
    package var isOver: Bool {
        unsafe nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
    }

    // MARK: Streams

    /// Sends the stream's later events to the owner of `output`. Streams take turns by the bytes they
    /// have sent, where without a word the oldest would go first for as long as it has any
    /// (RFC 9218 §10).
    package func attach(_ output: borrowing StreamOutput) {
        unsafe nghttp2_session_set_stream_user_data(handle, output.stream, output.state)
        let usual = UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY)
        var turns = nghttp2_extpri(urgency: usual, inc: 1)
        unsafe nghttp2_session_change_extpri_stream_priority(handle, output.stream, &turns, 1)
    }

    /// Ends a stream, unless it is gone; its owner hears no more of it.
    package func close(_ output: borrowing StreamOutput, _ code: ErrorCode) {
        guard !output.isClosed else { return }
        unsafe output.state.pointee.isClosed = true
        if unsafe code == .protocolError && !output.state.pointee.endsRequest {
            unsafe state.pointee.budget.note(.streamError)
        }
        unsafe nghttp2_session_set_stream_user_data(handle, output.stream, nil)
        unsafe nghttp2_submit_rst_stream(handle, Self.noFlags, output.stream, code.rawValue)
    }

    /// The stream's content has been used up to that many bytes more: the client may send as many.
    package func acknowledge(_ output: borrowing StreamOutput, _ count: Int) {
        guard count > 0, !output.isClosed else { return }
        unsafe nghttp2_session_consume_stream(handle, output.stream, count)
    }

    // MARK: Answers

    /// Queues an interim answer's head.
    package func interim(_ output: borrowing StreamOutput, _ fields: borrowing FieldList) {
        guard !output.isClosed else { return }
        unsafe nghttp2_submit_headers(
            handle, Self.noFlags, output.stream, nil, fields.lines, fields.count, nil)
    }

    /// Queues an answer's head; the content is what is appended to `output` from now on.
    package func answer(
        _ output: borrowing StreamOutput, _ fields: borrowing FieldList, hasContent: Bool
    ) {
        guard !output.isClosed else { return }
        unsafe output.state.pointee.hasHead = true
        guard hasContent else {
            unsafe output.state.pointee.hasEnded = true
            unsafe nghttp2_submit_response(
                handle, output.stream, fields.lines, fields.count, nil)
            return
        }
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.ptr = UnsafeMutableRawPointer(output.state)
        unsafe provider.read_callback = readData
        unsafe nghttp2_submit_response(
            handle, output.stream, fields.lines, fields.count, &provider)
    }

    /// There is more in `output`, or its end.
    package func resume(_ output: borrowing StreamOutput) {
        guard unsafe output.state.pointee.isDeferred, !output.isClosed else { return }
        unsafe output.state.pointee.isDeferred = false
        unsafe nghttp2_session_resume_data(handle, output.stream)
    }

    /// The content is whole.
    ///
    /// - Parameter trailers: lines of `name: value`, each ended by CRLF.
    package func end(_ output: borrowing StreamOutput, trailers: ByteView = .empty) {
        unsafe output.state.pointee.hasEnded = true
        unsafe output.state.pointee.trailers.append(trailers)
        if !output.isClosed, unsafe endWithTrailers(handle, output.state) { return }
        resume(output)
    }

    /// The rest of the request is not wanted: resets the stream once the answer has gone out.
    package func endRequest(_ output: borrowing StreamOutput, _ code: ErrorCode) {
        guard !output.isClosed else { return }
        if unsafe code == .protocolError && !output.state.pointee.endsRequest {
            unsafe state.pointee.budget.note(.malformed)
        }
        unsafe output.state.pointee.endsRequest = true
        unsafe output.state.pointee.endCode = code
        if output.isFinished { unsafe Self.endRequest(handle, output.state) }
    }

    // MARK: Ends

    /// Tells the client that the connection is going to end, and asks it for a sign when it knows
    /// (RFC 9113 §6.8).
    package func announceEnd() {
        unsafe nghttp2_submit_shutdown_notice(handle)
        unsafe nghttp2_submit_ping(handle, Self.noFlags, nil)
    }

    /// Takes no streams any more but those that have come.
    package func refuseNewStreams() {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
        unsafe nghttp2_submit_goaway(
            handle, Self.noFlags, last, ErrorCode.noError.rawValue, nil, 0)
    }

    /// Ends the connection with that code, once it has been sent.
    package func terminate(_ code: ErrorCode) {
        if unsafe state.pointee.endCode == nil { unsafe state.pointee.endCode = code }
        unsafe nghttp2_session_terminate_session(handle, code.rawValue)
    }
}
