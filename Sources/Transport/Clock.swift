internal import Glibc

// The two clocks: one that only goes forward, for deadlines; one that people read, for records.

/// Reads the clocks.
package enum Clock {
    /// Milliseconds since some moment in the past; never goes back. No system call (vDSO).
    package static func milliseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1000 &+ UInt64(time.tv_nsec) / 1_000_000
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z. No system call (vDSO).
    package static func wallNanoseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Waits. Not for a thread whose loop serves somebody.
    package static func pause(milliseconds: UInt32) { usleep(milliseconds * 1000) }
}
