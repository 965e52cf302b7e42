import Audit
import Gateway

// What all workers counted together, as the dashboard tells it.

struct CounterTotals {
    let accepted: UInt64
    let open: UInt64
    let refused: UInt64
    let written: UInt64
    let dropped: UInt64
    /// Bytes.
    let waiting: UInt64
    /// `12 2xx, 1 none`: the classes that came.
    let answers: String
    /// `3 method-blocked, 1 would-block`: the actions that happened.
    let blocks: String

    init(_ workers: [WorkerCounters]) {
        func sum(_ value: (WorkerCounters) -> UInt64) -> UInt64 {
            workers.reduce(0) { $0 &+ value($1) }
        }
        func list(_ counts: [(count: UInt64, name: String)]) -> String {
            let named = counts.filter { $0.count > 0 }.map { "\($0.count) \($0.name)" }
            return named.isEmpty ? "none" : named.joined(separator: ", ")
        }
        accepted = sum { $0.connections.value }
        open = sum { $0.openConnections.value }
        refused = sum { $0.refusedConnections.value }
        written = sum { $0.recordsWritten.value }
        dropped = sum { $0.recordsDropped.value }
        waiting = sum { $0.recordsWaiting.value }
        answers = list(
            (1..<6).map { hundred in
                (sum { $0.upstreamAnswers.value(hundred) }, "\(hundred)xx")
            } + [(sum { $0.upstreamAnswers.value(0) }, "that failed")])
        blocks = list(
            BlockAction.allCases.map { action in
                (sum { $0.blocks.value(Int(action.rawValue)) }, action.name.description)
            })
    }
}
