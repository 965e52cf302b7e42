// Makes event ids that are unique across workers and restarts by 61 random bits, and in order
// within one worker whatever the clock does.

import Glibc

/// A source of event ids; one a worker.
package struct EventIDGenerator: ~Copyable {
    private var random: RandomSource
    /// Milliseconds and twelve bits below them, as the last id had it.
    private var lastTime: UInt64 = 0
    /// The low 62 bits of the last id.
    private var lastTail: UInt64 = 0

    /// Seeds itself from the kernel (getentropy); throws its errno.
    package init() throws(EntropyError) { random = try RandomSource() }

    /// An id for that time, greater than every one before it.
    ///
    /// The twelve bits after the version hold the fraction of the millisecond (RFC 9562 §6.2,
    /// method 3). Ids of one and the same instant, or of a clock that was set back, keep the
    /// time of the last id and add a random number to its tail (method 2).
    package mutating func next(at time: Timestamp) -> EventID {
        let microseconds = UInt64(time.microseconds)
        let fraction = microseconds % 1000 * 4096 / 1000
        let instant = (microseconds / 1000) << 12 | fraction
        if instant > lastTime {
            begin(instant)
        } else {
            lastTail &+= 1 + random.next() & 0xffff_ffff
            if lastTail >> 62 != 0 { begin(lastTime + 1) }
        }
        return EventID(
            high: (lastTime >> 12) << 16 | 0x7000 | lastTime & 0xfff, low: 1 << 63 | lastTail)
    }

    /// Takes a new time and a tail whose highest bit is left free to count into.
    private mutating func begin(_ instant: UInt64) {
        lastTime = instant
        lastTail = random.next() >> 3
    }
}

/// The kernel has no random bytes to give.
package struct EntropyError: Error, Equatable, CustomStringConvertible {
    package let code: Int32

    package var description: String { "getentropy failed: \(errorText(code))" }
}

/// xoshiro256++ (Blackman and Vigna): fast, not for secrets.
struct RandomSource {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init() throws(EntropyError) {
        var seed: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let failed = unsafe withUnsafeMutableBytes(of: &seed) { seed in
            unsafe getentropy(seed.baseAddress, seed.count)
        }
        if failed != 0 { throw EntropyError(code: errno) }
        // The one state that never leaves zero.
        if seed == (0, 0, 0, 0) { seed.0 = 1 }
        state = seed
    }

    mutating func next() -> UInt64 {
        let sum = state.0 &+ state.3
        let result = (sum << 23 | sum >> 41) &+ state.0
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }
}
