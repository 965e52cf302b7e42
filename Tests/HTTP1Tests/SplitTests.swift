// A verdict must not depend on how the bytes were split: whatever a prefix says, but that more
// is needed, is what the whole says.

import HTTP1
import HTTPSyntax
import Testing

/// Changes `bytes` a little: a byte of the kind that parsers trip over set, put in or left out.
func mutated(_ bytes: [UInt8], _ generator: inout FixedSeed) -> [UInt8] {
    let nasty = Array("\r\n\0 \t:,;=_-/?#@%\u{7f}0123456789aAfFxXhHcC\"\\[]*".utf8) + [0x80, 0xff]
    var result = bytes
    for _ in 0..<Int.random(in: 1...3, using: &generator) where !result.isEmpty {
        let index = Int.random(in: 0..<result.count, using: &generator)
        let byte = nasty[Int.random(in: 0..<nasty.count, using: &generator)]
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: result[index] = byte
        case 1: result.insert(byte, at: index)
        case 2: result.remove(at: index)
        default:
            let end = min(result.count, index + Int.random(in: 1...20, using: &generator))
            let other = Int.random(in: 0...result.count, using: &generator)
            result.insert(contentsOf: result[index..<end], at: other)
        }
    }
    return result
}

@Suite struct SplitTests {
    static let requests =
        RequestCases.refused.map(\.0) + RequestCases.complete + [RequestCases.browser]
    static let responses = ResponseCases.refused.map(\.0) + ResponseCases.complete.map(\.0)

    private func check(_ bytes: [UInt8], _ parse: ([UInt8]) -> Verdict) {
        let whole = parse(bytes)
        for length in 0..<bytes.count {
            let verdict = parse(Array(bytes[0..<length]))
            if verdict != .incomplete && verdict != whole {
                Issue.record("\(length) bytes of \(latin(bytes).debugDescription): \(verdict)")
                return
            }
        }
    }

    @Test(arguments: requests)
    func `a request head fed byte by byte has one verdict`(text: String) {
        check(latin(text)) { parseRequest($0) }
        let limits = HeadLimits(head: 40, target: 8, fields: 2)
        check(latin(text)) { parseRequest($0, limits: limits) }
    }

    @Test(arguments: responses)
    func `a response head fed byte by byte has one verdict`(text: String) {
        check(latin(text)) { parseResponse($0) }
        let limits = HeadLimits(head: 40, target: 8, fields: 2)
        check(latin(text)) { parseResponse($0, limits: limits) }
    }

    @Test func `mutated heads have one verdict however they are split`() {
        var generator = FixedSeed(1)
        for _ in 0..<4 {
            for text in Self.requests {
                check(mutated(latin(text), &generator)) { parseRequest($0) }
            }
        }
        for _ in 0..<4 {
            for text in Self.responses {
                check(mutated(latin(text), &generator)) { parseResponse($0) }
            }
        }
    }

    /// Parses only when the scanner says so; returns the verdict and the number of parses.
    private func scanned(_ bytes: [UInt8], _ limits: HeadLimits) -> (Verdict, Int) {
        var scanner = HeadScanner()
        var parses = 0
        return withGuardedBytes(bytes) { mutable in
            for length in 1...bytes.count {
                let view = mutable.view.slice(0, length)
                guard scanner.shouldParse(view, limits: limits) else { continue }
                parses += 1
                let verdict = parseRequest(view, limits: limits)
                if verdict != .incomplete { return (verdict, parses) }
            }
            return (.incomplete, parses)
        }
    }

    private func checkScanner(_ bytes: [UInt8], _ limits: HeadLimits) {
        guard !bytes.isEmpty else { return }
        let whole = parseRequest(bytes, limits: limits)
        let (verdict, parses) = scanned(bytes, limits)
        let shown = latin(bytes).debugDescription
        #expect(parses <= 3, "\(shown)")
        if verdict != .incomplete || whole.head != nil {
            #expect(verdict == whole, "\(shown)")
        } else if [.targetTooLong, .headTooLarge, .bareLF, .nulInValue].contains(whole.reason) {
            Issue.record("found late: \(shown)")
        }
    }

    @Test(arguments: requests)
    func `the scanner asks for three parses at most and misses no end`(text: String) {
        checkScanner(latin(text), usualLimits)
        checkScanner(latin(text), HeadLimits(head: 40, target: 8, fields: 2))
    }

    @Test func `the scanner agrees with the parser on mutated heads`() {
        var generator = FixedSeed(2)
        for _ in 0..<20 {
            for text in Self.requests {
                checkScanner(mutated(latin(text), &generator), usualLimits)
            }
        }
    }

    @Test func `a scanner that is reset begins anew`() {
        var scanner = HeadScanner()
        let bytes = latin(RequestCases.with(""))
        let once = bytes.withView { scanner.shouldParse($0, limits: usualLimits) }
        scanner.reset()
        let twice = bytes.withView { scanner.shouldParse($0, limits: usualLimits) }
        let part = Array(bytes[0..<5]).withView { view in
            scanner.reset()
            return scanner.shouldParse(view, limits: usualLimits)
        }
        #expect(once && twice && !part)
    }
}
