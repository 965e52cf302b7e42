import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// From frames to an HTTP/1.1 answer: what the session tells of a stream. The functions that it calls
// run inside of a callback of nghttp2, while it reads or writes.

extension ClientHandlers {
    static var ofGateway: ClientHandlers {
        unsafe ClientHandlers(
            answer: answerArrived, problem: answerRefused, closed: streamClosed, room: roomArrived)
    }
}

private func answerArrived(
    _ owner: UnsafeMutableRawPointer, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int
) {
    let view = unsafe MutableByteView(base: bytes, count: count)
    unsafe Ref<UpstreamConnection>(context: owner).takeAnswer(view)
}

private func answerRefused(_ owner: UnsafeMutableRawPointer, _ problem: UInt8) {
    unsafe Ref<UpstreamConnection>(context: owner).refuseAnswer(
        AnswerProblem(rawValue: problem) ?? .statusMissing)
}

private func streamClosed(_ owner: UnsafeMutableRawPointer, _ loss: UInt8) {
    let stream = unsafe Ref<UpstreamConnection>(context: owner)
    switch StreamLoss(rawValue: loss) {
    case .unprocessed?: stream.streamEnded(.unprocessed, .refused)
    case .reset?: stream.streamEnded(.processed, .reset)
    case .broken?, nil: stream.streamEnded(.processed, .broken(.frames))
    }
}

private func roomArrived(_ owner: UnsafeMutableRawPointer) {
    unsafe Ref<UpstreamConnection>(context: owner).wait()
}

extension Ref<UpstreamConnection> {
    /// Bytes of the answer have come: they are processed, or kept while the client takes nothing.
    fileprivate func takeAnswer(_ bytes: MutableByteView) {
        guard value.phase != .closed else { return }
        if value.inbound.isEmpty && !isPaused {
            take(bytes, continuing: false)
            acknowledge()
        } else {
            value.inbound.append(bytes.view)
            resumeAnswer()
        }
    }

    /// Goes on with what was kept.
    func resumeAnswer() {
        guard value.phase == .busy, !isPaused else { return }
        if !value.inbound.isEmpty { keepLeftover(process(value.inbound.mutableView)) }
        acknowledge()
    }

    private var isPaused: Bool { value.client?.value.hasPausedUpstream ?? false }

    /// Lets the backend send as much again as has been used.
    private func acknowledge() {
        guard value.phase == .busy, let carried = value.carried, !carried.value.hasLeft else {
            return
        }
        carried.value.session.value.frames.acknowledge(
            carried.value.stream, keeping: value.inbound.count)
    }

    fileprivate func refuseAnswer(_ problem: AnswerProblem) {
        if let client = value.client { client.upstreamBrokeFrames(problem) }
        close()
    }
}
