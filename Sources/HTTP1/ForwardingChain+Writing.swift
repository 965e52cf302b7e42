// The lines that tell the back-end what trusted proxies have told the gate, and who they are. The
// same in both notations, so that it does not matter which of them a back-end reads.

package import HTTPSyntax

extension ForwardingChain {
    /// Appends `Via`, `X-Forwarded-*` and `Forwarded`, each line ended by CRLF.
    ///
    /// - Parameters:
    ///   - head: what the chain was made of, as are `bytes`.
    ///   - sender: the address of who sent the request to the gate, without brackets or port;
    ///     empty behind a Unix socket.
    ///   - scheme: by which it came to the gate: what nobody says otherwise.
    ///   - requestHost: the Host that the gate got; may be empty.
    package func append(
        _ head: borrowing RequestHead, in bytes: ByteView, from sender: ByteView,
        by scheme: ByteView = ByteView("http"), host requestHost: ByteView,
        to buffer: inout ByteBuffer
    ) {
        var (proto, host) = origin(head, bytes)
        if proto.isEmpty { proto = scheme }
        if host.isEmpty { host = requestHost }
        appendVia(head, bytes, to: &buffer)
        appendAddresses(head, bytes, sender, to: &buffer)
        buffer.append("\r\nX-Forwarded-Proto: ")
        buffer.append(proto)
        appendForwarded(head, bytes, sender, proto, host, to: &buffer)
        if !host.isEmpty {
            buffer.append("\r\nX-Forwarded-Host: ")
            buffer.append(host)
        }
        buffer.append("\r\n")
        passOn(head, bytes, to: &buffer)
    }

    /// Scheme and host that the client asked for; empty where nobody says. `Forwarded` has them in
    /// the element that names him.
    private func origin(
        _ head: borrowing RequestHead, _ bytes: ByteView
    ) -> (proto: ByteView, host: ByteView) {
        guard field == .forwarded else {
            return (
                Self.agreed(.xForwardedProto, head, bytes),
                Self.agreed(.xForwardedHost, head, bytes)
            )
        }
        var cursor = Cursor(self)
        guard let member = cursor.next(head, bytes), let element = ForwardedElement(member) else {
            return (.empty, .empty)
        }
        return (element.proto, element.host)
    }

    /// Those that came, and the gate (RFC 9110 §7.6.3).
    private func appendVia(
        _ head: borrowing RequestHead, _ bytes: ByteView, to buffer: inout ByteBuffer
    ) {
        buffer.append("Via: ")
        for index in 0..<head.fields.count {
            let line = head.fields[index]
            guard line.name == .via, !line.isVariant, line.valueLength > 0 else { continue }
            buffer.append(bytes.slice(Int(line.valueOffset), Int(line.valueLength)))
            buffer.append(", ")
        }
        switch head.version {
        case .http10: buffer.append("1.0 methodgate")
        case .http11: buffer.append("1.1 methodgate")
        case .http2: buffer.append("2.0 methodgate")
        }
    }

    /// `X-Forwarded-For`. A member of its own is copied as it came, with port and all.
    private func appendAddresses(
        _ head: borrowing RequestHead, _ bytes: ByteView, _ sender: ByteView,
        to buffer: inout ByteBuffer
    ) {
        buffer.append("\r\nX-Forwarded-For: ")
        var cursor = Cursor(self)
        while let member = cursor.next(head, bytes) {
            if cursor.position > 1 { buffer.append(", ") }
            if field == .xForwardedFor {
                buffer.append(member)
            } else if case .address(let address) = ForwardedElement(member)?.node {
                address.append(to: &buffer)
            } else {
                buffer.append("unknown")
            }
        }
        if !sender.isEmpty {
            if count > 0 { buffer.append(", ") }
            buffer.append(sender)
        } else if count == 0 {
            // Behind others it would only keep back-ends from reading on.
            buffer.append("unknown")
        }
    }

    /// `Forwarded`. An element of its own is copied as it came.
    private func appendForwarded(
        _ head: borrowing RequestHead, _ bytes: ByteView, _ sender: ByteView,
        _ proto: ByteView, _ host: ByteView, to buffer: inout ByteBuffer
    ) {
        buffer.append("\r\nForwarded: ")
        var cursor = Cursor(self)
        while let member = cursor.next(head, bytes) {
            if cursor.position > 1 { buffer.append(", ") }
            if field == .forwarded {
                buffer.append(member)
                continue
            }
            buffer.append(for: ForwardingNode.name(xForwardedFor: member))
            if cursor.position == 1 { buffer.append(proto: proto, host: host) }
        }
        if count == 0 {
            buffer.append(for: sender)
            buffer.append(proto: proto, host: host)
        } else if !sender.isEmpty {
            buffer.append(", ")
            buffer.append(for: sender)
        }
    }

    /// What a trusted proxy says besides is its business and the back-end's.
    private func passOn(
        _ head: borrowing RequestHead, _ bytes: ByteView, to buffer: inout ByteBuffer
    ) {
        guard head.fields.present & Self.passedOn != 0 else { return }
        for index in 0..<head.fields.count {
            let line = head.fields[index]
            guard Self.passedOn & Self.bit(line.name) != 0, !line.isVariant else { continue }
            buffer.append(bytes.slice(Int(line.nameOffset), Int(line.nameLength)))
            buffer.append(": ")
            buffer.append(bytes.slice(Int(line.valueOffset), Int(line.valueLength)))
            buffer.append("\r\n")
        }
    }
}

extension ForwardingChain {
    /// Goes through the believed members, in the order of the head.
    private struct Cursor {
        private let field: FieldName
        private var line: Int
        /// In the head; nil: where the line's value begins.
        private var offset: Int?
        private let count: Int
        /// Of the member that was given out last, from 1.
        private(set) var position = 0

        init(_ chain: ForwardingChain) {
            field = chain.field
            line = chain.firstLine
            offset = chain.firstOffset
            count = chain.count
        }

        mutating func next(_ head: borrowing RequestHead, _ bytes: ByteView) -> ByteView? {
            guard position < count else { return nil }
            while line < head.fields.count {
                let fieldLine = head.fields[line]
                if fieldLine.name == field, !fieldLine.isVariant,
                    let member = next(fieldLine, bytes)
                {
                    position += 1
                    return member
                }
                line += 1
                offset = nil
            }
            return nil
        }

        private mutating func next(_ line: FieldLine, _ bytes: ByteView) -> ByteView? {
            var start = offset ?? Int(line.valueOffset)
            let end = Int(line.valueOffset) + Int(line.valueLength)
            while start < end {
                let rest = bytes.slice(start, end - start)
                let comma =
                    field == .forwarded ? rest.unquoted(0x2c, from: 0) : rest.firstIndex(of: 0x2c)
                let length = comma ?? rest.count
                start += length + 1
                offset = start
                let member = rest.slice(0, length).trimmed
                if !member.isEmpty { return member }
            }
            return nil
        }
    }
}

extension ByteBuffer {
    /// An element of `Forwarded`, as far as it names somebody; the address has no brackets.
    fileprivate mutating func append(for address: ByteView) {
        if address.isEmpty {
            append("for=unknown")
        } else if address.firstIndex(of: 0x3a) == nil {
            append("for=")
            append(address)
        } else {
            append("for=\"[")
            append(address)
            append("]\"")
        }
    }

    /// The end of it.
    fileprivate mutating func append(proto: ByteView, host: ByteView) {
        append(";proto=")
        append(proto)
        guard !host.isEmpty else { return }
        append(";host=\"")
        append(host)
        append(byte: 0x22)
    }
}
