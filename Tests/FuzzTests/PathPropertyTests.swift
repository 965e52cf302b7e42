import FuzzTargets
import HTTPSyntax
import Testing

@Suite struct PathPropertyTests {
    /// The first finding of some generated targets, 25 for each policy.
    private func finding(
        _ count: Int, level: ReadingLevel, promised: ReadingLevel
    ) -> Finding? {
        var seed: UInt64 = 0
        var left = count
        while left > 0 {
            seed += 1
            guard let property = PathProperty(seed: seed, level: level, promised: promised) else {
                continue
            }
            for _ in 0..<25 {
                do throws(Finding) {
                    try property.check(property.generate())
                } catch {
                    return error
                }
            }
            left -= 25
        }
        return nil
    }

    @Test(arguments: [ReadingLevel.exact, .standard, .all])
    func `no spelling gets around a policy`(level: ReadingLevel) {
        #expect(finding(1500, level: level, promised: level) == nil)
    }

    @Test(arguments: [ReadingLevel.exact, .standard])
    func `a gate that judges too few readings is found out`(level: ReadingLevel) {
        #expect(finding(1500, level: level, promised: .all) != nil)
    }
}
