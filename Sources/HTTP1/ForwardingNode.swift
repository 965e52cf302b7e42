// Who stands in `X-Forwarded-For`, and in a parameter of `Forwarded`: one member of the list, read
// strictly, since what a proxy meant and what a back-end reads must be the same host.

package import HTTPSyntax

/// Somebody on the way of a request, as a proxy names him.
package enum ForwardingNode: Equatable, Sendable, BitwiseCopyable {
    case address(IPAddress)
    /// `unknown` or, in `Forwarded`, a made-up name: the proxy does not say.
    case hidden

    /// More than any member takes that names an address, with brackets and port.
    private static var longest: Int { 64 }

    /// A member of `X-Forwarded-For`, for which there is no standard: an address of either kind,
    /// with or without brackets and a decimal port, or `unknown`.
    package init?(xForwardedFor text: ByteView) {
        guard !text.isEmpty, text.count <= Self.longest else { return nil }
        if text.equalsIgnoringCase(ByteView("unknown")) {
            self = .hidden
        } else if let address = IPAddress(text) {
            self = .address(address)
        } else {
            let (name, port) = Self.split(text)
            let hasPort = name.count < text.count
            guard let address = Self.address(name), !hasPort || Self.isPort(port) else {
                return nil
            }
            self = .address(address)
        }
    }

    /// The address in a valid member of `X-Forwarded-For`, without brackets and port; empty where
    /// there is none.
    static func name(xForwardedFor text: ByteView) -> ByteView {
        guard let colon = text.firstIndex(of: 0x3a) else {
            return text.equalsIgnoringCase(ByteView("unknown")) ? .empty : text
        }
        if text[0] == 0x5b { return text.slice(1, (text.firstIndex(of: 0x5d) ?? 1) - 1) }
        let isIPv6 = text.firstIndex(of: 0x3a, from: colon + 1) != nil
        return isIPv6 ? text : text.slice(0, colon)
    }

    /// `node` of RFC 7239 §6, without quotes around it.
    package init?(node text: ByteView) {
        guard !text.isEmpty, text.count <= Self.longest else { return nil }
        let (name, port) = Self.split(text)
        guard name.count == text.count || Self.isPort(port) || Self.isObfuscated(port) else {
            return nil
        }
        if let address = Self.address(name) {
            self = .address(address)
        } else {
            let isUnknown = name.equalsIgnoringCase(ByteView("unknown"))
            guard isUnknown || Self.isObfuscated(name) else { return nil }
            self = .hidden
        }
    }

    /// The text before a port's colon, brackets included, and the text behind it.
    private static func split(_ text: ByteView) -> (name: ByteView, port: ByteView) {
        var start = 0
        if text[0] == 0x5b { start = text.firstIndex(of: 0x5d) ?? 0 }
        guard let colon = text.firstIndex(of: 0x3a, from: start) else { return (text, .empty) }
        return (text.slice(0, colon), text.dropFirst(colon + 1))
    }

    /// IPv4, or IPv6 in brackets.
    private static func address(_ name: ByteView) -> IPAddress? {
        guard name.count > 2, name[0] == 0x5b, name[name.count - 1] == 0x5d else {
            return IPAddress.ipv4(name)
        }
        return IPAddress.ipv6(name.slice(1, name.count - 2))
    }

    /// 1*5DIGIT, up to 65535.
    private static func isPort(_ text: ByteView) -> Bool {
        guard (1...5).contains(text.count) else { return false }
        var number = 0
        for index in 0..<text.count {
            guard ASCII.isDigit(text[index]) else { return false }
            number = number * 10 + Int(text[index] - 0x30)
        }
        return number <= 65_535
    }

    /// `"_" 1*( ALPHA / DIGIT / "." / "_" / "-" )`: a name or a port made up.
    private static func isObfuscated(_ text: ByteView) -> Bool {
        guard text.count > 1, text[0] == 0x5f else { return false }
        for index in 1..<text.count {
            let byte = text[index]
            let isMark = byte == 0x2e || byte == 0x5f || byte == 0x2d
            guard isMark || ASCII.isDigit(byte) || ASCII.isLetter(byte) else { return false }
        }
        return true
    }
}
