// The ways in which bytes may arrive. What is read must not depend on them.

/// A source of numbers that are the same for the same seed (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// Seeded by the bytes themselves (FNV-1a), so that an input always does the same.
    init(of bytes: [UInt8]) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state = hash
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

enum Splitting {
    /// Byte by byte, which costs as many calls, only up to here.
    private static let longestByteByByte = 2048

    /// Where the pieces of some bytes end, in several ways: byte by byte, in two pieces, in three.
    static func cuts(of bytes: [UInt8]) -> [[Int]] {
        let count = bytes.count
        guard count > 1 else { return [] }
        var generator = SeededGenerator(of: bytes)
        var ways: [[Int]] = []
        if count <= longestByteByByte { ways.append(Array(1...count)) }
        for _ in 0..<2 {
            ways.append([Int.random(in: 1..<count, using: &generator), count])
        }
        let two = [0, 0].map { _ in Int.random(in: 1..<count, using: &generator) }
        ways.append(two.sorted() + [count])
        return ways
    }
}
