// The value of `Date`: IMF-fixdate (RFC 9110 §5.6.7). It is asked for with every answer and
// changes once a second, so its text is kept.

/// `Sun, 06 Nov 1994 08:49:37 GMT` of the second it was last asked for. One thread at a time.
package struct HTTPDate: ~Copyable {
    private var second = Int64.min
    private var kept = ByteBuffer(capacity: 32)

    /// Of no second yet.
    package init() {}

    /// Length of the text in bytes.
    package static let byteCount = 29

    /// The text for a number of seconds since 1970; valid until another second is asked for.
    package mutating func text(secondsSince1970 seconds: Int64) -> ByteView {
        if seconds != second {
            second = seconds
            kept.removeAll()
            Self.append(secondsSince1970: seconds, to: &kept)
        }
        return kept.view
    }

    /// Appends the text without keeping it.
    package static func append(secondsSince1970 seconds: Int64, to buffer: inout ByteBuffer) {
        let time = CivilTime(secondsSince1970: seconds)
        buffer.append(weekdays.slice(time.weekday * 3, 3))
        buffer.append(", ")
        buffer.append(decimal: UInt64(time.day), digits: 2)
        buffer.append(byte: 0x20)
        buffer.append(months.slice((time.month - 1) * 3, 3))
        buffer.append(byte: 0x20)
        buffer.append(decimal: UInt64(time.year), digits: 4)
        buffer.append(byte: 0x20)
        time.appendTimeOfDay(to: &buffer)
        buffer.append(" GMT")
    }

    private static var weekdays: ByteView { ByteView("SunMonTueWedThuFriSat") }
    private static var months: ByteView { ByteView("JanFebMarAprMayJunJulAugSepOctNovDec") }
}
