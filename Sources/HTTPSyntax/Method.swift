// Request methods (RFC 9110 §9): case-sensitive tokens, never a closed enumeration. A method
// that the IANA registry lists has a small number, so that sets of methods are bits.

/// A method name that is known to be a token.
package struct Method: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    /// Nil where `name` is no token.
    package init?(_ name: String) {
        guard name.withView(Token.isValid) else { return nil }
        self.name = name
    }

    package var description: String { name }

    /// Its number where the IANA registry lists it, else nil.
    package var registered: MethodID? {
        let id = name.withView(MethodID.init(registered:))
        return id == .unknown ? nil : id
    }
}

/// A method as a number: 0–63 registered, 64–127 custom to one policy, 255 any other token.
///
/// Custom numbers are given by `Policy` and mean nothing outside the policy that gave them.
@usableFromInline package struct MethodID: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package let rawValue: UInt8

    /// The method with that number; not checked.
    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

    // Computed, since a stored one is a call for other modules.
    @inlinable package static var get: MethodID { MethodID(rawValue: 0) }
    @inlinable package static var head: MethodID { MethodID(rawValue: 1) }
    @inlinable package static var post: MethodID { MethodID(rawValue: 2) }
    @inlinable package static var put: MethodID { MethodID(rawValue: 3) }
    @inlinable package static var delete: MethodID { MethodID(rawValue: 4) }
    @inlinable package static var patch: MethodID { MethodID(rawValue: 5) }
    @inlinable package static var options: MethodID { MethodID(rawValue: 6) }
    @inlinable package static var trace: MethodID { MethodID(rawValue: 7) }
    @inlinable package static var connect: MethodID { MethodID(rawValue: 8) }
    @inlinable package static var query: MethodID { MethodID(rawValue: 9) }
    package static let firstCustom: UInt8 = 64
    @inlinable package static var unknown: MethodID { MethodID(rawValue: 255) }

    // Written out so that other modules inline it: the derived one is a call.
    @inlinable package static func == (left: MethodID, right: MethodID) -> Bool {
        left.rawValue == right.rawValue
    }

    @inlinable package var isRegistered: Bool { rawValue < 64 }

    /// The registry, in the order of the numbers: RFC 9110's first, then the rest by name.
    /// `*` and `PRI` are reserved there and are no methods.
    package static let registry: [StaticString] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY",
        "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK",
        "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE",
        "ORDERPATCH", "PROPFIND", "PROPPATCH", "REBIND", "REPORT", "SEARCH", "UNBIND",
        "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
    ]

    /// The methods that RFC 9110 §9.2.2 and the registry call idempotent: a request lost with a
    /// connection may be sent again.
    package var isIdempotent: Bool {
        isRegistered && (Self.idempotent &>> UInt64(rawValue)) & 1 != 0
    }

    private static let idempotent: UInt64 = bits(
        "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY", "ACL", "BASELINE-CONTROL",
        "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "MERGE", "MKACTIVITY",
        "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PROPFIND",
        "PROPPATCH", "REBIND", "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK",
        "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL")

    private static func bits(_ names: StaticString...) -> UInt64 {
        names.reduce(0) { $0 | 1 << UInt64(MethodID(registered: ByteView($1)).rawValue) }
    }

    /// The number of a registered method, or `.unknown`. The hot ones are found by a comparison
    /// of words, without touching the registry.
    package init(registered token: ByteView) { self = Self.find(token) }

    private static func find(_ token: ByteView) -> MethodID {
        switch token.count {
        case 3:
            if token.equals(ByteView("GET")) { return .get }
            if token.equals(ByteView("PUT")) { return .put }
        case 4:
            if token.equals(ByteView("POST")) { return .post }
            if token.equals(ByteView("HEAD")) { return .head }
        case 5: if token.equals(ByteView("PATCH")) { return .patch }
        case 6: if token.equals(ByteView("DELETE")) { return .delete }
        case 7: if token.equals(ByteView("OPTIONS")) { return .options }
        default: break
        }
        return search(token)
    }

    @inline(never) private static func search(_ token: ByteView) -> MethodID {
        for (index, name) in registry.enumerated() where token.equals(ByteView(name)) {
            return MethodID(rawValue: UInt8(index))
        }
        return .unknown
    }
}
