package import HTTPSyntax

// What all kinds of connections talk through: a descriptor, its two registrations with the loop, and
// TLS over it where there is any; or a stream that another connection carries among others. It knows
// no HTTP.

/// A connected, non-blocking stream: who holds it reads, writes and closes only here.
///
/// `receive` and `send` mean what recv(2) and send(2) mean, with TLS too: what `send` has not
/// reported is to be handed over again, at the front of the next call.
package struct ByteStream: ~Copyable {
    /// -1 once it is closed, and of a carried stream.
    package private(set) var descriptor: Int32
    private var readEvent: Event
    private var writeEvent: Event
    /// Owned; nil for a plain stream.
    package private(set) var tls: Ref<TLSSession>?
    /// Nil for a stream with a descriptor of its own.
    private var carrier: StreamCarrier?
    /// `close` is to be a reset.
    package private(set) var isCut = false

    /// Takes `descriptor` over; nothing is watched yet. Both callbacks get `context`.
    package init(
        _ descriptor: Int32, on base: EventBase, readable: EventCallback, writable: EventCallback,
        context: UnsafeMutableRawPointer
    ) {
        self.descriptor = descriptor
        readEvent = unsafe .streamRead(base, descriptor, readable, context)
        writeEvent = unsafe .streamWrite(base, descriptor, writable, context)
    }

    /// A stream that `carrier` carries: its input is handed to whoever holds it, not read here.
    package init(carriedBy carrier: StreamCarrier) {
        descriptor = -1
        readEvent = .unwatched
        writeEvent = .unwatched
        self.carrier = carrier
    }

    // MARK: Reading

    /// Input is watched for: `readable` is called, edge-triggered.
    package var isReading: Bool { readEvent.isAdded }

    /// Watches for input; what is there already counts as new.
    package mutating func startReading() {
        guard !readEvent.isAdded else { return }
        readEvent.add()
        if let tls, tls.holdsInput { readEvent.activate() }
    }

    package mutating func stopReading() { readEvent.remove() }

    /// Has `readable` called once more, after others have had their turn.
    package mutating func readAgain() {
        readEvent.rearm()
        if let tls, tls.holdsInput { readEvent.activate() }
    }

    /// Has `readable` called in the next round whatever has come: there is more to do with what was
    /// read.
    package mutating func readInNextRound() {
        readEvent.add()
        readEvent.activate()
    }

    /// Reads what has come, at most what `space` holds, which is not empty.
    package mutating func receive(into space: MutableByteView) -> IOResult {
        guard let tls else { return Socket.receive(descriptor, into: space) }
        return receive(tls, into: space)
    }

    @inline(never)
    private mutating func receive(_ tls: Ref<TLSSession>, into space: MutableByteView) -> IOResult {
        let result = tls.receive(descriptor, into: space)
        if tls.hasUnsent { writeEvent.add() }
        // Much came that was nothing for the reader: the rest after others have had their turn.
        if case .wouldBlock = result, tls.value.mayHoldMore, readEvent.isAdded {
            readEvent.activate()
        }
        return result
    }

    /// `receive`, and when the newest of the bytes came: nanoseconds since 1970, 0 where nobody
    /// knows.
    package mutating func receiveNoting(
        into space: MutableByteView
    ) -> (result: IOResult, arrival: Int64) {
        guard let tls else { return Socket.receiveNoting(descriptor, into: space) }
        tls.value.notesArrival = true
        defer { tls.value.notesArrival = false }
        let result = receive(tls, into: space)
        return (result, tls.value.arrival)
    }

    /// Whether bytes have come that nobody has read, or the peer's end; with TLS they may turn out
    /// to be none for the reader.
    package var hasInput: Bool {
        if carrier != nil { return false }
        if let tls, tls.holdsInput { return true }
        return Socket.hasInput(descriptor)
    }

    /// Whether a read that brought `count` bytes into `space` may have left some behind.
    @inline(__always) package func mayHoldMore(after count: Int, in space: MutableByteView) -> Bool
    {
        guard let tls else { return count == space.count }
        return tls.value.mayHoldMore
    }

    /// Whether nothing has come on a stream that should be silent.
    package var isSilent: Bool { !holdsInput && Socket.isSilent(descriptor) }

    /// Whether bytes that have been received wait for the reader, of which the socket knows nothing.
    @inline(__always) package var holdsInput: Bool { tls?.holdsInput ?? false }

    // MARK: Writing

    /// Calls `writable` once there is room.
    package mutating func startWriting() {
        writeEvent.add()
        carrier?.startWriting()
    }

    /// All output has gone. TLS may still have some of its own, for which `writable` is called and
    /// `send` does its part without bytes, too.
    package mutating func stopWriting() {
        if let tls, tls.hasUnsent { return }
        writeEvent.remove()
    }

    /// Sends what there is room for; how much that was.
    package func send(_ bytes: ByteView) -> IOResult {
        if let carrier { return carrier.send(bytes, .empty) }
        guard let tls else { return Socket.send(descriptor, bytes) }
        return tls.send(descriptor, bytes, .empty)
    }

    /// Sends two pieces in one call; either may be empty.
    package func send(_ head: ByteView, _ content: ByteView) -> IOResult {
        if let carrier { return carrier.send(head, content) }
        guard let tls else { return Socket.send(descriptor, head, content) }
        return tls.send(descriptor, head, content)
    }

    /// Ends our side, so that the peer sees its end; all output has gone.
    package func finishWriting() {
        if let carrier { return carrier.finishWriting() }
        tls?.sayEnd(descriptor)
        Socket.shutdownWrite(descriptor)
    }

    /// Bytes that the kernel, or the carrier, has taken and the peer has not.
    package var queuedBytes: Int { carrier?.queuedBytes ?? Socket.queuedBytes(descriptor) }

    // MARK: TLS

    /// What is read from now on is TLS, `received` its first bytes. Then `shakeHands` until it is
    /// complete.
    package mutating func begin(_ session: Ref<TLSSession>, received: ByteView = .empty) {
        session.value.kept.append(received)
        tls = session
        if !received.isEmpty, readEvent.isAdded { readEvent.activate() }
    }

    /// A handshake has begun and is not complete.
    package var isShakingHands: Bool { tls?.isShakingHands ?? false }

    /// Goes on with the handshake; to be called whenever the stream is readable.
    package mutating func shakeHands() -> Ref<TLSSession>.Handshake {
        guard let tls else { return .complete }
        let step = tls.shakeHands(descriptor)
        // What has failed already keeps its reason, though nobody may hear of it.
        if tls.sendOutput(descriptor) != nil, step != .failed { return tls.broke() }
        if tls.hasUnsent { writeEvent.add() }
        return step
    }

    /// After `Handshake.plaintext`: goes on without TLS; what has come is put into `buffer`.
    package mutating func dropTLS(into buffer: inout ByteBuffer) {
        guard let session = tls else { return }
        buffer.append(session.value.kept.view)
        tls = nil
        session.destroy()
    }

    /// Goes on without TLS; what has come and was not read is dropped.
    package mutating func dropTLS() {
        guard let session = tls else { return }
        tls = nil
        session.destroy()
    }

    // MARK: Ends

    /// The error that a failed attempt to connect has left; 0 where it succeeded.
    package var pendingError: Int32 { Socket.pendingError(descriptor) }

    /// Makes the coming `close` a reset, so that the peer cannot take a cut stream for a whole one.
    package mutating func resetOnClose() {
        if carrier == nil { Socket.resetOnClose(descriptor) }
        isCut = true
    }

    /// Closes, with TLS' own end unless it was to be a reset. Nothing is read or sent after it.
    package mutating func close() {
        if let descriptor = abandon() { Socket.close(descriptor) }
    }

    /// Likewise, but for close(2) itself: the descriptor is the caller's, for nothing else. Nil of a
    /// stream that has none.
    package mutating func abandon() -> Int32? {
        if let carrier {
            carrier.close(isCut)
            self.carrier = nil
        }
        guard descriptor >= 0 else { return nil }
        defer { descriptor = -1 }
        readEvent.remove()
        writeEvent.remove()
        if let session = tls {
            if !isCut { session.sayEnd(descriptor) }
            tls = nil
            session.destroy()
        }
        return descriptor
    }
}
