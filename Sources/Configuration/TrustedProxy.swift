// Networks as text. The forms are our own business, since inet_aton(3) reads `10.1` and `010.0.0.1`
// as addresses that nobody meant.

import HTTPSyntax

/// One entry of `trusted_proxies`.
enum TrustedProxy: Hashable {
    case network(AddressPrefix)
    /// Whoever connects to a Unix socket.
    case unix

    static let shape = Shape.text(
        example: "networks such as 10.0.0.0/8 or 2001:db8::/32, single addresses, or unix",
        pattern: "^(unix|[0-9A-Fa-f:.]+(/[0-9]{1,3})?)$")

    init(_ text: String) throws(Complaint) {
        if text == "unix" {
            self = .unix
        } else {
            self = .network(try Self.network(text))
        }
    }

    private static func network(_ text: String) throws(Complaint) -> AddressPrefix {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(text: parts[0]) else {
            throw Complaint(
                "\(Printable.quoted(text)) is not a network", suggestion: suggestion(for: text))
        }
        let isIPv6 = text.contains(":")
        let length =
            parts.count == 2
            ? try length(String(parts[1]), of: address, upTo: isIPv6 ? 128 : 32)
            : isIPv6 ? 128 : 32
        guard !isIPv6 || !address.isIPv4 else {
            let meant = length < 96 ? nil : AddressPrefix(containing: address, length: length - 96)
            throw Complaint(
                "\(Printable.quoted(text)) is IPv4 written as IPv6", suggestion: meant?.text)
        }
        guard let network = AddressPrefix(address, length: length) else {
            throw Complaint(
                "\(Printable.quoted(text)) has bits set behind its prefix",
                suggestion: AddressPrefix(containing: address, length: length).text)
        }
        return network
    }

    private static func length(
        _ text: String, of address: IPAddress, upTo longest: Int
    ) throws(Complaint) -> Int {
        if let length = Int(text), String(length) == text, (0...longest).contains(length) {
            return length
        }
        let meant = Int(text).flatMap { (0...longest).contains($0) ? $0 : nil } ?? mask(text)
        throw Complaint(
            "\(Printable.quoted(text)) is not the length of a prefix",
            accepted: "a number from 0 to \(longest)",
            suggestion: meant.map { AddressPrefix(containing: address, length: $0).text })
    }

    /// The length that `255.255.0.0` stands for.
    private static func mask(_ text: String) -> Int? {
        guard let mask = IPAddress(text: text), mask.isIPv4 else { return nil }
        let bits = UInt32(truncatingIfNeeded: mask.number)
        return (~bits &+ 1) & ~bits == 0 ? bits.nonzeroBitCount : nil
    }

    /// What was probably meant by what is no address.
    private static func suggestion(for text: String) -> String? {
        if text.lowercased().hasPrefix("unix") { return "unix" }
        if text == "localhost" { return "127.0.0.1" }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if let (host, _) = AddressSyntax.split(parts[0]), IPAddress(text: host) != nil {
            return (try? network(([host] + parts.dropFirst()).joined(separator: "/")))?.text
        }
        // `10/8` and `192.168/16`.
        let octets = parts[0].split(separator: ".", omittingEmptySubsequences: false).count
        guard parts.count == 2, octets < 4 else { return nil }
        let whole = parts[0] + String(repeating: ".0", count: 4 - octets)
        return (try? network(whole + "/" + parts[1]))?.text
    }

    var text: String {
        switch self {
        case .network(let network): network.text
        case .unix: "unix"
        }
    }
}

extension AddressPrefix {
    /// `10.0.0.0/8`; without its length where that is all of the address.
    var text: String {
        var text = ByteBuffer()
        first.append(to: &text)
        return length == (isIPv4 ? 32 : 128) ? text.view.text : "\(text.view.text)/\(length)"
    }
}

extension IPAddress {
    init?(text: some StringProtocol) {
        guard let address = String(text).withView({ IPAddress($0) }) else { return nil }
        self = address
    }
}
