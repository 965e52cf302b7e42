// SHA-256 (FIPS 180-4) once more and apart from the gate's, to check its chain of records.

enum SHA256 {
    private static let constants: [UInt32] = primes(64).map { fraction(cubeRoot($0)) }
    private static let start: [UInt32] = primes(8).map { fraction(Double($0).squareRoot()) }

    /// The digest in lower-case hexadecimal digits.
    static func hexadecimal(_ message: Bytes) -> String {
        var padded = message + [0x80]
        padded += Bytes(repeating: 0, count: (120 - padded.count % 64) % 64)
        for shift in stride(from: 56, through: 0, by: -8) {
            padded.append(UInt8(truncatingIfNeeded: (message.count * 8) >> shift))
        }
        var state = start
        for block in stride(from: 0, to: padded.count, by: 64) {
            compress(padded[block..<(block + 64)], into: &state)
        }
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    private static func compress(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        var words = [UInt32](repeating: 0, count: 64)
        for (index, byte) in block.enumerated() {
            words[index / 4] |= UInt32(byte) << UInt32(24 - 8 * (index % 4))
        }
        for index in 16..<64 {
            let a = words[index - 15]
            let b = words[index - 2]
            let small = rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3)
            let large = rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10)
            words[index] = words[index - 16] &+ small &+ words[index - 7] &+ large
        }
        var v = state
        for index in 0..<64 {
            let e = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)
            let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
            let first = v[7] &+ e &+ choice &+ constants[index] &+ words[index]
            let a = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            v = [first &+ a &+ majority, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
        }
        for index in 0..<8 { state[index] &+= v[index] }
    }

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
        (word >> count) | (word << (32 - count))
    }

    private static func primes(_ count: Int) -> [Int] {
        var found: [Int] = []
        var candidate = 2
        while found.count < count {
            if found.allSatisfy({ candidate % $0 != 0 }) { found.append(candidate) }
            candidate += 1
        }
        return found
    }

    /// Newton's iteration; exact enough for 32 bits of fraction.
    private static func cubeRoot(_ number: Int) -> Double {
        var root = Double(number)
        for _ in 0..<100 { root -= (root * root * root - Double(number)) / (3 * root * root) }
        return root
    }

    private static func fraction(_ number: Double) -> UInt32 {
        UInt32((number - number.rounded(.down)) * 4_294_967_296)
    }
}
