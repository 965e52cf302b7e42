// Metrics in the text format of OpenMetrics 1.0: families with their help and type, samples with
// labels, and an end mark; or in the older one of Prometheus, for who asks for nothing else. Only
// the formats; which metrics there are is said in Metrics.swift.

/// How a page of metrics is written.
package enum MetricsFormat: Sendable {
    case openMetrics
    /// Prometheus' own, version 0.0.4: a family is named as its samples are, and there are neither
    /// units nor an end.
    case prometheus

    /// What a request's Accept asks for: the older format only where it names that one alone.
    package init(accept: String) {
        let accept = accept.lowercased()
        let isOld = accept.contains("text/plain") && !accept.contains("openmetrics-text")
        self = isOld ? .prometheus : .openMetrics
    }

    package var contentType: String {
        switch self {
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        }
    }
}

/// A page of metrics while it is written.
struct OpenMetrics {
    enum Kind: String { case counter, gauge, histogram, info }

    private let format: MetricsFormat
    private(set) var text = ""
    private var family = ""

    init(_ format: MetricsFormat = .openMetrics) { self.format = format }

    /// Begins a family; its samples follow.
    mutating func begin(_ name: String, _ kind: Kind, unit: String? = nil, _ help: String) {
        family = name
        switch format {
        case .openMetrics:
            text += "# TYPE \(name) \(kind.rawValue)\n"
            if let unit { text += "# UNIT \(name) \(unit)\n" }
            text += "# HELP \(name) \(Self.escaped(help))\n"
        case .prometheus:
            let sample = name + Self.suffix(kind)
            let type = kind == .info ? Kind.gauge : kind
            text += "# HELP \(sample) \(Self.escaped(help, quotes: false))\n"
            text += "# TYPE \(sample) \(type.rawValue)\n"
        }
    }

    /// What the one sample of a family adds to its name.
    private static func suffix(_ kind: Kind) -> String {
        switch kind {
        case .counter: "_total"
        case .info: "_info"
        case .gauge, .histogram: ""
        }
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

    mutating func end() { if format == .openMetrics { text += "# EOF\n" } }

    /// Seconds as a decimal number.
    static func seconds(microseconds: UInt64) -> String {
        let fraction = String(microseconds % 1_000_000)
        let zeros = String(repeating: "0", count: 6 - fraction.count)
        return "\(microseconds / 1_000_000).\(zeros)\(fraction)"
    }

    /// The bound of a bucket, in seconds, as the standard writes numbers: `0.0025`, `1.0`.
    static func bound(microseconds: UInt64) -> String {
        var text = Substring(seconds(microseconds: microseconds))
        while text.hasSuffix("0"), !text.hasSuffix(".0") { text = text.dropLast() }
        return String(text)
    }

    /// `quotes`: whether a quotation mark ends the text.
    private static func escaped(_ text: String, quotes: Bool = true) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"" where quotes: result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
