import HTTPSyntax
import Transport

// The field lines that tell the backend who asked, and through whom (RFC 9110 §7.6.3, RFC 7239).
// The address is the connection's and the host hardly ever changes on it, so the lines are kept
// whole and compared rather than written for each request.

/// What the gate says of one client.
struct ClientIdentity: ~Copyable {
    /// `Via` to the end of the lines for `host`; what is before the host never changes.
    private var lines = ByteBuffer()
    private var fixedLength = 0
    private var addressOffset = 0
    private var addressLength = 0
    /// Where the host stands in `lines` for the first time.
    private var hostLength = -1

    /// Writes what is the same for each request of this connection.
    ///
    /// - Parameters:
    ///   - client: nil is a Unix socket.
    ///   - scheme: `http` or `https`.
    ///   - subject: of the client's certificate, where backends are to know it; else empty.
    mutating func describe(
        _ client: IPAddress?, by scheme: StaticString = "http", subject: ByteView = .empty
    ) {
        lines.removeAll()
        hostLength = -1
        lines.append("Via: 1.1 methodgate\r\nX-Forwarded-For: ")
        addressOffset = lines.count
        if let client { client.append(to: &lines) } else { lines.append("unknown") }
        addressLength = lines.count - addressOffset
        let isIPv6 = client.map { !$0.isIPv4 } ?? false
        lines.append("\r\nX-Forwarded-Proto: ")
        lines.append(scheme)
        if !subject.isEmpty {
            lines.append("\r\nX-Client-Subject: ")
            lines.append(subject)
        }
        lines.append("\r\nForwarded: for=")
        lines.append(isIPv6 ? "\"[" : "")
        if let client { client.append(to: &lines) } else { lines.append("unknown") }
        lines.append(isIPv6 ? "]\"" : "")
        lines.append(";proto=")
        lines.append(scheme)
        fixedLength = lines.count
    }

    /// The client's address as text; `unknown` behind a Unix socket.
    var addressText: ByteView { lines.view.slice(addressOffset, addressLength) }

    /// The lines for a request with that Host; empty where it has none (HTTP/1.0).
    mutating func lines(host: ByteView) -> ByteView {
        if host.count != hostLength || !host.equals(lines.view.slice(hostOffset, hostLength)) {
            lines.truncate(to: fixedLength)
            append(host)
        }
        return lines.view
    }

    /// Makes copied lines those of a request that came by HTTP/1.0: `Via` says so.
    static func lowerVersion(in lines: inout ByteBuffer) {
        lines.overwrite(at: 7, with: ByteView("0"))
    }

    /// The connection speaks HTTP/2: `Via` says so.
    mutating func raiseVersion() { lines.overwrite(at: 5, with: ByteView("2.0")) }

    private var hostOffset: Int { fixedLength + (hostLength > 0 ? 7 : 0) }

    private mutating func append(_ host: ByteView) {
        hostLength = host.count
        if !host.isEmpty {
            lines.append(";host=\"")
            lines.append(host)
            lines.append("\"\r\nX-Forwarded-Host: ")
            lines.append(host)
        }
        lines.append("\r\n")
    }
}

extension Ref<ClientConnection> {
    /// The client's address as text; `unknown` behind a Unix socket.
    var addressText: ByteView { carrier.value.identity.addressText }
}
