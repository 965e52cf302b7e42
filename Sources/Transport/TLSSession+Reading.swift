internal import COpenSSL
internal import Glibc
import HTTPSyntax

// From the socket to the reader: the handshake, then content. What the reader has no room for
// waits as ciphertext, and nothing more is received before it is read.

extension Ref<TLSSession> {
    /// What a step of the handshake came to.
    package enum Handshake: Equatable {
        case complete
        /// The peer has to say more.
        case pending
        /// The first bytes are text: no TLS at all, but a request by its look. They are kept.
        case plaintext
        /// It has failed (`failure`), or the peer is gone.
        case failed
    }

    /// Goes on with the handshake (SSL_do_handshake); what the peer is told waits in
    /// `ciphertext.output`.
    func shakeHands(_ descriptor: Int32) -> Handshake {
        if !value.kept.isEmpty {
            value.window = value.kept.view
            let step = handshakeStep()
            keepWindow()
            if step != .pending { return step }
        }
        if !value.isServer, !value.hasInput {
            // The client speaks first.
            value.hasInput = true
            let step = handshakeStep()
            if step != .pending { return step }
        }
        while true {
            let room = value.ciphertext.value.readSpace
            switch Socket.receive(descriptor, into: room) {
            case .bytes(let count):
                value.window = room.view.slice(0, count)
                let step = handshakeStep()
                keepWindow()
                if step != .pending { return step }
            case .wouldBlock: return .pending
            case .endOfStream, .truncated:
                return fail("the peer closed the connection during the handshake")
            case .failed: return broke()
            }
        }
    }

    private func handshakeStep() -> Handshake {
        if value.isServer, !value.hasInput, !value.window.isEmpty {
            value.hasInput = true
            if TLSSession.looksLikeText(value.window[0]) { return .plaintext }
        }
        TLSFailure.forgetOthers()
        let result = unsafe SSL_do_handshake(value.handle)
        guard result != 1 else {
            value.state = .open
            watchMessages()
            return .complete
        }
        return isWaiting(result) ? .pending : .failed
    }

    /// The stream has failed under it.
    func broke() -> Handshake { fail("the connection broke during the handshake") }

    private func fail(_ reason: StaticString) -> Handshake {
        value.state = .failed
        value.failure = ByteView(reason)
        value.fault = .closed
        return .failed
    }

    /// Whether OpenSSL only wants more input. What it said otherwise becomes the state.
    private func isWaiting(_ result: Int32) -> Bool {
        switch unsafe SSL_get_error(value.handle, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return true
        case SSL_ERROR_ZERO_RETURN:
            value.state = .ended
            return false
        default:
            value.state = .failed
            (value.failure, value.fault) = unsafe TLSFailure.take(value.handle)
            return false
        }
    }

    /// Reads what has come, as recv(2) would; `.truncated` where the stream ended and the session
    /// had not.
    func receive(_ descriptor: Int32, into space: MutableByteView) -> IOResult {
        value.mayHoldMore = false
        value.arrival = 0
        if value.hasPending || !value.kept.isEmpty {
            value.window = value.kept.view
            let count = decrypt(descriptor, into: space)
            keepWindow()
            // The edge that had the stream read may have told of bytes on the socket: only a read of
            // that one drains it.
            value.mayHoldMore = true
            if count > 0 { return .bytes(count) }
        }
        for _ in 0..<TLSSession.vainReads {
            switch value.state {
            case .ended: return .endOfStream
            case .failed, .handshake: return .failed(EPROTO)
            case .open: break
            }
            let room = value.ciphertext.value.readSpace
            value.mayHoldMore = false
            switch take(descriptor, into: room) {
            case .bytes(let received):
                value.mayHoldMore = received == room.count
                value.window = room.view.slice(0, received)
                let count = decrypt(descriptor, into: space)
                keepWindow()
                if count > 0 { return .bytes(count) }
            case .wouldBlock: return .wouldBlock
            case .endOfStream, .truncated: return .truncated
            case .failed(let code): return .failed(code)
            }
        }
        value.mayHoldMore = true
        return .wouldBlock
    }

    private func take(_ descriptor: Int32, into room: MutableByteView) -> IOResult {
        guard value.notesArrival else { return Socket.receive(descriptor, into: room) }
        let (result, arrival) = Socket.receiveNoting(descriptor, into: room)
        value.arrival = arrival
        return result
    }

    /// Decrypts the window as far as there is room (SSL_read); how many bytes that gave.
    private func decrypt(_ descriptor: Int32, into space: MutableByteView) -> Int {
        var filled = 0
        while filled < space.count, value.hasPending || !value.window.isEmpty {
            value.hasPending = false
            let room = Int32(clamping: space.count - filled)
            TLSFailure.forgetOthers()
            let count = unsafe SSL_read(value.handle, space.base + filled, room)
            guard count > 0 else {
                if !isWaiting(count) { value.window = .empty }
                break
            }
            filled += Int(count)
            value.hasPending = unsafe filled == space.count && SSL_pending(value.handle) > 0
        }
        value.content &+= UInt64(filled)
        if value.isFlooded { refuseMessages() }
        if value.hasPending || !value.window.isEmpty || value.state != .open {
            value.mayHoldMore = true
        }
        // Answers to key updates, and alerts.
        if !value.ciphertext.value.output.isEmpty, sendOutput(descriptor) != nil {
            value.state = .failed
            value.mayHoldMore = true
        }
        return filled
    }

    /// Keeps what the window still holds, since its buffer is about to be used again.
    private func keepWindow() {
        let rest = value.window
        value.window = .empty
        if value.kept.isEmpty {
            value.kept.append(rest)
        } else {
            // The window was of `kept` itself: its rest is the end of it.
            value.kept.consume(value.kept.count - rest.count)
            if value.kept.isEmpty { value.kept.release() }
        }
    }
}

extension TLSSession {
    /// Whether a peer that begins so does not speak TLS but asks for something in plain HTTP, be it
    /// behind empty lines (RFC 9112 §2.2): no record's type (RFC 8446 §5.1) is such a byte.
    static func looksLikeText(_ first: UInt8) -> Bool {
        (0x21...0x7e).contains(first) || first == 0x0d || first == 0x0a
    }
}
