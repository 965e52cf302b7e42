import HTTPSyntax
import TLS

// Names that a certificate is used for and is not for, and names in one that nobody asks for: what is
// asked of clients there protects nothing.

/// An entry of `names`, in lower case, and where it stands.
struct LocatedName {
    var text: String
    var node: Node
}

extension Decoder {
    /// Host names in lower case, with or without `*.` in front.
    func serverNames(_ node: Node) -> [LocatedName]? {
        let shape = Shape.list(.text(example: "host names such as a.example"), atLeast: 1)
        guard isSequence(node, shape) else { return nil }
        if node.count == 0 { report(node, Complaint("is empty"), shape) }
        return node.items.compactMap { item in
            guard let scalar = scalar(item, .text(example: "a host name")) else { return nil }
            let name = scalar.text.lowercased()
            guard !Self.isServerName(name) else { return LocatedName(text: name, node: item) }
            let isAddress = Self.isAddress(name)
            report(
                item,
                Complaint(
                    isAddress
                        ? "\(scalar.quoted) is an address, and clients ask for names alone (SNI)"
                        : "\(scalar.quoted) is not a host name",
                    accepted: "a name such as a.example or *.a.example"))
            return nil
        }
    }

    /// Warns of entries of `names` that the certificate beside them is not for.
    func checkNames(_ names: [LocatedName], of certificates: CertificateChain) {
        for name in names where !certificates.isFor(name.text) {
            let own = certificates.names
            warn(
                name.node,
                Complaint(
                    "the certificate of \(certificates.subject) is not for "
                        + Printable.quoted(name.text)
                        + (own.isEmpty ? "" : ": it is for \(Printable.list(own))"),
                    accepted: "names that are in the certificate",
                    suggestion: Suggestion.nearest(to: name.text, among: own)), isFinding: true)
        }
    }

    /// Warns of names in a certificate that stand for no host, where something is asked of clients
    /// beside it.
    func checkOwnNames(of offer: ServerOffer) {
        guard !offer.hasWrittenNames, let demand = offer.demand, demand.clients != .none else {
            return
        }
        let odd = offer.names.filter { !Self.isServerName($0) }
        guard !odd.isEmpty else { return }
        warn(
            offer.node,
            Complaint(
                "the certificate of \(offer.certificates.subject) has names that are none of hosts "
                    + "(\(Printable.list(odd))), so that no client is asked for its own by them",
                accepted: "names beside it"), isFinding: true)
    }

    /// Whether clients may ask for it, or for a name that it stands for.
    private static func isServerName(_ name: String) -> Bool {
        let host = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
        return BackendURL.isHost(host) && !isAddress(name)
    }

    private static func isAddress(_ name: String) -> Bool {
        var host = name[...]
        if host.hasPrefix("*.") { host = host.dropFirst(2) }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return String(host).withView { IPAddress($0) != nil }
    }
}
