// A backend's URL: a scheme and an authority, nothing after it, since requests go out with the
// target the client sent.

import HTTPSyntax

/// A backend's URL, taken apart but not resolved.
struct BackendURL: Equatable {
    enum Target: Equatable {
        case unix(Address)
        case host(String, port: UInt16)
    }

    var target: Target
    /// What Host says where a client sent none.
    var authority: String
    /// `https`.
    var isTLS = false
    /// `h2c`.
    var isHTTP2 = false
    /// `http`: it says itself that it is HTTP/1.1.
    var isPlain: Bool { !isTLS && !isHTTP2 && !isUnix }

    private var isUnix: Bool {
        if case .unix = target { true } else { false }
    }

    init(_ text: String) throws(Complaint) {
        if text.hasPrefix("unix:") {
            target = .unix(try AddressSyntax.unix(text))
            authority = "localhost"
            return
        }
        isTLS = text.hasPrefix("https://")
        isHTTP2 = text.hasPrefix("h2c://")
        let standard: UInt16 = isTLS ? 443 : 80
        let rest = try Self.afterScheme(text)
        try Self.refuseMore(than: rest, scheme: text.dropLast(rest.count))
        guard let (host, portText) = AddressSyntax.split(rest) else {
            throw Complaint("\(Printable.quoted(text)) has no host")
        }
        let port = try portText.map { (text) throws(Complaint) in
            try AddressSyntax.port(text, from: 1)
        }
        try Self.check(host)
        target = .host(host, port: port ?? standard)
        let written = host.contains(":") ? "[\(host)]" : host
        authority = (port ?? standard) == standard ? written : "\(written):\(port ?? standard)"
    }

    private static func afterScheme(_ text: String) throws(Complaint) -> String {
        for scheme in ["http://", "https://", "h2c://"] where text.hasPrefix(scheme) {
            return String(text.dropFirst(scheme.count))
        }
        let hasScheme = text.contains("://")
        throw Complaint(
            "\(Printable.quoted(text)) has no scheme that is known",
            suggestion: hasScheme || text.isEmpty ? nil : "http://" + text)
    }

    /// A path, query, fragment or user would be ignored, so none may stand there.
    private static func refuseMore(
        than rest: String, scheme: Substring
    ) throws(Complaint) {
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if authority.contains("@") {
            throw Complaint("a backend has no user or password")
        }
        guard let next = rest.dropFirst(authority.count).first else { return }
        let part = next == "/" ? "path" : next == "?" ? "query" : "fragment"
        throw Complaint(
            "a backend has no \(part)",
            suggestion: authority.isEmpty ? nil : "\(scheme)\(authority)")
    }

    /// Whether `text` is an IP address or a host name.
    static func isHost(_ text: String) -> Bool {
        (try? check(text)) != nil
    }

    /// An IP address, or a name of letters, digits, `-` and `_` (RFC 1123 §2.1).
    private static func check(_ host: String) throws(Complaint) {
        if Resolver.numeric(host, port: 0) != nil { return }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let isName = labels.allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && !label.hasPrefix("-")
                && label.utf8.allSatisfy {
                    ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x5F
                }
        }
        // Only an address ends in a label of digits, and this is none (RFC 3696 §2).
        guard isName, host.utf8.count <= 253, labels.last?.first?.isASCIIDigit == false else {
            throw Complaint("\(Printable.quoted(host)) is not a host name or IP address")
        }
    }
}
