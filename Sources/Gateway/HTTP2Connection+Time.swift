import Configuration
import HTTP2
import HTTPSyntax
import Transport

// What a client of HTTP/2 owes limits its time: the rest of a field section, or a request at all.
// The time of requests that run is kept with each.

extension Ref<HTTP2Connection> {
    /// Sets the connection's deadline by what it is about now.
    func limit() {
        let client = value.client
        noteSection()
        guard client.value.phase == .frames, client.value.outbound.isEmpty,
            value.end != .announced
        else { return }
        let timeouts = worker.value.use.value.timeouts
        if value.session.isInSection {
            if !value.limitsHead { limitSection() }
        } else if value.session.streamCount > 0 {
            if value.limitsHead || value.isIdle { client.value.deadline.clear() }
            value.limitsHead = false
            value.isIdle = false
        } else if !value.isIdle {
            // Set once, and not by whatever else comes: a PING is no request.
            client.value.deadline.set(timeouts.clientIdle)
            value.limitsHead = false
            value.isIdle = true
            value.session.releaseBlock()
        }
    }

    /// A field section has its time from its beginning, whatever else holds up the connection.
    private func noteSection() {
        guard value.session.isInSection, value.session.sectionCount != value.section else { return }
        value.section = value.session.sectionCount
        value.sectionDue =
            worker.value.wheel.value.now
            + UInt64(worker.value.use.value.timeouts.clientHead)
        value.limitsHead = false
    }

    /// What is left of its time begins to run, or has run out while something else was waited for.
    private func limitSection() {
        value.limitsHead = true
        value.isIdle = false
        let now = worker.value.wheel.value.now
        guard now < value.sectionDue else {
            sectionExpired()
            return
        }
        value.client.value.deadline.set(Int(value.sectionDue - now))
    }

    private func sectionExpired() {
        guard value.session.endCode == nil else { return }
        value.client.recordUnanswered("the head did not arrive in time")
        value.session.terminate(.enhanceYourCalm)
        wake()
    }

    /// The client has taken what waited for it: its time is about something else again.
    func limitAgain() {
        value.limitsHead = false
        value.isIdle = false
        guard value.end != .announced else {
            let now = worker.value.wheel.value.now
            value.client.value.deadline.set(Int(max(1, value.knownAt - min(now, value.knownAt))))
            return
        }
        value.client.value.deadline.clear()
        limit()
    }

    /// A deadline of the connection has passed.
    func expired() {
        if value.end == .announced {
            refuseNewStreams()
        } else if value.session.isInSection {
            sectionExpired()
        } else {
            refuseNewStreams()
        }
    }
}
