import HTTPSyntax

// Which form an answer of the gate takes: what the client's Accept prefers (RFC 9110 §12.5.1).

/// The media types the gate can answer in, in the order of its own preference.
enum Representation: UInt8, CaseIterable, BitwiseCopyable {
    case problem
    case html
    case text
    /// gRPC over HTTP/2 (PROTOCOL-HTTP2.md, Trailers-Only): no content.
    case trailersOnly

    var contentType: StaticString {
        switch self {
        case .problem: "application/problem+json"
        case .html: "text/html; charset=utf-8"
        case .text: "text/plain; charset=utf-8"
        case .trailersOnly: "application/grpc"
        }
    }

    /// The best match for a head's Accept; problem details where nothing is asked for or nothing
    /// matches. Several lines are one list (RFC 9110 §5.3).
    static func preferred(
        _ fields: borrowing FieldSection, in head: ByteView
    ) -> Representation {
        guard fields.has(.accept) else { return .problem }
        var preference = AcceptPreference()
        for index in 0..<fields.count {
            let line = fields[index]
            guard line.name == .accept, !line.isVariant else { continue }
            preference.take(head.slice(Int(line.valueOffset), Int(line.valueLength)))
        }
        return preference.choice
    }
}

/// How well the ranges seen so far cover each form. A more precise range decides over a less
/// precise one, wherever it stands; of equal ones the first.
struct AcceptPreference {
    private var problem = Match()
    private var html = Match()
    private var text = Match()

    /// `weight` in thousandths; `precision` 4: names the type; 3: another one that it is as good as;
    /// 2: its family; 1: anything; 0: nothing that covers it.
    private struct Match {
        var weight = 0
        var precision = 0

        mutating func take(_ weight: Int, _ precision: Int) {
            guard precision > self.precision else { return }
            self.weight = weight
            self.precision = precision
        }

        private var rank: Int { min(precision, 3) }

        func isBetter(than other: Match) -> Bool {
            weight > other.weight
                || (weight == other.weight && weight > 0 && rank > other.rank)
        }
    }

    /// Takes in the value of one Accept line.
    mutating func take(_ accept: ByteView) {
        var rest = accept
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.count
            takeItem(rest.slice(0, end))
            rest = rest.dropFirst(Swift.min(end + 1, rest.count))
        }
    }

    private mutating func takeItem(_ item: ByteView) {
        let semicolon = item.firstIndex(of: UInt8(ascii: ";")) ?? item.count
        let range = item.slice(0, semicolon).trimmed
        // The shortest there is covers everything; none of the others does.
        guard range.count >= 3 else { return }
        let weight = Self.weight(item.dropFirst(semicolon))
        if range.count == 3 {
            guard range.equals(ByteView("*/*")) else { return }
            problem.take(weight, 1)
            html.take(weight, 1)
            text.take(weight, 1)
        } else if range.equalsIgnoringCase(ByteView("application/problem+json")) {
            problem.take(weight, 4)
        } else if range.equalsIgnoringCase(ByteView("application/json")) {
            problem.take(weight, 3)
        } else if range.equalsIgnoringCase(ByteView("text/html")) {
            html.take(weight, 4)
        } else if range.equalsIgnoringCase(ByteView("application/xhtml+xml")) {
            html.take(weight, 3)
        } else if range.equalsIgnoringCase(ByteView("text/plain")) {
            text.take(weight, 4)
        } else if range.equalsIgnoringCase(ByteView("application/*")) {
            problem.take(weight, 2)
        } else if range.equalsIgnoringCase(ByteView("text/*")) {
            html.take(weight, 2)
            text.take(weight, 2)
        }
    }

    /// The form with the highest weight, then the one that is named most precisely, then the
    /// gate's own preference.
    var choice: Representation {
        var best = Match()
        var choice = Representation.problem
        if problem.isBetter(than: best) { best = problem }
        if html.isBetter(than: best) {
            best = html
            choice = .html
        }
        if text.isBetter(than: best) { choice = .text }
        return choice
    }

    /// The `q` among parameters, in thousandths; 1000 without one.
    private static func weight(_ parameters: ByteView) -> Int {
        var rest = parameters
        while !rest.isEmpty {
            rest = rest.dropFirst(1)
            let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.count
            let item = rest.slice(0, end).trimmed
            rest = rest.dropFirst(end)
            if item.count >= 3, item[0] | 0x20 == UInt8(ascii: "q"), item[1] == UInt8(ascii: "=") {
                return thousandths(item.dropFirst(2))
            }
        }
        return 1000
    }

    /// `0.8` as 800; 0 for what is no qvalue.
    private static func thousandths(_ text: ByteView) -> Int {
        guard !text.isEmpty, text[0] == UInt8(ascii: "0") || text[0] == UInt8(ascii: "1") else {
            return 0
        }
        var value = Int(text[0] - 0x30) * 1000
        var unit = 100
        var index = 2
        while index < text.count, unit > 0, ASCII.isDigit(text[index]) {
            value += Int(text[index] - 0x30) * unit
            unit /= 10
            index += 1
        }
        return Swift.min(value, 1000)
    }
}
