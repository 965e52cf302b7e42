import Policy
import StrictHTTP

/// Makes policies, and request targets that try to get around them.
struct PathGenerator {
    var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &generator) < percent
    }

    private mutating func any<Element>(of choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &generator)]
    }

    // MARK: Policies

    private static let words = ["a", "b", "admin", "api", "items", "x", "sky"]
    /// Literals that servers change.
    private static let oddWords = [
        "A", "Admin", "a.b", "a;b", "a%2Fb", "a%20b", "a.", "%2561", "caf%C3%A9", "a%3Fb", "b%5Cc",
        "a%25", "..a", "a,b=c", "~x", "a%3Bb",
    ]

    /// A handful of rules; they may contradict one another.
    mutating func rules() -> [PolicyModel.Rule] {
        let isOdd = chance(30)
        return (0..<Int.random(in: 1...6, using: &generator)).map { _ in
            PolicyModel.Rule(
                pattern: pattern(isOdd), isAllowed: chance(50), overrides: overrides())
        }
    }

    private mutating func overrides() -> OverrideMode {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0, 1: .ignore
        case 2, 3: .strip
        case 4: .deny
        default: .check
        }
    }

    private mutating func pattern(_ isOdd: Bool) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            text += "/"
            if chance(20) {
                text += "{p\(text.utf8.count)}"
            } else {
                text += isOdd && chance(40) ? any(of: Self.oddWords) : any(of: Self.words)
            }
        }
        if chance(30) { return text + "/{rest...}" }
        return chance(8) ? text + "/" : text
    }

    // MARK: Targets

    private static let pieces = [
        "a", "b", "x", "admin", "A", "B", ".", "..", "/", "/", "/", "%2e", "%2E%2e", "%2F", "%2f",
        "%5c", "%5C", ";", ";x=1", "%3B", "%20", "%0a", "%61", "%41", "%2561", "%252e", "%252F",
        "%25", "%3f", "%23", "%c0%af", "%c0%ae", "%e0%80%af", "%C1%A1", "%f0%80%80%ae", "%c3%a9",
        "..;/", "/./", "//", "%255c", "%C0%2f", "%09", "%c0%80", "%2500", "%E2%84%AA", "%25c0%25af",
        "%C5%BFky",
    ]

    /// Pieces in any order.
    mutating func soup() -> Bytes {
        var path = "/"
        for _ in 0..<Int.random(in: 1...6, using: &generator) { path += any(of: Self.pieces) }
        return Bytes(path.utf8)
    }

    /// A path that a pattern matches, written otherwise.
    mutating func spelling(of rule: PolicyModel.Rule) -> Bytes {
        var path = instance(of: rule.pattern)
        for _ in 0..<Int.random(in: 0...3, using: &generator) { path = respelled(path) }
        return path
    }

    private mutating func instance(of pattern: String) -> Bytes {
        let segments = pattern.split(separator: "/", omittingEmptySubsequences: false)
        let words = segments.map { segment -> String in
            guard segment.hasPrefix("{") else { return String(segment) }
            let isRest = segment.hasSuffix("...}")
            if isRest, chance(30) { return chance(50) ? "" : "b/x" }
            return any(of: Self.words)
        }
        return Bytes(words.joined(separator: "/").utf8)
    }

    /// Puts in place of a slash.
    private static let slashes = [
        "//", "/./", "/x/../", "/x/..;/", "/;/", "/;a=b/", "%2F", "%2f", "%5c", "%5C", "%252f",
        "/%2e/", "/x/%2e%2e/", "/x/%252e%252e/", "%c0%af", "%c1%9c", "%e0%80%af", "/.;x/", "/%20/",
        "%2F%2F", "/x/..%2f", "/x/.%2e/", "/../", "/%2E%2E/",
    ]
    /// Puts at the end.
    private static let ends = [
        "/", ".", "..", "%20", "%0a", "%09", "%2e", "/.", ";", ";x", ";x=y", "%3Bx", "%3fx", "%23x",
        "%3F", "/x/..", "%2F", "%5c", "%252e", "%c0%ae", ".%20", "%20.", "/%2e", "//",
    ]

    /// The path in another spelling that some server may not tell from it.
    private mutating func respelled(_ path: Bytes) -> Bytes {
        var path = path
        let index = Int.random(in: 0..<path.count, using: &generator)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0, 1:
            // A slash, the first one at or behind the index.
            guard let slash = path[index...].firstIndex(of: 0x2f) else { return path }
            path.replaceSubrange(slash...slash, with: Bytes(any(of: Self.slashes).utf8))
        case 2: path += Bytes(any(of: Self.ends).utf8)
        case 3, 4: path.replaceSubrange(index...index, with: escape(path[index]))
        case 5: path.replaceSubrange(index...index, with: overlong(path[index]))
        case 6:
            let byte = path[index]
            if (0x61...0x7a).contains(byte | 0x20) { path[index] = byte ^ 0x20 }
        default: path = Bytes(any(of: ["//host", "/.", "/x/..", "/", "/%2e", "/;p"]).utf8) + path
        }
        return path
    }

    private mutating func escape(_ byte: UInt8) -> Bytes {
        let digits = Bytes((chance(50) ? "0123456789abcdef" : "0123456789ABCDEF").utf8)
        return [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private mutating func overlong(_ byte: UInt8) -> Bytes {
        guard byte < 0x80 else { return escape(byte) }
        let low = 0x80 | byte & 0x3f
        let bytes: Bytes =
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: [0xc0 | byte >> 6, low]
            case 1: [0xe0, 0x80 | byte >> 6, low]
            default: [0xf0, 0x80, 0x80 | byte >> 6, low]
            }
        return bytes.flatMap { escape($0) }
    }
}
