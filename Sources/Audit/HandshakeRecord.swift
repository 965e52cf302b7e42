// What the access log says of a client with whom TLS could not be set up: there was no request, and
// nothing to judge, but whoever runs the gate wants to know whom it keeps out, and why.

package import HTTPSyntax

/// One failed handshake. The views are borrowed for the duration of the call.
@safe package struct HandshakeRecord {
    let time: Timestamp
    /// Addresses alone.
    let source: RequestFields
    /// `error.type`: one of a few words.
    let errorType: StaticString
    /// `event.reason`: in the TLS library's words.
    let reason: ByteView
    /// The name that the client asked for (SNI); empty leaves it out.
    let serverName: ByteView

    package init(
        at time: Timestamp, source: RequestFields, errorType: StaticString, reason: ByteView,
        serverName: ByteView
    ) {
        self.time = time
        self.source = source
        self.errorType = errorType
        self.reason = reason
        self.serverName = serverName
    }
}

extension RecordEncoder {
    /// Appends a line.
    mutating func append(_ record: borrowing HandshakeRecord, to line: inout ByteBuffer) {
        begin(at: record.time, in: &line)
        line.append(
            """
            ,"event.dataset":"methodgate.access","event.kind":"event","event.category":["network"],\
            "event.type":["connection","denied"],"event.action":"handshake-failed","error.type":"
            """)
        line.append(record.errorType)
        line.append(byte: 0x22)
        if !record.reason.isEmpty {
            line.append(",\"event.reason\":", text: record.reason, limit: TextLimit.userAgent)
        }
        append(record.source, to: &line)
        line.append(",\"tls.established\":false")
        if !record.serverName.isEmpty {
            line.append(
                ",\"tls.client.server_name\":", text: record.serverName, limit: TextLimit.other)
        }
        appendObserver(to: &line)
        line.append("}\n")
    }
}
