import Foundation
import HTTPSyntax
import Testing

@testable import Audit

@Suite struct TimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "1994-11-06T08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "2000-02-28T23:59:59", "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "2000-02-29T00:00:00", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "2000-03-01T00:00:00", "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_704_067_199, "2023-12-31T23:59:59", "Sun, 31 Dec 2023 23:59:59 GMT"),
            (1_709_164_800, "2024-02-29T00:00:00", "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_795_232_092, "2026-11-21T03:34:52", "Sat, 21 Nov 2026 03:34:52 GMT"),
            (4_107_542_400, "2100-03-01T00:00:00", "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "9999-12-31T23:59:59", "Fri, 31 Dec 9999 23:59:59 GMT"),
            (Int64.max, "9999-12-31T23:59:59", "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-1, "1970-01-01T00:00:00", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] as [(Int64, String, String)])
    func `a second is told in both forms`(second: Int64, rfc3339: String, fixdate: String) {
        let time = CivilTime(secondsSince1970: second)
        #expect(text { time.appendRFC3339(to: &$0) } == rfc3339)
        #expect(text { HTTPDate.append(secondsSince1970: second, to: &$0) } == fixdate)
        #expect(fixdate.utf8.count == HTTPDate.byteCount)
    }

    @Test func `every day until 2110 has the date that libc gives it`() {
        for day in 0..<51_135 {
            var seconds = time_t(day) * 86_400 + day % 86_400
            var broken = tm()
            gmtime_r(&seconds, &broken)
            let time = CivilTime(secondsSince1970: Int64(seconds))
            let expected = [
                broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday, broken.tm_wday,
                broken.tm_hour, broken.tm_min, broken.tm_sec,
            ].map(Int.init)
            let found = [
                time.year, time.month, time.day, time.weekday, time.hour, time.minute,
                time.second,
            ]
            guard found == expected else {
                Issue.record("\(found) for \(expected)")
                return
            }
        }
    }

    @Test func `a kept date changes with its second`() {
        var date = HTTPDate()
        #expect(date.text(secondsSince1970: 784_111_777).text == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(date.text(secondsSince1970: 784_111_777).text == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(date.text(secondsSince1970: 784_111_778).text == "Sun, 06 Nov 1994 08:49:38 GMT")
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (1_795_232_092_123_456, "2026-11-21T03:34:52.123456Z"),
            (1_795_232_092_999_999, "2026-11-21T03:34:52.999999Z"),
            (1_795_232_093_000_000, "2026-11-21T03:34:53.000000Z"),
        ] as [(Int64, String)])
    func `a timestamp has microseconds and says that it is UTC`(time: Int64, expected: String) {
        var writer = TimestampWriter()
        let first = text { writer.append(Timestamp(microseconds: time), to: &$0) }
        let again = text { writer.append(Timestamp(microseconds: time), to: &$0) }
        #expect(first == expected)
        #expect(again == expected)
    }

    @Test func `now is what the system says`() {
        let difference = Double(Timestamp.now().microseconds) / 1e6 - Date().timeIntervalSince1970
        #expect(abs(difference) < 5)
    }

    @Test(arguments: [0, 9, 10, 99, 100, 65_535, 999_999_999_999, UInt64.max / 10, .max])
    func `a number is told in decimal`(number: UInt64) {
        #expect(text { $0.append(number: number) } == String(number))
    }
}
