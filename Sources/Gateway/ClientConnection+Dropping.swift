import HTTP1
import HTTPSyntax
import Transport

// Input from a client that nobody takes: content of a request that was answered without it, and
// whatever comes behind the last answer.

extension Ref<ClientConnection> {
    /// Drops what comes behind the last answer, as much as a client may have under way.
    func dropLingering(_ bytes: MutableByteView) -> Int {
        value.contentCount += UInt64(bytes.count)
        if value.contentCount > ClientConnection.lingerLimit { close() }
        return bytes.count
    }

    /// Drops content of a request that was answered here; past the limit the connection ends.
    func drainContent(_ bytes: MutableByteView) -> Int {
        let used: Int
        if value.content.isAwaitingTrailers {
            used = skipTrailers(bytes.view)
        } else {
            let progress = value.content.take(bytes, as: .discarded)
            if progress.error != nil {
                finish(.linger)
                return bytes.count
            }
            used = progress.consumed
        }
        guard value.phase == .draining else { return used }
        value.contentCount += UInt64(used)
        if value.content.isComplete {
            becomeIdle()
        } else if value.contentCount > ClientConnection.drainLimit {
            finish(.linger)
        } else {
            // A drain waits once.
            if !value.worker.value.isDraining { limitDrained() }
            value.worker.limitHold(self)
        }
        return used
    }

    private func skipTrailers(_ bytes: ByteView) -> Int {
        let worker = value.worker
        let (result, length) = TrailerSection.parse(
            bytes, into: &worker.value.request.fields, limits: worker.value.requestLimits)
        switch result {
        case .incomplete: return 0
        case .failed:
            finish(.linger)
            return bytes.count
        case .complete:
            value.content.trailersDone()
            return length
        }
    }
}
