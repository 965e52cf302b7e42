// The ids by which rejections and logs name rules. A rule without one gets it from its pattern
// (and host), so that it stays the same when the file is rearranged.

internal import HTTPSyntax

/// Names all rules of a policy.
struct RuleIdentifiers {
    /// Something wrong with an id as written.
    struct Clash {
        var id: String
        var what: String
        var accepted: String
        var location: SourceLocation
        var related: [SourceLocation] = []
    }

    /// The id of every scope's default.
    static let defaultID = "default"
    private static let maximumLength = 128

    private(set) var clashes: [Clash] = []
    private var given: [String: SourceLocation] = [:]
    private var derivedCounts: [String: Int] = [:]
    private var rules: [(given: String?, derived: String, host: String?, pattern: String)] = []

    mutating func add(_ rule: RuleSource, host: String?) {
        if let id = rule.id {
            check(id, at: rule.idLocation ?? rule.patternLocation)
            rules.append((id, "", nil, ""))
            return
        }
        let derived = Self.derive(from: rule.pattern, host: host)
        derivedCounts[derived, default: 0] += 1
        rules.append((nil, derived, host, rule.pattern))
    }

    private mutating func check(_ id: String, at location: SourceLocation) {
        if id == Self.defaultID {
            clash(id, "is the id of the defaults", "another id", at: location)
        } else if !Self.isValid(id) {
            clash(
                id, "is no id",
                "1 to \(Self.maximumLength) ASCII letters, digits and any of - _ . : / ~",
                at: location)
        } else if let known = given[id] {
            clash(id, "is already taken", "each id once", at: location, related: [known])
        } else {
            given[id] = location
        }
    }

    private mutating func clash(
        _ id: String, _ what: String, _ accepted: String, at location: SourceLocation,
        related: [SourceLocation] = []
    ) {
        clashes.append(
            Clash(id: id, what: what, accepted: accepted, location: location, related: related))
    }

    private static func isValid(_ id: String) -> Bool {
        !id.isEmpty && id.utf8.count <= maximumLength
            && id.utf8.allSatisfy {
                PathEscape.isUnreserved($0) || $0 == 0x3a || $0 == 0x2f
            }
    }

    /// `/api/items/{id}` gives `api-items-id`, `/` gives `root`.
    static func derive(from pattern: String, host: String?) -> String {
        var id: [UInt8] = []
        id.reserveCapacity(64)
        for byte in ((host ?? "") + pattern).utf8 {
            if byte != 0x2d && PathEscape.isUnreserved(byte) {
                id.append(byte)
            } else if let last = id.last, last != 0x2d, byte != 0x7d {
                id.append(0x2d)
            }
        }
        while let last = id.last, last == 0x2d || last == 0x2e { id.removeLast() }
        guard !id.isEmpty else { return "root" }
        return String(decoding: id.prefix(maximumLength), as: UTF8.self)
    }

    /// The ids in the order in which the rules came. Where a derived one is not unique, or is
    /// taken, all that share it get a suffix that depends on nothing but their own pattern.
    func names() -> [String] {
        var suffixed: Set<String> = []
        return rules.map { rule in
            if let given = rule.given { return given }
            var name = rule.derived
            let isTaken = given[name] != nil || name == Self.defaultID
            guard isTaken || derivedCounts[name] ?? 0 > 1 else { return name }
            name += "-" + Self.hash((rule.host ?? "") + rule.pattern)
            while given[name] != nil || derivedCounts[name] != nil
                || !suffixed.insert(name).inserted
            {
                name += "-2"
            }
            return name
        }
    }

    /// FNV-1a, 32 bits in hexadecimal.
    private static func hash(_ text: String) -> String {
        var hash: UInt32 = 0x811c_9dc5
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
