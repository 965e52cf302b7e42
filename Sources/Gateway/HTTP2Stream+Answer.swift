import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// From an HTTP/1.1 answer to frames: heads become field sections, content is kept until the
// client's window has room for it, and what frames it in HTTP/1.1 goes.

extension Ref<ClientConnection> {
    /// Takes bytes of the answer, as many as there is room for; how many that were, or -1 where the
    /// stream is gone.
    func transmit(_ head: ByteView, _ content: ByteView) -> Int {
        guard let carried = value.carried, !carried.value.output.isClosed else { return -1 }
        carried.value.connection.wake()
        let used = accept(head, carried)
        guard used == head.count else { return used }
        let more = accept(content, carried)
        return more < 0 ? more : used + more
    }

    /// How many bytes were used, or -1 for what is no answer: waiting would not make it one.
    private func accept(_ bytes: ByteView, _ carried: Ref<HTTP2Stream>) -> Int {
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
            guard step >= 0 else { return -1 }
            guard step > 0 else { break }
            offset += step
        }
        return offset
    }

    // MARK: Head

    private func acceptHead(_ bytes: ByteView, _ carried: Ref<HTTP2Stream>) -> Int {
        // We have written it ourselves, whole.
        guard var head = WrittenHead(bytes) else { return -1 }
        let status = head.status
        let isSwitch = status == 101
        let worker = value.worker
        worker.value.answerFields.begin(status: isSwitch ? 200 : status)
        worker.listFields(&head, isSwitch: isSwitch)
        guard head.isWhole else { return -1 }
        if status < 200 && !isSwitch {
            carried.value.connection.value.session.interim(
                carried.value.output, worker.value.answerFields)
        } else {
            beginAnswer(status, isSwitch ? .untilClose : head.framing, carried)
        }
        return head.length
    }

    /// Passes a backend's head on as fields, without a text of it. False where it has to go as text:
    /// behind something that waits, or with lines of the gate's own.
    func answerInFields(_ head: ByteView) -> Bool {
        guard let carried = value.carried, carried.value.part == .head,
            !carried.value.output.isClosed, value.outbound.isEmpty, !value.isHeld
        else { return false }
        let worker = value.worker
        let options = worker.settleResponse(head, for: self)
        guard worker.value.extra.isEmpty else { return false }
        worker.listFields(head, options)
        beginAnswer(worker.value.response.status, worker.value.response.framing, carried)
        carried.value.connection.wake()
        return true
    }

    /// Content that came with a head that has just gone as fields: nothing waits before it.
    func sendBehindFields(_ content: ByteView) {
        guard let carried = value.carried, carried.value.part == .content,
            value.worker.value.response.framing == .length(UInt64(content.count)),
            content.count <= carried.value.output.room
        else { return send(.empty, content) }
        carried.value.part = .end
        carried.value.output.append(content)
        carried.value.connection.value.session.end(carried.value.output)
    }

    /// Hands the final answer in `answerFields` over.
    private func beginAnswer(
        _ status: Int, _ framing: BodyFraming, _ carried: Ref<HTTP2Stream>
    ) {
        let hasNone =
            carried.value.isHead || status == 204 || status == 304 || framing == .length(0)
        let framing = hasNone ? BodyFraming.none : framing
        carried.value.part = framing == .none ? .end : .content
        carried.value.reader = BodyReader(framing)
        carried.value.connection.value.session.answer(
            carried.value.output, value.worker.value.answerFields, hasContent: framing != .none)
    }

    // MARK: Content and trailers

    private func acceptContent(_ bytes: ByteView, _ carried: Ref<HTTP2Stream>) -> Int {
        let room = carried.value.output.room
        guard room > 0 else { return 0 }
        let piece = bytes.slice(0, min(room, bytes.count))
        var offset = 0
        while let data = carried.value.reader.nextData(in: piece, from: &offset) {
            carried.value.output.append(data)
        }
        let session = carried.value.connection
        if carried.value.reader.isAwaitingTrailers {
            carried.value.part = .trailers
        } else if carried.value.reader.isComplete {
            carried.value.part = .end
            session.value.session.end(carried.value.output)
            return offset
        }
        session.value.session.resume(carried.value.output)
        return offset
    }

    private func acceptTrailers(_ bytes: ByteView, _ carried: Ref<HTTP2Stream>) -> Int {
        let worker = value.worker
        let limits = HeadLimits(head: .max, target: .max, fields: .max)
        let (result, length) = TrailerSection.parse(
            bytes, into: &worker.value.answerHead.fields, limits: limits)
        guard result == .complete else { return result == .incomplete ? 0 : -1 }
        carried.value.part = .end
        carried.value.reader.trailersDone()
        // Without the empty line.
        carried.value.connection.value.session.end(
            carried.value.output, trailers: bytes.slice(0, length - 2))
        return length
    }

    // MARK: Room

    /// `writable` is to be called once there is room.
    func awaitRoom() {
        guard let carried = value.carried else { return }
        if carried.value.output.room >= StreamOutput.limit / 2 {
            enqueueToWrite()
        } else {
            carried.value.output.awaitRoom()
        }
    }

    /// There is room: the connection lets it write when it sends.
    func enqueueToWrite() {
        guard let carried = value.carried, !carried.value.isWaiting else { return }
        let connection = carried.value.connection
        carried.value.isWaiting = true
        carried.value.nextWaiting = connection.value.firstWaiting
        connection.value.firstWaiting = self
        connection.wake()
    }

    // MARK: Ends

    /// The answer has ended, as far as whoever wrote it is concerned.
    func finishAnswer() {
        guard let carried = value.carried, carried.value.part == .content else { return }
        carried.value.part = .end
        let connection = carried.value.connection
        connection.value.session.end(carried.value.output)
        connection.wake()
    }

    /// Request and answer are whole: nothing follows on this stream, which ends once the client has
    /// taken the answer. END_STREAM of counted content may stand in the very frame that is read now.
    func endStream() {
        switch value.carried?.value.content {
        // A tunnel that was refused among them.
        case .none?, .tunnel?: stopRequest()
        default: break
        }
        awaitReading()
    }

    /// What is left of the request is not wanted: the stream is reset once the answer has gone.
    func stopRequest() {
        guard let carried = value.carried else { return }
        let connection = carried.value.connection
        connection.value.session.endRequest(carried.value.output, carried.value.code)
        connection.wake()
    }

    /// Nothing is left to be done here: resets the stream unless it has ended.
    func leaveConnection(isCut: Bool) {
        guard let carried = value.carried else { return }
        let connection = carried.value.connection
        let isSilent = !isCut || carried.value.asksTunnel
        let code = carried.value.code
        connection.value.session.close(
            carried.value.output,
            code != .noError ? code : isSilent ? .cancel : .internalError)
        connection.unlink(self, carried)
        connection.wake()
    }
}

