// What trusted proxies say of a request: who asked, by which scheme, for which host. Each proxy adds
// its word on the right, so the chain is read from there, and only as far as those who speak are
// trusted. docs/decisions/0016-whose-word-is-believed.md has the reasons.

package import HTTPSyntax

/// Where the believed part of `X-Forwarded-For` or of `Forwarded` stands in a head.
package struct ForwardingChain: BitwiseCopyable, Sendable {
    /// Which of the two is believed: never both, since they may disagree.
    private(set) var field = FieldName.forwarded
    /// The client: the farthest address that is believed. Nil where no proxy names one.
    package private(set) var client: IPAddress?
    /// Members that are believed.
    private(set) var count = 0
    /// The field line at which they begin, and the byte of the head.
    private(set) var firstLine = 0
    private(set) var firstOffset = 0

    /// Proxies that a request may come through; nobody farther away is looked for.
    package static let longest = 32

    /// Of a head in which nobody says anything.
    package init() {}

    /// Reads what a trusted proxy sent.
    ///
    /// - Parameters:
    ///   - bytes: what was parsed into `head`, from its first byte on.
    ///   - trusted: whose word on the next one is believed.
    package init(
        _ head: borrowing RequestHead, in bytes: ByteView, trusting trusted: AddressSet
    ) {
        if head.fields.present & Self.xForwarded != 0 { field = .xForwardedFor }
        guard head.fields.has(field) else { return }
        var index = head.fields.count
        while index > 0 {
            index -= 1
            let line = head.fields[index]
            guard line.name == field, !line.isVariant else { continue }
            guard take(bytes, line, index, trusted) else { return }
        }
    }

    /// Takes the members of a line in, from the right; whether what is before them is believed.
    private mutating func take(
        _ bytes: ByteView, _ line: FieldLine, _ index: Int, _ trusted: AddressSet
    ) -> Bool {
        let start = Int(line.valueOffset)
        let value = bytes.slice(start, Int(line.valueLength))
        var end = value.count
        while end > 0 {
            let comma = value.lastUnquoted(0x2c, before: end)
            let offset = comma.map { $0 + 1 } ?? 0
            let member = value.slice(offset, end - offset).trimmed
            end = comma ?? 0
            // An empty member is none (RFC 9110 §5.6.1.2).
            guard !member.isEmpty else { continue }
            guard count < Self.longest, let node = node(member) else { return false }
            count += 1
            firstLine = index
            firstOffset = start + offset
            guard case .address(let address) = node else { return false }
            client = address
            guard trusted.contains(address) else { return false }
        }
        return true
    }

    /// Whom a member names; nil where it is malformed.
    func node(_ member: ByteView) -> ForwardingNode? {
        field == .forwarded
            ? ForwardedElement(member)?.node : ForwardingNode(xForwardedFor: member)
    }

    /// What all members of all lines of that name say, letter case aside; empty where they differ
    /// or one is malformed.
    static func agreed(
        _ name: FieldName, _ head: borrowing RequestHead, _ bytes: ByteView
    ) -> ByteView {
        var first = ByteView.empty
        guard head.fields.has(name) else { return first }
        for index in 0..<head.fields.count {
            let line = head.fields[index]
            guard line.name == name, !line.isVariant else { continue }
            var members = ListMembers(
                bytes.slice(Int(line.valueOffset), Int(line.valueLength)))
            while let member = members.next() {
                let isValid =
                    name == .xForwardedHost
                    ? HostField.isValid(member) : ForwardedElement.isScheme(member)
                guard isValid, first.isEmpty || first.equalsIgnoringCase(member) else {
                    return .empty
                }
                if first.isEmpty { first = member }
            }
        }
        return first
    }
}

extension ForwardingChain {
    /// Whether a request has anything that is believed from a trusted proxy and dropped otherwise.
    package static func isClaimed(in head: borrowing RequestHead) -> Bool {
        let others = bit(.via) | bit(.forwarded)
        return head.fields.present & (xForwarded | others | passedOn) != 0
    }

    private static var xForwarded: UInt64 {
        bit(.xForwardedFor) | bit(.xForwardedProto) | bit(.xForwardedHost)
    }

    /// What is taken as it comes.
    static var passedOn: UInt64 {
        bit(.xForwardedPort) | bit(.xForwardedServer) | bit(.xForwardedOther) | bit(.xRealIP)
    }

    /// As in `FieldSection.present`.
    static func bit(_ name: FieldName) -> UInt64 { 1 &<< UInt64(name.rawValue) }
}
