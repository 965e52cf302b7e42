// Bytes that end where the address space does: whoever reads behind them dies at once.

import Glibc
import HTTPSyntax
import Memory

/// Areas that end at a page nobody may touch, kept because mapping one takes long.
private let areas = Lock<[Int]>([])
private let areaSize = 1 << 18

/// The address of the guard of an area; areas are never unmapped.
private func takeGuard() -> Int {
    if let kept = areas.withLock({ $0.popLast() }) { return kept }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let area = mmap(
        nil, areaSize + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let area, area != MAP_FAILED else { fatalError("mmap") }
    precondition(mprotect(area + areaSize, page, PROT_NONE) == 0)
    return Int(bitPattern: area + areaSize)
}

/// Lends a copy of `bytes` that ends where reading on is a crash.
func withGuardedBytes<Result>(_ bytes: [UInt8], _ body: (MutableByteView) -> Result) -> Result {
    precondition(bytes.count <= areaSize, "more than an area holds")
    let end = takeGuard()
    defer { areas.withLock { $0.append(end) } }
    guard let start = UnsafeMutablePointer<UInt8>(bitPattern: end - bytes.count) else {
        fatalError("no address")
    }
    start.update(from: bytes, count: bytes.count)
    return body(MutableByteView(base: start, count: bytes.count))
}

/// One byte for each character, so that a literal can hold any of them.
func latin(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
}

/// The same in the other direction.
func latin(_ bytes: some Sequence<UInt8>) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
}

/// A generator of the same numbers in every run (SplitMix64).
struct FixedSeed: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
