// When something happened. The worker reads the clock once an iteration and hands the value on.

import Glibc
import HTTPSyntax

/// Microseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Comparable, Sendable, BitwiseCopyable {
    package let microseconds: Int64

    /// Since 1970-01-01T00:00:00Z; what is before is that moment.
    package init(microseconds: Int64) { self.microseconds = Swift.max(0, microseconds) }

    /// What the system's clock says (clock_gettime, CLOCK_REALTIME).
    package static func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// Whole seconds since 1970, as `HTTPDate` wants them.
    package var seconds: Int64 { microseconds / 1_000_000 }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }
}

/// Writes `2026-11-21T03:34:52.123456Z` (RFC 3339); the text of the last second is kept.
struct TimestampWriter: ~Copyable {
    private var second = Int64.min
    private var kept = ByteBuffer(capacity: 32)

    init() {}

    mutating func append(_ time: Timestamp, to buffer: inout ByteBuffer) {
        let seconds = time.seconds
        if seconds != second {
            second = seconds
            kept.removeAll()
            CivilTime(secondsSince1970: seconds).appendRFC3339(to: &kept)
            kept.append(byte: 0x2e)
        }
        buffer.append(kept.view)
        buffer.appendSixDigits(UInt32(truncatingIfNeeded: time.microseconds - seconds * 1_000_000))
        buffer.append(byte: 0x5a)
    }
}
