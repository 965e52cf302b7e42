// Generated policies against generated request targets, without libFuzzer: `PathProperty COUNT
// [SEED]`. The same numbers give the same run. Exits 1 and says what to repeat where a target gets
// to what its policy blocks.

import FuzzTargets
import Glibc
import HTTPSyntax

private let arguments = CommandLine.arguments.dropFirst().map { Int($0) }
guard arguments.count <= 2, let count = arguments.first ?? 1_000_000,
    let firstSeed = arguments.dropFirst().first ?? 1
else {
    print("usage: PathProperty [COUNT [SEED]]")
    exit(2)
}

/// Targets for each policy: compiling one takes as long as judging many.
private let perPolicy = 500
private var counts = PathProperty.Counts()
private var policies = 0
private var seed = UInt64(firstSeed)
private let clock = ContinuousClock()
private let start = clock.now

while counts.targets < count {
    // One policy in five promises less.
    guard let property = PathProperty(seed: seed, level: seed % 5 == 0 ? .standard : .all) else {
        seed += 1
        continue
    }
    for _ in 0..<min(perPolicy, count - counts.targets) {
        do throws(Finding) {
            try property.check(property.generate())
        } catch {
            print("\(error)\nrepeat: PathProperty \(perPolicy) \(seed)")
            exit(1)
        }
    }
    counts += property.counts
    policies += 1
    seed += 1
}

print(
    """
    \(counts.targets) targets against \(policies) policies, none gets around one; \
    \(clock.now - start)
    forwarded \(counts.forwarded), blocked \(counts.blocked) (of these \(counts.caught) that a \
    plain reading allows), refused \(counts.refused)
    """)
