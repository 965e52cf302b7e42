// Who may leave HTTP behind. Asked only of requests that want to, after their verdict, so that all
// others pay nothing for it.

internal import HTTPSyntax

extension CompiledPolicy {
    /// Whether a request may become a WebSocket tunnel: every rule that some reading of its path
    /// finds has to grant it. `rule` is the one its verdict named.
    ///
    /// A rule that grants it lists GET, so what this allows the methods allow as well; shadow mode,
    /// which lifts method verdicts only, grants nothing.
    package func grantsWebSocket(
        _ request: PolicyRequest, rule: Int32, scratch: JudgeScratch
    ) -> Bool {
        let record = rules[Int(rule)]
        guard record.grantsWebSocket else { return false }
        let path = request.path.isEmpty ? ByteView("/") : request.path
        let scope = scope(of: request.host)
        scratch.readings.begin(path)
        guard close(path, record.readings, scratch) == .none else { return false }
        var isGranted = true
        for index in 0..<scratch.readings.count {
            forEachRule(of: index, scope: scope, scratch) { found in
                if !rules[Int(found)].grantsWebSocket { isGranted = false }
            }
        }
        return isGranted
    }
}
