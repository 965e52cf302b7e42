// Whose word is believed, and which listeners wait for it.

import HTTPSyntax

extension Decoder {
    static let trustedProxies: @Sendable (Node, inout Plan, Decoder) -> Void = {
        node, plan, decoder in
        guard node.kind == .sequence else {
            decoder.refuseAsProxies(node)
            plan.proxies.isBroken = true
            return
        }
        var seen: [TrustedProxy: Node] = [:]
        for item in node.items {
            guard let proxy = decoder.trustedProxy(item) else {
                plan.proxies.isBroken = true
                continue
            }
            if let first = seen[proxy] {
                decoder.report(item, Complaint("\(proxy.text) stands there twice"), at: first)
            }
            seen[proxy] = seen[proxy] ?? item
            plan.proxies.add(proxy)
            decoder.warn(of: proxy, item)
        }
    }

    private func refuseAsProxies(_ node: Node) {
        let shape = Shape.list(TrustedProxy.shape, atLeast: 0)
        guard node.kind == .scalar, !node.isNull else {
            _ = isSequence(node, shape)
            return
        }
        let meant = (try? TrustedProxy(node.text)).map { "[\($0.text)]" }
        report(
            node, Complaint("\(Printable.quoted(node.text)) is not a list", suggestion: meant),
            shape)
    }

    private func trustedProxy(_ node: Node) -> TrustedProxy? {
        guard let scalar = scalar(node, TrustedProxy.shape) else { return nil }
        do throws(Complaint) {
            return try TrustedProxy(scalar.text)
        } catch {
            report(node, error, TrustedProxy.shape)
            return nil
        }
    }

    /// A network that is everybody loads, for a gate that only proxies can reach.
    private func warn(of proxy: TrustedProxy, _ node: Node) {
        guard case .network(let network) = proxy, network.isEverything else { return }
        report(
            node,
            Complaint(
                "\(network.text) is every \(network.isIPv4 ? "IPv4" : "IPv6") address: any client "
                    + "can say that it is another one",
                accepted: "the networks of your proxies"),
            severity: .warning)
    }

    /// Reports listeners for PROXY headers to which nobody could connect.
    func checkProxyListeners(_ plan: Plan) {
        guard !plan.proxies.isBroken else { return }
        for (address, node) in plan.proxyListeners {
            let lack: String?
            switch address {
            case _ where plan.proxies.isEmpty: lack = "names nobody"
            case .unix: lack = plan.proxies.includesUnix ? nil : "lacks unix"
            // What the service manager passes is not known here.
            case .systemd: lack = nil
            case .ipv4: lack = plan.proxies.hasIPv4 ? nil : "has no IPv4 network"
            case .ipv6: lack = plan.proxies.hasIPv6 ? nil : "has no IPv6 network"
            }
            guard let lack else { continue }
            report(
                node,
                Complaint(
                    "PROXY headers are taken from trusted_proxies alone, which \(lack): nobody "
                        + "could connect",
                    accepted: "trusted_proxies with whoever sends PROXY headers"))
        }
    }
}

/// `trusted_proxies` while it is read.
struct ProxyDraft {
    private var networks: [AddressPrefix] = []
    private(set) var includesUnix = false
    /// Something of it was wrong, and reported.
    var isBroken = false

    mutating func add(_ proxy: TrustedProxy) {
        switch proxy {
        case .network(let network): networks.append(network)
        case .unix: includesUnix = true
        }
    }

    var isEmpty: Bool { networks.isEmpty && !includesUnix }
    var hasIPv4: Bool { networks.contains(where: \.isIPv4) }
    var hasIPv6: Bool { networks.contains { !$0.isIPv4 } }
    var set: AddressSet { AddressSet(networks, includesUnix: includesUnix) }
}
