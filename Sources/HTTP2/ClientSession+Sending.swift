internal import CNGHTTP2
package import HTTPSyntax

// What goes to the backend: requests, resets, window updates, GOAWAY. Everything is queued in
// nghttp2 and comes out of `send` as bytes, in the order and as far as the backend's windows allow.

extension ClientSession {
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
            defer { unsafe state.pointee.output = nil }
            while unsafe buffer.pointee.count < limit {
                var bytes: UnsafePointer<UInt8>?
                let count = unsafe nghttp2_session_mem_send(handle, &bytes)
                guard count > 0, let bytes = unsafe bytes else { return count == 0 }
                unsafe buffer.pointee.append(ByteView(base: bytes, count: count))
            }
            return true
        }
    }

    /// Whether the connection is over.
    package var isOver: Bool {
        unsafe nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
    }

    // MARK: Requests

    /// Queues a request's head; its content is what is appended to `stream.output` from now on.
    ///
    /// - Returns: false where no stream can be opened.
    package func request(
        _ stream: borrowing ClientStream, _ fields: borrowing FieldList, isHead: Bool,
        hasContent: Bool
    ) -> Bool {
        unsafe stream.state.pointee.isHead = isHead
        let number: Int32
        if hasContent {
            var provider = unsafe nghttp2_data_provider()
            unsafe provider.source.ptr = UnsafeMutableRawPointer(stream.output.state)
            unsafe provider.read_callback = readData
            number = unsafe nghttp2_submit_request(
                handle, nil, fields.lines, fields.count, &provider, stream.state)
        } else {
            unsafe stream.output.state.pointee.hasEnded = true
            number = unsafe nghttp2_submit_request(
                handle, nil, fields.lines, fields.count, nil, stream.state)
        }
        guard number > 0 else { return false }
        unsafe stream.output.state.pointee.stream = number
        unsafe state.pointee.streamCount += 1
        return true
    }

    /// There is more in the stream's output, or its end.
    package func resume(_ stream: borrowing ClientStream) {
        guard unsafe stream.output.state.pointee.isDeferred, !stream.output.isClosed else {
            return
        }
        unsafe stream.output.state.pointee.isDeferred = false
        unsafe nghttp2_session_resume_data(handle, stream.output.stream)
    }

    /// The content is whole.
    ///
    /// - Parameter trailers: lines of `name: value`, each ended by CRLF.
    package func end(_ stream: borrowing ClientStream, trailers: ByteView = .empty) {
        unsafe stream.output.state.pointee.hasEnded = true
        unsafe stream.output.state.pointee.trailers.append(trailers)
        // nghttp2 would send them before a head that waits for its turn.
        let hasGone = stream.isSent && !stream.output.isClosed
        if hasGone, unsafe endWithTrailers(handle, stream.output.state) { return }
        resume(stream)
    }

    // MARK: Answers

    /// The answer's content has been used but for `kept` bytes: the backend may send as much again.
    package func acknowledge(_ stream: borrowing ClientStream, keeping kept: Int) {
        let used = unsafe stream.state.pointee.unacknowledged - kept
        guard used > 0, !stream.output.isClosed else { return }
        unsafe stream.state.pointee.unacknowledged -= used
        unsafe nghttp2_session_consume_stream(handle, stream.output.stream, used)
    }

    // MARK: Ends

    /// Nothing of the stream is wanted any more; its owner hears no more of it. Unless both sides
    /// of it are whole it is reset.
    package func close(_ stream: borrowing ClientStream, _ code: ErrorCode) {
        guard !stream.output.isClosed, stream.output.stream > 0 else { return }
        unsafe stream.output.state.pointee.isClosed = true
        let number = stream.output.stream
        // The data provider's storage goes with the owner: without END_STREAM a reset takes it off.
        unsafe nghttp2_session_set_stream_user_data(handle, number, nil)
        if stream.isAnswered && stream.output.isFinished { return }
        unsafe nghttp2_submit_rst_stream(handle, Self.noFlags, number, code.rawValue)
    }

    /// Ends the connection with that code, once it has been sent.
    package func terminate(_ code: ErrorCode) {
        unsafe nghttp2_session_terminate_session(handle, code.rawValue)
    }
}
