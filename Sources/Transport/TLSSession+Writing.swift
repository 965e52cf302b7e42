internal import COpenSSL
internal import Glibc
import HTTPSyntax

// From the writer to the socket: a batch is encrypted and sent in one call. What the kernel does
// not take stays as ciphertext and is sent before anything else is encrypted; its bytes count as
// not sent, so that the writer keeps them as it would for a plain socket.

extension Ref<TLSSession> {
    /// Encrypts and sends two pieces; how many bytes of them have gone.
    ///
    /// After a failure there is nothing more to be sent: what was encrypted and is lost would be
    /// missing from the stream.
    func send(_ descriptor: Int32, _ head: ByteView, _ content: ByteView) -> IOResult {
        guard !value.isMute else { return .failed(EPIPE) }
        let result = trySend(descriptor, head, content)
        if case .failed = result { mute() }
        return result
    }

    private func trySend(_ descriptor: Int32, _ head: ByteView, _ content: ByteView) -> IOResult {
        var done = 0
        if !value.unsent.isEmpty {
            let owed = value.owed
            if let code = sendUnsent(descriptor) { return .failed(code) }
            value.owed = Swift.min(owed, value.unsent.count)
            done = owed - value.owed
            guard value.unsent.isEmpty else { return done > 0 ? .bytes(done) : .wouldBlock }
        }
        guard value.state == .open || value.state == .ended else {
            return value.state == .handshake ? .wouldBlock : .failed(EPIPE)
        }
        let total = head.count + content.count
        // The writer has dropped what was not reported as sent.
        guard done <= total else { return .failed(EPROTO) }
        while done < total {
            let batch = Swift.min(TLSSession.batch, total - done)
            guard encrypt(head, content, from: done, count: batch) else {
                // Nothing of it may go out on another connection, which the output is shared with.
                value.ciphertext.value.output.removeAll()
                return .failed(EPROTO)
            }
            if let code = sendOutput(descriptor) { return .failed(code) }
            value.owed = Swift.min(batch, value.unsent.count)
            done += batch - value.owed
            if value.owed > 0 { break }
        }
        return done > 0 || total == 0 ? .bytes(done) : .wouldBlock
    }

    private func mute() {
        value.isMute = true
        value.unsent.release()
        value.owed = 0
    }

    /// Encrypts `count` bytes of the two pieces into `ciphertext.output` (SSL_write).
    private func encrypt(
        _ head: ByteView, _ content: ByteView, from start: Int, count: Int
    ) -> Bool {
        var offset = start
        while offset < start + count {
            let piece =
                offset < head.count
                ? head.dropFirst(offset) : content.dropFirst(offset - head.count)
            let length = Swift.min(piece.count, start + count - offset, TLSSession.record)
            let written = unsafe SSL_write(value.handle, piece.base, Int32(length))
            guard written == length else {
                // The output takes everything, so this is no want of room.
                value.state = .failed
                (value.failure, value.fault) = unsafe TLSFailure.take(value.handle)
                return false
            }
            offset += length
        }
        return true
    }

    /// Sends what has gathered in `ciphertext.output`, and keeps what the kernel does not take;
    /// the errno where the stream is broken.
    func sendOutput(_ descriptor: Int32) -> Int32? {
        let output = value.ciphertext.value.output.view
        guard !output.isEmpty else { return nil }
        defer { value.ciphertext.value.output.removeAll() }
        guard value.unsent.isEmpty else {
            value.unsent.append(output)
            return value.unsent.count > TLSSession.unsentLimit ? ENOBUFS : nil
        }
        switch Socket.send(descriptor, output) {
        case .bytes(let count): value.unsent.append(output.dropFirst(count))
        case .wouldBlock, .endOfStream, .truncated: value.unsent.append(output)
        case .failed(let code): return code
        }
        return nil
    }

    private func sendUnsent(_ descriptor: Int32) -> Int32? {
        switch Socket.send(descriptor, value.unsent.view) {
        case .bytes(let count): value.unsent.consume(count)
        case .wouldBlock, .endOfStream, .truncated: return nil
        case .failed(let code): return code
        }
        if value.unsent.isEmpty { value.unsent.release() }
        return nil
    }

    /// Tells the peer that nothing more comes (close_notify; SSL_shutdown), where it can be told
    /// at once.
    func sayEnd(_ descriptor: Int32) {
        guard value.state == .open || value.state == .ended, value.unsent.isEmpty, !value.isMute
        else { return }
        _ = unsafe SSL_shutdown(value.handle)
        ERR_clear_error()
        _ = sendOutput(descriptor)
    }
}
