// Metrics in the text format of OpenMetrics 1.0: families with their help and type, samples with
// labels, and an end mark. Only the format; which metrics there are is said in Metrics.swift.

/// A page of metrics while it is written.
struct OpenMetrics {
    static let contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    enum Kind: String { case counter, gauge, histogram, info }

    private(set) var text = ""
    private var family = ""

    /// Begins a family; its samples follow.
    mutating func begin(_ name: String, _ kind: Kind, unit: String? = nil, _ help: String) {
        family = name
        text += "# TYPE \(name) \(kind.rawValue)\n"
        if let unit { text += "# UNIT \(name) \(unit)\n" }
        text += "# HELP \(name) \(Self.escaped(help))\n"
    }

    /// A sample of the family; `suffix` as its type asks for (`_total`, `_bucket`, …).
    mutating func sample(
        _ suffix: String = "", _ labels: [(String, String)] = [], _ value: String
    ) {
        text += family + suffix
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }
            text += "{" + pairs.joined(separator: ",") + "}"
        }
        text += " " + value + "\n"
    }

    mutating func count(_ value: UInt64) { count([], value) }

    mutating func count(_ labels: [(String, String)], _ value: UInt64) {
        sample("_total", labels, String(value))
    }

    mutating func end() { text += "# EOF\n" }

    /// Seconds as a decimal number.
    static func seconds(microseconds: UInt64) -> String {
        let fraction = String(microseconds % 1_000_000)
        let zeros = String(repeating: "0", count: 6 - fraction.count)
        return "\(microseconds / 1_000_000).\(zeros)\(fraction)"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
