// Time limits for tests: nothing in a test waits without one, since a test that hangs says
// nothing and keeps everybody waiting.

import Glibc

/// A moment on the monotonic clock after which waiting ends.
public struct Deadline: Sendable {
    private let nanoseconds: Int64

    /// A moment so many seconds from now.
    public init(seconds: Double) {
        nanoseconds = Deadline.now + Int64(seconds * 1e9)
    }

    /// Nanoseconds on the monotonic clock.
    public static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Milliseconds left, never negative; what poll(2) takes.
    public var milliseconds: Int32 {
        Int32(clamping: max(0, (nanoseconds - Deadline.now + 999_999) / 1_000_000))
    }

    public var hasPassed: Bool { Deadline.now >= nanoseconds }
}

/// Waiting took longer than the test allows.
public struct TimedOut: Error, CustomStringConvertible {
    public let description: String

    public init(_ what: String) { description = "timed out: " + what }
}

/// Asks again and again, every few milliseconds, until the condition holds.
///
/// - Returns: false when the time was up first.
public func eventually(
    within seconds: Double = 20, _ condition: () throws -> Bool
) rethrows -> Bool {
    let deadline = Deadline(seconds: seconds)
    while true {
        if try condition() { return true }
        if deadline.hasPassed { return false }
        usleep(5_000)
    }
}

/// Seconds that the work took.
public func seconds(of work: () throws -> Void) rethrows -> Double {
    let start = Deadline.now
    try work()
    return Double(Deadline.now - start) / 1e9
}
