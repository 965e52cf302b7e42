// A set of methods as bits, so that a verdict is one AND.

/// Registered and custom methods of one policy, and whether every other token belongs too.
@usableFromInline package struct MethodSet: Hashable, Sendable, BitwiseCopyable {
    /// Bit n: the registered method n.
    @usableFromInline package var registered: UInt64
    /// Bit n: the policy's custom method 64 + n.
    @usableFromInline package var custom: UInt64
    /// Whether a token that has no number belongs (`any`).
    @usableFromInline package var others: Bool

    /// The methods of these bits.
    @inlinable package init(registered: UInt64 = 0, custom: UInt64 = 0, others: Bool = false) {
        self.registered = registered
        self.custom = custom
        self.others = others
    }

    package static let none = MethodSet()
    /// `any`: every valid token but TRACE and CONNECT.
    package static let any = MethodSet(
        registered: ~(1 << UInt64(MethodID.trace.rawValue))
            & ~(1 << UInt64(MethodID.connect.rawValue)),
        custom: ~0, others: true)

    /// Whether the method belongs; a token without a number by `others`.
    @inlinable package func contains(_ method: MethodID) -> Bool {
        if method.rawValue < 64 { return (registered &>> UInt64(method.rawValue)) & 1 != 0 }
        if method.rawValue < 128 { return (custom &>> UInt64(method.rawValue & 63)) & 1 != 0 }
        return others
    }

    /// Adds one; a token without a number adds all such.
    package mutating func insert(_ method: MethodID) {
        if method.rawValue < 64 {
            registered |= 1 << UInt64(method.rawValue)
        } else if method.rawValue < 128 {
            custom |= 1 << UInt64(method.rawValue & 63)
        } else {
            others = true
        }
    }

    /// What belongs to both.
    package func intersection(_ other: MethodSet) -> MethodSet {
        MethodSet(
            registered: registered & other.registered, custom: custom & other.custom,
            others: others && other.others)
    }
}
