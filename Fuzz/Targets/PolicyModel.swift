import HTTPSyntax
import Policy
import StrictHTTP

/// Rules for one method, and what they say of a path as some server reads it, found by trying
/// every pattern: nothing is shared with the gate's tables.
struct PolicyModel: Sendable {
    struct Rule: Sendable {
        /// Literal segments, `{name}`, `{name...}` at the end.
        let pattern: String
        let isAllowed: Bool
        /// What the rule says of methods besides the request's own.
        let overrides: OverrideMode
    }

    /// A segment of a pattern, for one server.
    enum Part: Equatable, Sendable {
        case literal(Bytes)
        case one
        case rest
    }

    let rules: [Rule]
    let defaultAllows: Bool

    /// A pattern as a path whose parameters are words that no server changes.
    private static func template(_ pattern: String) -> Bytes {
        let segments = pattern.split(separator: "/", omittingEmptySubsequences: false)
        let words = segments.map { segment in
            guard segment.hasPrefix("{") else { return String(segment) }
            return segment.hasSuffix("...}") ? "zqrestqz" : "zqoneqz"
        }
        return Bytes(words.joined(separator: "/").utf8)
    }

    /// The patterns as a server reads them.
    func patterns(for server: ServerModel) -> [[Part]] {
        rules.map { rule in
            server.read(Self.template(rule.pattern)).map { segment in
                switch String(latin1: segment) {
                case "zqoneqz": .one
                case "zqrestqz": .rest
                default: .literal(segment)
                }
            }
        }
    }

    /// The numbers of the rules that decide a path, the most specific ones; empty where the
    /// default does.
    func winners(_ path: [Bytes], among patterns: [[Part]]) -> [Int] {
        let matching = patterns.indices.filter { Self.matches(patterns[$0], path) }
        let endsInSlash = path.last?.isEmpty ?? true
        return matching.filter { rule in
            !matching.contains {
                Self.isNarrower(patterns[$0], patterns[rule], endsInSlash: endsInSlash)
            }
        }
    }

    /// Whether the method is allowed by all rules that decide a path.
    func allows(_ path: [Bytes], among patterns: [[Part]]) -> Bool {
        let winners = winners(path, among: patterns)
        return winners.isEmpty ? defaultAllows : winners.allSatisfy { rules[$0].isAllowed }
    }

    /// Whether the method may reach whoever reads a path so as an override of another one: where it
    /// is allowed, or a rule promises that it has no meaning there. What a rule would have removed
    /// is gone only if that of the raw path removes it.
    func allowsOverride(
        _ path: [Bytes], among patterns: [[Part]], raw: OverrideMode
    ) -> Bool {
        let winners = winners(path, among: patterns)
        if winners.isEmpty { return defaultAllows }
        return winners.allSatisfy {
            switch rules[$0].overrides {
            case .ignore: true
            case .strip: raw == .strip || rules[$0].isAllowed
            case .check: rules[$0].isAllowed
            case .deny: false
            }
        }
    }

    private static func core<Segment>(_ all: [Segment], _ isEmpty: (Segment) -> Bool) -> [Segment] {
        all.last.map(isEmpty) ?? false ? all.dropLast() : all
    }

    private static func parts(_ pattern: [Part]) -> [Part] {
        core(pattern) { $0 == .literal([]) }
    }

    private static func matches(_ pattern: [Part], _ path: [Bytes]) -> Bool {
        let segments = core(path) { $0.isEmpty }
        let parts = parts(pattern)
        for (index, part) in parts.enumerated() {
            if part == .rest { return true }
            guard index < segments.count else { return false }
            switch part {
            case .one: if segments[index].isEmpty { return false }
            case .literal(let text): if segments[index] != text { return false }
            case .rest: break
            }
        }
        return segments.count == parts.count
    }

    /// Whether one matching pattern has a strict subset of the other's paths, or has the path's
    /// trailing slash where the other has not.
    private static func isNarrower(
        _ one: [Part], _ other: [Part], endsInSlash: Bool
    ) -> Bool {
        let (left, right) = (parts(one), parts(other))
        if left == right {
            let (slash, otherSlash) = (left.count < one.count, right.count < other.count)
            return slash == endsInSlash && otherSlash != endsInSlash
        }
        var isStrict = false
        for (index, part) in right.enumerated() {
            if part == .rest { return isStrict || index >= left.count || left[index] != .rest }
            guard index < left.count else { return false }
            switch (left[index], part) {
            case (.literal, .literal), (.one, .one): break
            case (.literal, .one): isStrict = true
            default: return false
            }
        }
        return isStrict && left.count == right.count
    }
}
