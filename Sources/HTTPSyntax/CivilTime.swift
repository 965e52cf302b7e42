// Seconds since 1970 as a date and time of day in UTC, by arithmetic alone: libc's functions
// read the environment's zone and take a lock, and records and `Date` need neither.

/// A date and time of the proleptic Gregorian calendar in UTC, years 1970 to 9999.
@usableFromInline package struct CivilTime: Equatable, Sendable, BitwiseCopyable {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int
    /// 0 for Sunday, to 6.
    package let weekday: Int
    package let hour: Int
    package let minute: Int
    package let second: Int

    /// 9999-12-31T23:59:59Z: what lies beyond is told as this.
    package static let lastSecond: Int64 = 253_402_300_799

    /// Takes seconds since 1970-01-01T00:00:00Z; what lies before is told as that.
    package init(secondsSince1970 seconds: Int64) {
        let time = Int(Swift.min(Swift.max(seconds, 0), Self.lastSecond))
        let days = time / 86_400
        let rest = time % 86_400
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
        // 1970-01-01 was a Thursday.
        weekday = (days + 4) % 7
        // Years are counted from 1 March 0000, so that a leap day ends its year; 146,097 days
        // make 400 years, and months from March on take 153 days by fives.
        let sinceMarch = days + 719_468
        let (era, dayOfEra) = (sinceMarch / 146_097, sinceMarch % 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    /// Appends `2026-11-21T03:34:52` (RFC 3339 §5.6 without a fraction and a zone), 19 bytes.
    package func appendRFC3339(to buffer: inout ByteBuffer) {
        buffer.append(decimal: UInt64(year), digits: 4)
        buffer.append(byte: 0x2d)
        buffer.append(decimal: UInt64(month), digits: 2)
        buffer.append(byte: 0x2d)
        buffer.append(decimal: UInt64(day), digits: 2)
        buffer.append(byte: 0x54)
        appendTimeOfDay(to: &buffer)
    }

    func appendTimeOfDay(to buffer: inout ByteBuffer) {
        buffer.append(decimal: UInt64(hour), digits: 2)
        buffer.append(byte: 0x3a)
        buffer.append(decimal: UInt64(minute), digits: 2)
        buffer.append(byte: 0x3a)
        buffer.append(decimal: UInt64(second), digits: 2)
    }
}
