import HTTP1
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// A client's first bytes behind one that chooses the limits: the same verdict however they
    /// are split, and what is accepted a strict reader reads in the same way.
    static let requestHead = FuzzTarget("request-head", longest: 2048) { input throws(Finding) in
        guard let choice = input.first else { return }
        let bytes = Array(input.dropFirst())
        let limits = choice & 1 == 0 ? HeadLimits.usual : .tight
        let feed = HeadFeed(parse: HeadVerdict.request, limits: limits, scansAtOnce: true)
        guard case .complete(let head) = try feed.check(bytes) else { return }
        try checkLimits(head, limits)
        let message = try strictHead(bytes, ofRequest: true)
        try require(head.agrees(with: message), "\(head) is not \(message)")
        try require(
            Bytes(message.startLine.unicodeScalars.map { UInt8($0.value) }).starts(
                with: bytes[0..<head.methodLength]),
            "the method is not at the front")
        let target = String(latin1: bytes[head.target[0]..<head.target[0] + head.target[1]])
        try require(message.target, equals: target, "target")
        try require(head.methodLength, equals: message.method.unicodeScalars.count, "method")
    }

    /// What lies within the limits that were given.
    static func checkLimits(_ head: HeadSummary, _ limits: HeadLimits) throws(Finding) {
        try require(head.length <= limits.head, "a head of \(head.length)")
        try require(head.lines.count <= limits.fields, "\(head.lines.count) lines")
        guard !head.target.isEmpty else { return }
        try require(head.target[1] <= limits.target, "a target of \(head.target[1])")
        try require(head.methodLength <= limits.target, "a method of \(head.methodLength)")
    }

    /// What a reader that forgives nothing makes of a head which the gate has accepted.
    static func strictHead(_ bytes: Bytes, ofRequest: Bool) throws(Finding) -> WireMessage {
        do throws(Malformed) {
            guard let message = try StrictReader.head(bytes) else {
                throw Malformed("incomplete")
            }
            return message
        } catch {
            throw Finding("accepted, but: \(error)")
        }
    }
}
