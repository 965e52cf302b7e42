import HTTPSyntax
import Memory
import Policy
import StrictHTTP

extension FuzzTarget {
    /// A path behind two bytes that choose a generated policy and what it judges: no server takes
    /// it to where the policy blocks, and all ways to ask the policy agree.
    static let path = FuzzTarget("path", longest: 256) { input throws(Finding) in
        guard input.count > 2 else { return }
        let seed = UInt64(input[0] & 0x3f)
        let level: ReadingLevel =
            switch input[1] & 3 {
            case 0: .exact
            case 1: .standard
            default: .all
            }
        // A query begins at the first of these, and a fragment is refused by the parser.
        let path = Array(input.dropFirst(2).prefix { $0 != 0x3f && $0 != 0x23 })
        var finding: Finding?
        properties.withLock { known in
            let key = Key(seed: seed, level: level)
            let property = known[key] ?? makeProperty(seed, level)
            known[key] = property
            do throws(Finding) {
                try property.check(path)
                try property.checkExplanation(path)
            } catch {
                finding = error
            }
        }
        if let finding { throw finding }
    }

    private struct Key: Hashable {
        var seed: UInt64
        var level: ReadingLevel
    }

    /// Made once each: compiling a policy takes longer than asking it.
    private static let properties = Lock<[Key: PathProperty]>([:])

    private static func makeProperty(_ seed: UInt64, _ level: ReadingLevel) -> PathProperty {
        var seed = seed
        while true {
            if let property = PathProperty(seed: seed, level: level) { return property }
            seed += 64
        }
    }
}
