// Durations and sizes: a number with its unit, nothing else. A bare number is refused, since
// nobody remembers whether it was seconds.

/// `500ms`, `10s`, `5m`, `1h`.
enum Duration {
    private static let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]

    /// In milliseconds; nil for what is no duration.
    static func parse(_ text: String) -> Int? { Quantity.parse(text, units: units) }

    /// In the largest unit that leaves no rest.
    static func text(_ milliseconds: Int) -> String { Quantity.text(milliseconds, units: units) }

    /// What was probably meant by a duration that is written differently.
    static func suggestion(for text: String) -> String? {
        let (digits, unit) = Quantity.split(text)
        guard let number = Int(digits), let meant = meant(number, unit.lowercased()) else {
            return nil
        }
        return parse(meant) == nil ? nil : meant
    }

    private static func meant(_ number: Int, _ unit: String) -> String? {
        switch unit {
        case "", "sec", "secs", "second", "seconds", "s": "\(number)s"
        case "ms", "msec", "millis", "milliseconds": "\(number)ms"
        case "min", "mins", "minute", "minutes", "m": "\(number)m"
        case "hour", "hours", "hr", "h": "\(number)h"
        default: nil
        }
    }
}

/// `512B`, `8KiB`, `1MiB`, `2GiB`.
enum Size {
    private static let units = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]

    /// In bytes; nil for what is no size.
    static func parse(_ text: String) -> Int? { Quantity.parse(text, units: units) }

    /// In the largest unit that leaves no rest.
    static func text(_ bytes: Int) -> String { Quantity.text(bytes, units: units) }

    /// What was probably meant by a size that is written differently.
    static func suggestion(for text: String) -> String? {
        let (digits, unit) = Quantity.split(text)
        guard let number = Int(digits), let meant = meant(number, unit.lowercased()) else {
            return nil
        }
        return parse(meant) == nil ? nil : meant
    }

    private static func meant(_ number: Int, _ unit: String) -> String? {
        switch unit {
        case "", "b", "byte", "bytes": "\(number)B"
        case "k", "kb", "ki", "kib": "\(number)KiB"
        case "m", "mb", "mi", "mib": "\(number)MiB"
        case "g", "gb", "gi", "gib": "\(number)GiB"
        default: nil
        }
    }
}

private enum Quantity {
    /// Digits without a needless zero in front, then a unit; nil otherwise or on overflow.
    static func parse(_ text: String, units: [(String, Int)]) -> Int? {
        let (digits, unit) = split(text)
        guard let number = Int(digits), text == "\(number)\(unit)",
            let factor = units.first(where: { $0.0 == unit })?.1
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    static func split(_ text: String) -> (digits: String, unit: String) {
        let digits = text.prefix { $0 >= "0" && $0 <= "9" }
        return (String(digits), String(text.dropFirst(digits.count).drop { $0 == " " }))
    }

    static func text(_ value: Int, units: [(String, Int)]) -> String {
        let unit = units.last { value % $0.1 == 0 && value >= $0.1 } ?? units[0]
        return "\(value / unit.1)\(unit.0)"
    }
}
