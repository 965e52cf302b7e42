// The protocols that a rule lets a request switch to. There is one, WebSocket, and who asks for
// another one is told why it is not to be had.

import Policy

/// A rule's `upgrade` and where it was written.
struct UpgradeList: Sendable {
    var hasWebSocket = false
    var location: SourceLocation
}

extension Kind<UpgradeList> {
    /// A list of protocols as `Upgrade` names them (RFC 9110 §7.8).
    static var upgrades: Self {
        Kind(.list(.words(UpgradeList.known), atLeast: 0)) {
            (node: Node, decoder: Decoder) -> UpgradeList? in decoder.upgrades(node)
        }
    }
}

extension UpgradeList {
    fileprivate static let known = ["websocket"]
    fileprivate static let shape = Shape.list(.words(known), atLeast: 0)
}

extension Decoder {
    fileprivate func upgrades(_ node: Node) -> UpgradeList? {
        guard node.kind == .sequence else {
            if node.kind == .scalar, !node.isNull {
                let meant = Suggestion.nearest(to: node.text, among: UpgradeList.known)
                report(
                    node,
                    Complaint(
                        "\(Printable.quoted(node.text)) is not a list",
                        suggestion: meant.map { "[\($0)]" }), UpgradeList.shape)
            } else {
                _ = isSequence(node, UpgradeList.shape)
            }
            return nil
        }
        var list = UpgradeList(location: location(node))
        for item in node.items where isWebSocket(item) {
            if list.hasWebSocket { report(item, Complaint("'websocket' is listed twice")) }
            list.hasWebSocket = true
        }
        return list
    }

    private func isWebSocket(_ node: Node) -> Bool {
        let shape = Shape.words(UpgradeList.known)
        guard let scalar = scalar(node, shape) else { return false }
        if scalar.text == "websocket" { return true }
        report(node, refusal(scalar), shape)
        return false
    }

    private func refusal(_ protocolName: Scalar) -> Complaint {
        if ["h2c", "h2"].contains(protocolName.text.lowercased()) {
            return Complaint(
                "\(protocolName.quoted) is never forwarded: HTTP/2's requests would pass unjudged")
        }
        if let meant = Suggestion.nearest(to: protocolName.text, among: UpgradeList.known) {
            return Complaint("\(protocolName.quoted) is not accepted", suggestion: meant)
        }
        return Complaint(
            "\(protocolName.quoted) cannot be granted: the gate can check no handshake but "
                + "WebSocket's")
    }
}
