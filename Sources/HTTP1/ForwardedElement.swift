// One element of `Forwarded` (RFC 7239 §4): `for=192.0.2.60;proto=http;by=203.0.113.43`.

package import HTTPSyntax

/// What one proxy says of the request it got.
package struct ForwardedElement {
    /// Who asked it; hidden where it does not say.
    package private(set) var node = ForwardingNode.hidden
    /// The scheme it was asked by; empty where it does not say.
    package private(set) var proto = ByteView.empty
    /// The Host it was sent; empty where it does not say.
    package private(set) var host = ByteView.empty

    private var seen: UInt8 = 0

    /// Nil for what breaks the grammar, names a parameter of the RFC twice, or says something in
    /// one of them that is no node, scheme or host. No backslash is accepted: nothing that the
    /// parameters may say needs one, and with it the end of a quoted string depends on where one
    /// begins to read.
    package init?(_ text: ByteView) {
        var offset = 0
        while offset <= text.count {
            let end = text.unquoted(0x3b, from: offset) ?? text.count
            // An empty pair is none.
            if end > offset, !take(text.slice(offset, end - offset)) { return nil }
            offset = end + 1
        }
    }

    /// `token "=" ( token / quoted-string )`.
    private mutating func take(_ pair: ByteView) -> Bool {
        guard let equals = pair.firstIndex(of: 0x3d) else { return false }
        let name = pair.slice(0, equals)
        guard Token.isValid(name), let value = Self.value(pair.dropFirst(equals + 1)) else {
            return false
        }
        if name.equalsIgnoringCase(ByteView("for")) {
            guard isFirst(1), let node = ForwardingNode(node: value) else { return false }
            self.node = node
        } else if name.equalsIgnoringCase(ByteView("proto")) {
            guard isFirst(2), Self.isScheme(value) else { return false }
            proto = value
        } else if name.equalsIgnoringCase(ByteView("host")) {
            guard isFirst(4), HostField.isValid(value) else { return false }
            host = value
        } else if name.equalsIgnoringCase(ByteView("by")) {
            return isFirst(8) && ForwardingNode(node: value) != nil
        }
        return true
    }

    private mutating func isFirst(_ parameter: UInt8) -> Bool {
        guard seen & parameter == 0 else { return false }
        seen |= parameter
        return true
    }

    /// Without its quotes; nil for what is neither a token nor a quoted string of printable ASCII.
    private static func value(_ text: ByteView) -> ByteView? {
        guard !text.isEmpty, text[0] == 0x22 else { return Token.isValid(text) ? text : nil }
        guard text.count >= 2, text[text.count - 1] == 0x22 else { return nil }
        let value = text.slice(1, text.count - 2)
        for index in 0..<value.count {
            let byte = value[index]
            guard byte == 0x09 || 0x20..<0x7f ~= byte, byte != 0x22, byte != 0x5c else {
                return nil
            }
        }
        return value
    }

    /// RFC 3986 §3.1; no scheme of the registry is longer.
    static func isScheme(_ text: ByteView) -> Bool {
        guard (1...32).contains(text.count), ASCII.isLetter(text[0]) else { return false }
        for index in 1..<text.count {
            let byte = text[index]
            let isMark = byte == 0x2b || byte == 0x2d || byte == 0x2e
            guard isMark || ASCII.isDigit(byte) || ASCII.isLetter(byte) else { return false }
        }
        return true
    }
}

extension ByteView {
    /// Where `byte` first stands outside of quotes, at or behind `start`, which is outside too.
    func unquoted(_ byte: UInt8, from start: Int) -> Int? {
        var isQuoted = false
        var index = start
        while index < count {
            if self[index] == 0x22 {
                isQuoted.toggle()
            } else if self[index] == byte, !isQuoted {
                return index
            }
            index += 1
        }
        return nil
    }

    /// The same from the right: the last one before `end`.
    func lastUnquoted(_ byte: UInt8, before end: Int) -> Int? {
        var isQuoted = false
        var index = end - 1
        while index >= 0 {
            if self[index] == 0x22 {
                isQuoted.toggle()
            } else if self[index] == byte, !isQuoted {
                return index
            }
            index -= 1
        }
        return nil
    }
}
