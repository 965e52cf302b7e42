import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// From an HTTP/1.1 request, as the gate writes it, to frames: the head becomes a field section,
// content is kept until the backend's window has room for it, and what frames it in HTTP/1.1 goes.

extension Ref<UpstreamConnection> {
    /// Takes bytes of the request, as many as there is room for; how many that were, or -1 where
    /// the stream is gone.
    func transmit(_ head: ByteView, _ content: ByteView) -> Int {
        guard let carried = value.carried, !carried.value.hasLeft,
            !carried.value.stream.output.isClosed
        else { return -1 }
        carried.value.session.wake()
        let used = accept(head, carried)
        guard used == head.count else { return used }
        return used + accept(content, carried)
    }

    private func accept(_ bytes: ByteView, _ carried: Ref<UpstreamStream>) -> Int {
        var offset = 0
        while offset < bytes.count {
            let rest = bytes.dropFirst(offset)
            let step: Int
            switch carried.value.part {
            case .head: step = acceptHead(rest, carried)
            case .content: step = acceptContent(rest, carried)
            case .trailers: step = acceptTrailers(rest, carried)
            case .end: return bytes.count
            }
            guard step > 0 else { break }
            offset += step
        }
        return offset
    }

    // MARK: Head

    /// We have written it ourselves, whole.
    private func acceptHead(_ bytes: ByteView, _ carried: Ref<UpstreamStream>) -> Int {
        let worker = value.worker
        let session = carried.value.session
        let limits = HeadLimits(head: .max, target: .max, fields: .max)
        let result = RequestParser.parse(bytes, into: &worker.value.sentHead, limits: limits)
        session.value.unsubmitted -= 1
        let framing = worker.value.sentHead.framing
        carried.value.part = framing.isNone ? .end : .content
        carried.value.reader = BodyReader(framing)
        let scheme: StaticString = value.pool.value.tls == nil ? "http" : "https"
        let isOpen =
            result == .complete && worker.listRequestFields(bytes, scheme: scheme)
            && session.value.frames.request(
                carried.value.stream, worker.value.sentFields,
                isHead: worker.value.sentHead.method == .head, hasContent: !framing.isNone)
        guard isOpen else {
            carried.value.isRefused = true
            carried.value.part = .end
            wait()
            return bytes.count
        }
        return worker.value.sentHead.length
    }

    // MARK: Content and trailers

    private func acceptContent(_ bytes: ByteView, _ carried: Ref<UpstreamStream>) -> Int {
        let room = carried.value.stream.output.room
        guard room > 0 else { return 0 }
        let piece = bytes.slice(0, Swift.min(room, bytes.count))
        var offset = 0
        while let data = carried.value.reader.nextData(in: piece, from: &offset) {
            carried.value.stream.output.append(data)
        }
        let session = carried.value.session
        if carried.value.reader.isAwaitingTrailers {
            carried.value.part = .trailers
        } else if carried.value.reader.isComplete {
            carried.value.part = .end
            session.value.frames.end(carried.value.stream)
            return offset
        }
        session.value.frames.resume(carried.value.stream)
        return offset
    }

    private func acceptTrailers(_ bytes: ByteView, _ carried: Ref<UpstreamStream>) -> Int {
        let worker = value.worker
        let limits = HeadLimits(head: .max, target: .max, fields: .max)
        let (result, length) = TrailerSection.parse(
            bytes, into: &worker.value.sentHead.fields, limits: limits)
        guard result != .incomplete else { return 0 }
        guard result == .complete else {
            // There is always room for what the gate has written; the head may have gone.
            carried.value.isRefused = true
            carried.value.part = .end
            wait()
            return bytes.count
        }
        carried.value.part = .end
        carried.value.reader.trailersDone()
        // Without the empty line.
        carried.value.session.value.frames.end(
            carried.value.stream, trailers: bytes.slice(0, length - 2))
        return length
    }

    // MARK: Room

    /// `writable` is to be called once there is room.
    func awaitRoom() {
        guard let carried = value.carried, !carried.value.hasLeft else { return }
        carried.value.wantsRoom = true
        if carried.value.stream.output.room >= StreamOutput.limit / 2 {
            wait()
        } else {
            carried.value.stream.output.awaitRoom()
        }
    }

    /// There is something to do once the iteration ends: `attend`.
    func wait() {
        guard let carried = value.carried, !carried.value.isWaiting else { return }
        guard !carried.value.hasLeft else {
            value.worker.value.wokenUpstreams.append(self)
            value.worker.value.hasWoken = true
            return
        }
        let session = carried.value.session
        carried.value.isWaiting = true
        carried.value.nextWaiting = session.value.firstWaiting
        session.value.firstWaiting = self
        session.wake()
    }

    /// Does what it waited for: goes on writing, or reading, or says that no stream was to be had.
    func attend() {
        guard let carried = value.carried, value.phase != .closed else { return }
        if carried.value.isRefused {
            return streamEnded(carried.value.stream.isSent ? .processed : .unprocessed)
        }
        resumeAnswer()
        guard value.phase == .busy, carried.value.wantsRoom else { return }
        carried.value.wantsRoom = false
        writable()
    }
}

extension Ref<Worker> {
    /// Puts the fields of the request in `sentHead` into `sentFields`, less what HTTP/2 has frames
    /// for (RFC 9113 §8.2.2); false where they do not fit.
    fileprivate func listRequestFields(_ head: ByteView, scheme: StaticString) -> Bool {
        let target = value.sentHead.target
        value.sentFields.begin(
            method: head.slice(0, value.sentHead.methodLength), scheme: scheme,
            path: head.slice(target.offset, target.length),
            authority: head.slice(value.sentHead.hostOffset, value.sentHead.hostLength))
        for index in 0..<value.sentHead.fields.count {
            let line = value.sentHead.fields[index]
            switch line.name {
            case .host, .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade,
                .http2Settings:
                if !line.isVariant { continue }
            default: break
            }
            let isAdded = value.sentFields.add(
                head.slice(Int(line.nameOffset), Int(line.nameLength)),
                head.slice(Int(line.valueOffset), Int(line.valueLength)))
            guard isAdded else { return false }
        }
        return true
    }
}
