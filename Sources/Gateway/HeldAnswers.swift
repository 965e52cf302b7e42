import Audit
import Configuration
import HTTPSyntax
import Transport

// Answers of the gate that wait for their records: each is let go when the log has its record, or
// taken back where it never will have it. What a client is answered is what the record says.

/// An answer of a client whose output waits.
struct HeldAnswer: BitwiseCopyable {
    let client: Ref<ClientConnection>
    /// Where its record ends, in bytes of the worker's stream.
    var recordEnd: UInt64
    /// Bytes of the client's `outbound` before it, and its form.
    let start: Int
    let form: AnswerForm
    /// Bytes of the client's access lines that wait before its own.
    let noted: Int
}

extension Ref<Worker> {
    /// Holds a client's output back, or lets it go where its record was dropped.
    func holdUnlessDropped(_ client: Ref<ClientConnection>) {
        if value.log.dropsNow { client.value.stream.startWriting() } else { hold(client) }
    }

    /// Holds a client's output back until the record appended last is in the log; the answer to it
    /// is from `heldFrom` on.
    func hold(_ client: Ref<ClientConnection>) {
        let end = value.log.stream.position
        guard !client.value.isHeld || client.value.recordEnd != end else { return }
        client.value.recordEnd = end
        client.value.isHeld = true
        value.log.held.append(
            HeldAnswer(
                client: client, recordEnd: end, start: client.value.heldFrom,
                form: client.value.heldForm, noted: client.value.note?.value.waiting.count ?? 0))
    }

    /// A client that waits for a log that takes nothing waits no longer than `timeouts.log`.
    func limitHold(_ client: Ref<ClientConnection>) {
        guard client.value.isHeld, value.log.isStuck, client.value.phase != .closed else { return }
        client.value.deadline.set(value.use.value.timeouts.log)
        // Once the answer has gone, time is limited by what the client does next again.
        client.value.queued = Swift.max(1, client.value.queued)
    }

    /// Lets go of the clients that wait for nothing but records that the log now holds, or never
    /// will. A client's last answer lets go of all; it is in the list once then.
    func releaseSettled() {
        let mayNeverCome = value.log.isFull && value.log.onFull == .drop
        let settled = mayNeverCome ? UInt64.max : value.log.stream.settledPosition
        var kept = 0
        var index = 0
        while index < value.log.held.count {
            let answer = value.log.held[index]
            let client = answer.client
            index += 1
            if answer.recordEnd > settled && client.value.phase != .closed {
                value.log.held[kept] = answer
                kept += 1
            } else if answer.recordEnd != client.value.recordEnd {
                continue
            } else if client.value.phase == .closed {
                client.value.isHeld = false
                value.closedClients.append(client)
            } else {
                client.release()
            }
        }
        value.log.held.removeLast(value.log.held.count - kept)
    }

    /// `on_full: refuse`: of each client the first answer whose record is dropped becomes a 503,
    /// which is its last. What is recorded goes before that, and so does, once the rest of its
    /// record is written, the one whose record the log was full in the middle of.
    func refuseDropped(wasFull: Bool) {
        releaseSettled()
        let end = value.log.stream.position
        var rest: [HeldAnswer] = []
        for answer in value.log.held {
            let client = answer.client
            if answer.recordEnd <= end || client.value.phase == .closed {
                rest.append(answer)
                if !wasFull { limitHold(client) }
            } else if client.value.recordEnd > end {
                let waits = rest.first.map { $0.client == client && $0.recordEnd == end } ?? false
                client.value.recordEnd = waits ? end : 0
                client.refuseHeld(from: answer)
                if waits { continue }
                rest.append(answer)
                rest[rest.count - 1].recordEnd = 0
            }
        }
        value.log.held = rest
    }
}
