// Addresses as text: what `listen` and `backends` take, and what is wrong with the rest. The
// checks are ours, since inet_aton and getaddrinfo take far more (`127.1`, `0x7f000001`).

enum AddressSyntax {
    static let listenAccepted = "ADDRESS:PORT, [IPV6]:PORT, unix:/PATH or systemd:NAME"
    static let backendAccepted =
        "http://HOST:PORT, https://HOST:PORT, h2c://HOST:PORT, http://[IPV6]:PORT or unix:/PATH"

    /// An address to bind.
    static func listen(_ text: String) throws(Complaint) -> Address {
        if text.hasPrefix("unix:") { return try unix(text) }
        if text.hasPrefix("systemd:") { return try systemd(text) }
        guard let (host, portText) = split(text), let portText else {
            throw Complaint(
                "\(Printable.quoted(text)) is not an address with a port",
                suggestion: listenSuggestion(text))
        }
        let number = try port(portText, from: 0)
        guard let address = Resolver.numeric(host, port: number) else {
            throw Complaint(
                "\(Printable.quoted(host)) is not an IP address",
                suggestion: listenSuggestion(text))
        }
        return address
    }

    private static func listenSuggestion(_ text: String) -> String? {
        if text.allSatisfy(\.isASCIIDigit), !text.isEmpty { return "0.0.0.0:\(text)" }
        guard let colon = text.lastIndex(of: ":") else {
            return Resolver.numeric(text, port: 0) == nil
                ? nil : text.contains(":") ? "[\(text)]:8080" : "\(text):8080"
        }
        let host = text[..<colon]
        let port = text[text.index(after: colon)...]
        guard !port.isEmpty, port.allSatisfy(\.isASCIIDigit) else { return nil }
        switch host {
        case "", "*": return "0.0.0.0:\(port)"
        case "localhost": return "127.0.0.1:\(port)"
        default: break
        }
        let isBareIPv6 = host.contains(":") && Resolver.numeric(String(host), port: 0) != nil
        return isBareIPv6 ? "[\(host)]:\(port)" : nil
    }

    /// `host:port`, `[v6]:port` or either without a port, taken apart; an IPv6 address comes
    /// without its brackets. Nil where the parts cannot be told.
    static func split(_ text: String) -> (host: String, port: String?)? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            guard host.contains(":"), rest.isEmpty || rest.hasPrefix(":") else { return nil }
            return (host, rest.isEmpty ? nil : String(rest.dropFirst()))
        }
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count <= 2, let host = parts.first, !host.isEmpty else { return nil }
        return (String(host), parts.count == 2 ? String(parts[1]) : nil)
    }

    static func port(_ text: String, from least: UInt16) throws(Complaint) -> UInt16 {
        guard let port = UInt16(text), String(port) == text, port >= least else {
            throw Complaint(
                "\(Printable.quoted(text)) is not a port",
                accepted: "a port from \(least) to 65535")
        }
        return port
    }

    /// `systemd:NAME`, as `FileDescriptorName=` takes it (systemd.socket(5)).
    private static func systemd(_ text: String) throws(Complaint) -> Address {
        let name = text.dropFirst("systemd:".count)
        let isName = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x3a }
        guard isName, !name.isEmpty, name.utf8.count <= 255 else {
            throw Complaint(
                "\(Printable.quoted(text)) names no socket",
                accepted: "systemd:NAME, the FileDescriptorName= of a socket unit")
        }
        return .systemd(name: String(name))
    }

    /// `unix:/path`. A socket address holds 107 bytes of path (unix(7)).
    static func unix(_ text: String) throws(Complaint) -> Address {
        let path = text.dropFirst("unix:".count)
        guard path.hasPrefix("/"), !path.hasPrefix("//"), path.count > 1 else {
            let bare = path.drop { $0 == "/" }
            throw Complaint(
                "\(Printable.quoted(text)) has no absolute path", accepted: "unix:/PATH",
                suggestion: bare.isEmpty || !path.hasPrefix("//") ? nil : "unix:/" + bare)
        }
        guard path.utf8.count <= 107 else {
            throw Complaint(
                "the path of a socket has \(path.utf8.count) bytes", accepted: "at most 107")
        }
        return .unix(path: String(path))
    }
}

extension Character {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
