// The fields by which HTTP/1.1 becomes WebSocket (RFC 9110 §7.8, RFC 6455 §4). The gate reads no
// more of them than it needs to know that both sides mean the same; all others pass untouched.

package import HTTPSyntax

/// What a head says about a switch to WebSocket.
package enum WebSocketFields {
    /// Whether `Upgrade` offers `websocket`, perhaps among others. A field with a member that is
    /// no protocol offers nothing.
    package static func isOffered(in head: ByteView, _ fields: borrowing FieldSection) -> Bool {
        let (members, matching) = members(of: head, fields)
        return members > 0 && matching > 0
    }

    /// Whether `Upgrade` names `websocket` and nothing else.
    package static func isChosen(in head: ByteView, _ fields: borrowing FieldSection) -> Bool {
        let (members, matching) = members(of: head, fields)
        return members == 1 && matching == 1
    }

    /// How many protocols all `Upgrade` lines name, and how many of those are `websocket`; no
    /// members where one of them is malformed. Letter case makes no difference (RFC 9110 §7.8),
    /// and with a version it is another protocol.
    private static func members(
        of head: ByteView, _ fields: borrowing FieldSection
    ) -> (count: Int, matching: Int) {
        var count = 0
        var matching = 0
        for index in 0..<fields.count {
            let line = fields[index]
            guard case .upgrade = line.name, !line.isVariant else { continue }
            var list = ListMembers(head.slice(Int(line.valueOffset), Int(line.valueLength)))
            while let member = list.next() {
                guard isProtocol(member) else { return (0, 0) }
                count += 1
                if member.equalsIgnoringCase(ByteView("websocket")) { matching += 1 }
            }
        }
        return (count, matching)
    }

    /// `protocol = protocol-name ["/" protocol-version]`, both tokens.
    private static func isProtocol(_ member: ByteView) -> Bool {
        guard let slash = member.firstIndex(of: 0x2f) else { return Token.isValid(member) }
        return Token.isValid(member.slice(0, slash)) && Token.isValid(member.dropFirst(slash + 1))
    }

    /// The key of a request, by which its answer is known (`Sec-WebSocket-Key`).
    package static func key(in head: ByteView, _ fields: borrowing FieldSection) -> ByteView? {
        guard let key = only("sec-websocket-key", in: head, fields) else { return nil }
        for index in 0..<key.count where !isBase64(key[index]) { return nil }
        return key.isEmpty ? nil : key
    }

    /// The proof of an answer that its sender has understood (`Sec-WebSocket-Accept`).
    package static func proof(in head: ByteView, _ fields: borrowing FieldSection) -> ByteView? {
        only("sec-websocket-accept", in: head, fields)
    }

    /// The value of the only line of that name, written in lower case here; nil where there is
    /// none, and where there are several, among them such as are spelled with `_` for `-`.
    private static func only(
        _ name: StaticString, in head: ByteView, _ fields: borrowing FieldSection
    ) -> ByteView? {
        let wanted = ByteView(name)
        var found: FieldLine?
        for index in 0..<fields.count {
            let line = fields[index]
            guard case .other = line.name, Int(line.nameLength) == wanted.count else { continue }
            let spelled = head.slice(Int(line.nameOffset), wanted.count)
            guard spells(spelled, wanted) else { continue }
            guard found == nil, spelled.firstIndex(of: 0x5f) == nil else { return nil }
            found = line
        }
        return found.map { head.slice(Int($0.valueOffset), Int($0.valueLength)) }
    }

    private static func spells(_ name: ByteView, _ wanted: ByteView) -> Bool {
        for index in 0..<wanted.count {
            let byte = name[index] == 0x5f ? 0x2d : ASCII.lowercased(name[index])
            if byte != wanted[index] { return false }
        }
        return true
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2b || byte == 0x2f || byte == 0x3d
    }
}
