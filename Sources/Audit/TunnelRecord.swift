// What the block log says of a tunnel: that it began, and what came of it. Nobody judges what
// passes through it, so these two lines are all there is.

package import HTTPSyntax
package import Policy

/// The start or the end of one tunnel. The views are borrowed for the duration of the call.
@safe package struct TunnelRecord {
    /// What is known once a tunnel has ended.
    package struct Outcome: Sendable {
        /// From its start, in nanoseconds.
        package var duration: UInt64
        /// Bytes that the client sent, and the backend.
        package var fromClient: UInt64
        package var fromBackend: UInt64

        package init(duration: UInt64, fromClient: UInt64, fromBackend: UInt64) {
            self.duration = duration
            self.fromClient = fromClient
            self.fromBackend = fromBackend
        }
    }

    package var time: Timestamp
    /// The same for both records of a tunnel.
    package var eventID: EventID
    /// The request that asked for it.
    package var request: RequestFields
    /// Nil: it begins.
    package var outcome: Outcome?
    /// `event.reason`: why it has ended.
    package var reason: ByteView = .empty
    /// The rule that the raw path found, which grants it.
    package var facts: RuleFacts?
    /// The backend's address as text; empty leaves it out.
    package var upstream: ByteView = .empty
    /// The policy that granted it, 64 hexadecimal digits; empty: the stream's current one.
    package var policyDigest: ByteView = .empty

    /// A record of a start; with an `outcome`, of an end.
    package init(at time: Timestamp, id eventID: EventID, request: RequestFields) {
        self.time = time
        self.eventID = eventID
        self.request = request
    }
}

extension AuditStream {
    /// Encodes and seals a record. Allocates nothing once the queue has its size.
    package func append(_ record: borrowing TunnelRecord) {
        reportDrops(at: record.time)
        state.append(record)
    }
}

extension StreamState {
    fileprivate mutating func append(_ record: borrowing TunnelRecord) {
        position += encoder.append(
            record, policyDigest: policyDigest.view, sealedBy: &chain, to: &queue.lines)
    }
}

extension RecordEncoder {
    /// Appends a whole line and returns its length.
    fileprivate mutating func append(
        _ record: borrowing TunnelRecord, policyDigest: ByteView,
        sealedBy chain: inout HashChain, to lines: inout ByteBuffer
    ) -> UInt64 {
        let start = lines.count
        begin(at: record.time, in: &lines)
        chain.appendNumber(to: &lines)
        append(record, policyDigest: policyDigest, to: &lines)
        chain.seal(from: start, observer: observer.view, in: &lines)
        return UInt64(lines.count - start)
    }

    /// All between the number and who writes.
    private func append(
        _ record: borrowing TunnelRecord, policyDigest: ByteView, to line: inout ByteBuffer
    ) {
        line.append(",\"event.id\":\"")
        record.eventID.append(to: &line)
        line.append(
            """
            ","event.kind":"event","event.category":["network"],"event.type":["connection",
            """)
        line.append(
            record.outcome == nil
                ? "\"start\"],\"event.action\":\"tunnel-started\""
                : "\"end\"],\"event.action\":\"tunnel-ended\"")
        if !record.reason.isEmpty {
            line.append(",\"event.reason\":", text: record.reason, limit: TextLimit.userAgent)
        }
        append(record.request, to: &line)
        line.append(",\"network.protocol\":\"websocket\"")
        if let facts = record.facts {
            append(facts, to: &line)
            line.append(facts.mode.member)
        }
        append(
            policyDigest: record.policyDigest.isEmpty ? policyDigest : record.policyDigest,
            to: &line)
        append(status: 101, reachedBackend: true, to: &line)
        if !record.upstream.isEmpty {
            line.append(
                ",\"methodgate.upstream\":", text: record.upstream, limit: TextLimit.other)
        }
        if let outcome = record.outcome { append(outcome, to: &line) }
    }

    private func append(_ outcome: TunnelRecord.Outcome, to line: inout ByteBuffer) {
        line.append(",\"event.duration\":")
        line.append(number: outcome.duration)
        line.append(",\"source.bytes\":")
        line.append(number: outcome.fromClient)
        line.append(",\"destination.bytes\":")
        line.append(number: outcome.fromBackend)
    }
}
