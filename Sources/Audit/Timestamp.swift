// When something happened. The worker reads the clock once an iteration and hands the value on.

import Glibc
package import HTTPSyntax

/// Microseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Comparable, Sendable, BitwiseCopyable {
    package let microseconds: Int64

    /// Since 1970-01-01T00:00:00Z; what is before is that moment.
    package init(microseconds: Int64) { self.microseconds = Swift.max(0, microseconds) }

    /// Reads `2026-11-21T03:34:52.123456Z`, as records have it; nil where it is anything else.
    package init?(_ text: ByteView) {
        let form: ByteView = ByteView("dddd-dd-ddTdd:dd:dd.ddddddZ")
        guard text.count == form.count else { return nil }
        var digits: [Int64] = []
        for index in 0..<form.count {
            if form[index] == 0x64 {
                guard ASCII.isDigit(text[index]) else { return nil }
                digits.append(Int64(text[index]) - 0x30)
            } else if form[index] != text[index] {
                return nil
            }
        }
        func number(_ range: Range<Int>) -> Int64 { digits[range].reduce(0) { $0 * 10 + $1 } }
        let (year, month, day) = (number(0..<4), number(4..<6), number(6..<8))
        guard (1...12).contains(month), (1...31).contains(day), year >= 1970 else { return nil }
        // As in CivilTime: years from 1 March on, so that a leap day ends its year.
        let sinceMarch = (month + 9) % 12
        let shifted = year - (month <= 2 ? 1 : 0)
        let days =
            shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400
            + (153 * sinceMarch + 2) / 5 + day - 1 - 719_468
        let seconds = days * 86_400 + number(8..<10) * 3600 + number(10..<12) * 60 + number(12..<14)
        self.init(microseconds: seconds * 1_000_000 + number(14..<20))
    }

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
