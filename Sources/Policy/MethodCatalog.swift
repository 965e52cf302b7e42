// Which methods a configuration knows: the registry's and its own, which get numbers here; and
// what is wrong with a method that it lists.

internal import HTTPSyntax

/// Numbers for the custom methods of one policy, and the judgement of what is listed.
struct MethodCatalog {
    static let maximumCustom = 64

    /// In the order of their numbers, from 64 on.
    private(set) var custom: [Method] = []
    /// The registered ones too.
    private var numbers: [Method: MethodID] = [:]
    private let declared: Set<Method>

    init(declared: [Method]) {
        self.declared = Set(declared)
        for (index, name) in MethodID.registry.enumerated() {
            if let method = Method(ByteView(name).text) {
                numbers[method] = MethodID(rawValue: UInt8(index))
            }
        }
        for method in declared where Self.refusal(of: method) == nil { _ = intern(method) }
    }

    /// The number of a method; nil where there are too many custom ones.
    mutating func intern(_ method: Method) -> MethodID? {
        if let known = numbers[method] { return known }
        guard custom.count < Self.maximumCustom else { return nil }
        let id = MethodID(rawValue: MethodID.firstCustom + UInt8(custom.count))
        custom.append(method)
        numbers[method] = id
        return id
    }

    /// The number that a method already has.
    func number(of method: Method) -> MethodID? { numbers[method] }

    /// What is wrong with a listed method, and what was probably meant.
    func failure(of method: Method) -> PathPattern.Failure? {
        if let refusal = Self.refusal(of: method) { return refusal }
        if method.registered != nil || declared.contains(method) { return nil }
        guard let similar = Self.registeredSimilar(to: method) else { return nil }
        return PathPattern.Failure(
            message: "'\(method)' is no registered method",
            accepted: "a registered method, or '\(method)' in custom_methods", suggestion: similar)
    }

    /// Tokens that are no methods of a request which a gateway forwards.
    static func refusal(of method: Method) -> PathPattern.Failure? {
        switch method.name {
        case "*":
            PathPattern.Failure(
                message: "'*' is no method",
                accepted: "any, for every method but TRACE and CONNECT",
                suggestion: "any")
        case "any":
            PathPattern.Failure(
                message: "'any' stands for every method and cannot be the name of one",
                accepted: "any other name")
        case "PRI":
            PathPattern.Failure(message: "PRI is reserved for the preface of HTTP/2", accepted: nil)
        case "CONNECT":
            PathPattern.Failure(
                message: "CONNECT is never forwarded: this is a gateway, not a tunnel",
                accepted: "any other method")
        default: nil
        }
    }

    /// The registered method that equals `method` in another case or but for one edit.
    private static func registeredSimilar(to method: Method) -> String? {
        let name = Array(method.name.uppercased().utf8)
        for candidate in MethodID.registry {
            let bytes = ByteView(candidate).bytes
            if isOneEdit(from: name, to: bytes) { return String(decoding: bytes, as: UTF8.self) }
        }
        return nil
    }

    /// Whether one insertion, deletion, replacement or swap of neighbours, or none, leads from
    /// one to the other.
    static func isOneEdit(from left: [UInt8], to right: [UInt8]) -> Bool {
        let (short, long) = left.count <= right.count ? (left, right) : (right, left)
        guard long.count - short.count <= 1 else { return false }
        var start = 0
        while start < short.count, short[start] == long[start] { start += 1 }
        if start == short.count { return true }
        if short.count < long.count { return short[start...] == long[(start + 1)...] }
        if short[(start + 1)...] == long[(start + 1)...] { return true }
        return start + 1 < short.count && short[start] == long[start + 1]
            && short[start + 1] == long[start] && short[(start + 2)...] == long[(start + 2)...]
    }
}
