import HTTPSyntax

// Which form an answer of the gate takes: what the client's Accept prefers (RFC 9110 §12.5.1).

/// The media types the gate can answer in, in the order of its own preference.
enum Representation: Int, CaseIterable {
    case problem
    case html
    case text

    var contentType: StaticString {
        switch self {
        case .problem: "application/problem+json"
        case .html: "text/html; charset=utf-8"
        case .text: "text/plain; charset=utf-8"
        }
    }

    /// The best match for the value of Accept; problem details where nothing is asked for or
    /// nothing matches.
    static func preferred(_ accept: ByteView?) -> Representation {
        guard let accept, !accept.isEmpty else { return .problem }
        var best = (weight: 0, precision: 0, choice: Representation.problem)
        for choice in Representation.allCases {
            let (weight, precision) = match(choice, accept)
            if weight > best.weight
                || (weight == best.weight && weight > 0 && precision > best.precision)
            {
                best = (weight, precision, choice)
            }
        }
        return best.choice
    }

    /// The weight (0–1000) of the most precise range that covers `choice`, and that precision.
    private static func match(_ choice: Representation, _ accept: ByteView) -> (Int, Int) {
        var result = (weight: 0, precision: 0)
        var rest = accept
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.count
            let item = rest.slice(0, end)
            rest = rest.dropFirst(Swift.min(end + 1, rest.count))
            let semicolon = item.firstIndex(of: UInt8(ascii: ";")) ?? item.count
            let precision = choice.precision(of: item.slice(0, semicolon).trimmed)
            if precision > result.precision {
                result = (weight(item.dropFirst(semicolon)), precision)
            }
        }
        return result
    }

    /// 3: names this type; 2: its family; 1: anything; 0: something else.
    private func precision(of range: ByteView) -> Int {
        let (names, family): ([StaticString], StaticString) =
            switch self {
            case .problem: (["application/problem+json", "application/json"], "application/*")
            case .html: (["text/html", "application/xhtml+xml"], "text/*")
            case .text: (["text/plain"], "text/*")
            }
        for name in names where range.equalsIgnoringCase(ByteView(name)) { return 3 }
        if range.equalsIgnoringCase(ByteView(family)) { return 2 }
        return range.equals(ByteView("*/*")) ? 1 : 0
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
