// Bytes that end where the address space does: whoever reads behind them dies at once.

import Glibc
import HTTPSyntax

/// Lends a copy of `bytes` that is followed by a page nobody may touch.
func withGuardedBytes<Result>(_ bytes: [UInt8], _ body: (MutableByteView) -> Result) -> Result {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let room = (bytes.count + page - 1) / page * page
    let area = mmap(
        nil, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let area, area != MAP_FAILED else { fatalError("mmap") }
    defer { munmap(area, room + page) }
    precondition(mprotect(area + room, page, PROT_NONE) == 0)
    let start = (area + room - bytes.count).bindMemory(to: UInt8.self, capacity: bytes.count)
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
