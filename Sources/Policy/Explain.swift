// The verdict with everything that led to it, for people.

internal import HTTPSyntax

extension CompiledPolicy {
    /// The verdict with all that led to it. Allocates.
    package func explain(_ request: PolicyRequest) -> Explanation {
        explain(request, judge(request, scratch: JudgeScratch()))
    }

    /// The same for a request that has been judged.
    package func explain(_ request: PolicyRequest, _ verdict: Verdict) -> Explanation {
        let scratch = JudgeScratch()
        guard verdict.outcome != .malformedPath else {
            return Explanation(verdict: verdict, readings: [])
        }
        let granted = grantsWebSocket(request, rule: verdict.rule, scratch: scratch)
        let scope = scope(of: request.host)
        // The verdict may have come the fast way, which keeps no readings.
        let path = request.path.isEmpty ? ByteView("/") : request.path
        scratch.readings.begin(path)
        _ = close(path, rules[Int(verdict.rule)].readings, scratch)
        var readings: [Explanation.Reading] = []
        for index in 0..<scratch.readings.count {
            var found: [Int32] = index == 0 ? [verdict.rule] : []
            collect(rulesOf: index, scope, scratch, into: &found)
            readings.append(reading(index, rules: found, scratch))
        }
        return Explanation(verdict: verdict, readings: readings, grantsWebSocket: granted)
    }

    /// The rules that were asked for the verdict given last, the raw path's first; no more than
    /// `limit`. Allocates.
    ///
    /// - Parameter scratch: holds the readings that were judged, more than one rule's.
    package func rulesAsked(
        _ request: PolicyRequest, _ verdict: Verdict, scratch: JudgeScratch, limit: Int
    ) -> [RuleFacts] {
        var found = [verdict.rule]
        let scope = scope(of: request.host)
        for index in 0..<scratch.readings.count where found.count < limit {
            collect(rulesOf: index, scope, scratch, into: &found)
        }
        return found.prefix(limit).map(facts)
    }

    private func collect(
        rulesOf reading: Int, _ scope: Int, _ scratch: JudgeScratch, into found: inout [Int32]
    ) {
        forEachRule(of: reading, scope: scope, scratch) { rule in
            if !found.contains(rule) { found.append(rule) }
        }
    }

    private func reading(
        _ index: Int, rules: [Int32], _ scratch: JudgeScratch
    ) -> Explanation.Reading {
        var allowed = MethodSet(registered: ~0, custom: ~0, others: true)
        for rule in rules { allowed = allowed.intersection(facts(rule).methods) }
        let path = scratch.withReading(index) { Self.printable($0) }
        return Explanation.Reading(path: path, rules: rules, allowed: allowed)
    }

    private static func printable(_ path: ByteView) -> String {
        var text: [UInt8] = []
        let digits = Array("0123456789abcdef".utf8)
        for byte in path.bytes {
            if (0x21...0x7e).contains(byte) {
                text.append(byte)
            } else {
                text += [0x5c, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
