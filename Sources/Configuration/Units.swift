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
        guard !digits.isEmpty else { return nil }
        switch unit.lowercased() {
        case "", "sec", "secs", "second", "seconds", "s": return digits + "s"
        case "ms", "msec", "millis", "milliseconds": return digits + "ms"
        case "min", "mins", "minute", "minutes", "m": return digits + "m"
        case "hour", "hours", "hr", "h": return digits + "h"
        default: return nil
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
        guard !digits.isEmpty else { return nil }
        switch unit.lowercased() {
        case "", "b", "byte", "bytes": return digits + "B"
        case "k", "kb", "ki", "kib": return digits + "KiB"
        case "m", "mb", "mi", "mib": return digits + "MiB"
        case "g", "gb", "gi", "gib": return digits + "GiB"
        default: return nil
        }
    }
}

private enum Quantity {
    /// Digits without a needless zero in front, then a unit; nil otherwise or on overflow.
    static func parse(_ text: String, units: [(String, Int)]) -> Int? {
        let (digits, unit) = split(text)
        guard let number = Int(digits), digits == String(number),
            let factor = units.first(where: { $0.0 == unit })?.1
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    static func split(_ text: String) -> (digits: String, unit: String) {
        let digits = text.prefix { $0 >= "0" && $0 <= "9" }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        return (String(digits), digits.count + unit.count == text.count ? String(unit) : unit + " ")
    }

    static func text(_ value: Int, units: [(String, Int)]) -> String {
        let unit = units.last { value % $0.1 == 0 && value >= $0.1 } ?? units[0]
        return "\(value / unit.1)\(unit.0)"
    }
}