extension Ref<HTTP2Connection> {
    fileprivate func unlink(_ stream: Ref<ClientConnection>, _ carried: Ref<HTTP2Stream>) {
        let next = carried.value.next
        if let previous = carried.value.previous {
            previous.value.carried?.value.next = next
        } else {
            value.firstStream = next
        }
        next?.value.carried?.value.previous = carried.value.previous
        carried.value.next = nil
        carried.value.previous = nil
        if carried.value.isWaiting { stopWaiting(stream, carried) }
    }

    private func stopWaiting(_ stream: Ref<ClientConnection>, _ carried: Ref<HTTP2Stream>) {
        var before: Ref<HTTP2Stream>?
        var current = value.firstWaiting
        while let other = current, other != stream {
            before = other.value.carried
            current = before?.value.nextWaiting
        }
        if let before {
            before.value.nextWaiting = carried.value.nextWaiting
        } else {
            value.firstWaiting = carried.value.nextWaiting
        }
        carried.value.nextWaiting = nil
        carried.value.isWaiting = false
    }
}

extension Ref<Worker> {
    /// Puts what a client gets of the answer in `response` into `answerFields`.
    fileprivate func listFields(_ head: ByteView, _ options: HeadWriter.ResponseOptions) {
        value.answerFields.begin(status: value.response.status)
        let lines = AnswerLines(value.response, in: head, options: options)
        let count = value.response.fields.count
        var index = lines.next(from: 0, value.response.fields)
        while index < count {
            let line = value.response.fields[index]
            let text = head.slice(Int(line.valueOffset), Int(line.valueLength))
            if let name = line.name.fieldName, !line.isVariant {
                value.answerFields.add(name, text)
            } else {
                let isUnique = line.name == .xRequestID || line.name == .traceparent
                value.answerFields.add(
                    head.slice(Int(line.nameOffset), Int(line.nameLength)), text,
                    isUnique: isUnique)
            }
            index = lines.next(from: index &+ 1, value.response.fields)
        }
        if !value.response.fields.has(.date) { value.answerFields.add("date", dateText) }
    }

    /// Puts the fields of an answer into `answerFields`, less what HTTP/2 has frames for
    /// (RFC 9113 §8.2.2).
    fileprivate func listFields(_ head: inout WrittenHead, isSwitch: Bool) {
        while let line = head.next() {
            switch line.known {
            case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade,
                .http2Settings:
                continue
            case .other
            where isSwitch && line.name.equalsIgnoringCase(ByteView("sec-websocket-accept")):
                continue
            default:
                value.answerFields.add(
                    line.name, line.value, isUnique: line.known == .methodgateEvent)
            }
        }
    }
}
