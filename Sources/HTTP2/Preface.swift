package import HTTPSyntax

// The bytes that begin a connection of HTTP/2 whose client knows that the server speaks it
// (RFC 9113 §3.3, §3.4).

package enum Preface {
    /// What the first bytes of a connection are.
    package enum Finding: Sendable {
        /// Part of the preface.
        case begun
        case complete
        case other
    }

    private static let bytes: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    static var length: Int { ByteView(bytes).count }

    package static func find(_ view: ByteView) -> Finding {
        let preface = ByteView(bytes)
        let length = min(view.count, preface.count)
        guard view.slice(0, length).equals(preface.slice(0, length)) else { return .other }
        return length == preface.count ? .complete : .begun
    }
}
