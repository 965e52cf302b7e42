import Configuration
import HTTP2
import HTTPSyntax
import Transport

// Output of a connection to a backend that speaks HTTP/2: what its streams have to send leaves at
// the end of the iteration, all of it together. Its time is here too, which starts once it has
// nothing left to send.

extension Ref<UpstreamSession> {
    /// There is something to send, or to be looked after: at the end of the iteration, so that the
    /// frames of all streams leave in as few calls as can be.
    func wake() {
        guard !value.isWoken else { return }
        value.isWoken = true
        value.worker.value.wokenSessions.append(self)
        value.worker.value.hasWoken = true
    }

    /// The kernel has room, or a connection attempt is decided.
    func writable() {
        value.worker.refreshClock()
        if value.phase == .connecting { finishConnecting() }
        guard value.phase == .open else { return }
        sendKept()
        wake()
    }

    private func sendKept() {
        switch value.stream.send(value.outbound.view) {
        case .bytes(let count): value.outbound.consume(count)
        case .wouldBlock, .endOfStream, .truncated: break
        case .failed: return mute()
        }
        guard value.outbound.isEmpty else {
            value.stream.startWriting()
            return
        }
        value.outbound.release()
        value.stream.stopWriting()
    }

    /// Sending has failed: frames that are lost cannot be made up for by others. No edge may tell of
    /// the end any more.
    private func mute() {
        value.isMute = true
        value.isRetired = true
        value.outbound.release()
        value.stream.stopWriting()
        value.stream.readAgain()
    }

    /// Lets streams do what they waited for, and sends what there is.
    func flush() {
        value.isWoken = false
        while value.phase == .open {
            while let stream = takeWaiting() { stream.attend() }
            guard value.phase == .open else { return }
            guard value.outbound.isEmpty else { break }
            guard sendFrames() else { break }
        }
        guard value.phase == .open else { return }
        if value.frames.isOver {
            close()
        } else if value.firstStream == nil, value.isRetired || value.pool.value.isRetired {
            leave()
        } else {
            limit()
        }
    }

    /// Whether there may be more to send.
    func sendFrames() -> Bool {
        guard !value.isMute else { return false }
        let worker = value.worker
        worker.value.frames.removeAll()
        guard value.frames.send(into: &worker.value.frames, limit: UpstreamSession.batch) else {
            close()
            return false
        }
        guard value.phase == .open else { return false }
        guard !worker.value.frames.isEmpty else { return value.firstWaiting != nil }
        let bytes = worker.value.frames.view
        var sent = 0
        switch value.stream.send(bytes) {
        case .bytes(let count): sent = count
        case .wouldBlock, .endOfStream, .truncated: break
        case .failed:
            mute()
            return false
        }
        guard sent < bytes.count else { return true }
        value.outbound.append(bytes.dropFirst(sent))
        value.stream.startWriting()
        return false
    }

    private func takeWaiting() -> Ref<UpstreamConnection>? {
        guard let stream = value.firstWaiting, let carried = stream.value.carried else {
            return nil
        }
        value.firstWaiting = carried.value.nextWaiting
        carried.value.nextWaiting = nil
        carried.value.isWaiting = false
        return stream
    }

    // MARK: Time

    /// Without a stream the connection is kept for `upstream_idle`; the time of requests that run
    /// is kept with each.
    private func limit() {
        guard value.firstStream == nil else {
            if value.isIdle { value.deadline.clear() }
            value.isIdle = false
            return
        }
        guard !value.isIdle else { return }
        value.isIdle = true
        value.deadline.set(value.worker.value.use.value.timeouts.upstreamIdle)
        value.frames.releaseStorage()
    }

    /// It was not connected in time, or has been idle.
    func expired() {
        value.worker.refreshClock()
        switch value.phase {
        case .connecting: fail(.connectTimeout)
        case .open: if value.firstStream == nil { leave() }
        case .closed: break
        }
    }

    /// A backend that said nothing on any stream for as long as this one waited for its answer may
    /// be gone without a word, and one whose field section does not end lets nothing else through:
    /// what comes next goes on another connection.
    func streamTimedOut(after milliseconds: Int) {
        let now = value.worker.value.wheel.value.now
        if value.received &+ UInt64(milliseconds) <= now || value.frames.isInSection { retire() }
    }
}
