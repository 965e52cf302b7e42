// What a client whose request was rejected may have meant, as far as the policy knows.

package import HTTPSyntax

extension Verdict {
    /// Where only the level of readings stood in the way.
    package static let readingsHint: StaticString =
        "the path has several readings and only one of them may be meant: see the rule's readings"
}

extension CompiledPolicy {
    /// Longer paths are not quoted.
    private static var quotedPathLimit: Int { 256 }

    /// Puts the request's path with or without its trailing slash into `path`, and says whether
    /// the request would pass there.
    package func passesAtOtherSlash(
        _ request: PolicyRequest, scratch: JudgeScratch, path: inout ByteBuffer
    ) -> Bool {
        let asked = request.path
        guard distinguishesSlash, asked.count > 1, asked.count < Self.quotedPathLimit else {
            return false
        }
        path.removeAll()
        if asked[asked.count - 1] == UInt8(ascii: "/") {
            path.append(asked.slice(0, asked.count - 1))
        } else {
            path.append(asked)
            path.append("/")
        }
        var other = request
        other.path = path.view
        return judge(other, scratch: scratch).outcome == .forward
    }
}
