import HTTP1
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// A backend's first bytes behind one that chooses the limits; as for requests.
    static let responseHead = FuzzTarget("response-head", longest: 2048) { input throws(Finding) in
        guard let choice = input.first else { return }
        let bytes = Array(input.dropFirst())
        let limits = choice & 1 == 0 ? HeadLimits.usual : .tight
        let feed = HeadFeed(parse: HeadVerdict.response, limits: limits, scansAtOnce: false)
        guard case .complete(let head) = try feed.check(bytes) else { return }
        try checkLimits(head, limits)
        let message = try strictHead(bytes, ofRequest: false)
        try require(head.agrees(with: message), "\(head) is not \(message)")
        try require(message.status, equals: head.status, "status")
        let reason = String(latin1: bytes[head.reason[0]..<head.reason[0] + head.reason[1]])
        try require(message.reason, equals: reason, "reason")
    }
}
