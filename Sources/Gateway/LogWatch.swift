import Audit
import Configuration

// A log that takes nothing is told to the operator: `on_full` decides what clients see of it, and
// without a word only they would know.

/// What is known of the faults of logs. For the main thread, which looks once a second.
struct LogWatch {
    private struct Fault {
        var code: Int32
        var isTold = false
    }

    private var faults: [SinkDestination: Fault] = [:]

    /// What there is to say: that a log took nothing at two looks in a row, or takes records again.
    mutating func look(at sink: AuditSink, as target: LogTarget, name: String) -> String? {
        let code = sink.fault
        let title = "the \(name) log \(sink.destination.name)"
        guard code != 0 else {
            guard let old = faults.removeValue(forKey: sink.destination), old.isTold else {
                return nil
            }
            return title + " takes records again"
        }
        guard let old = faults[sink.destination], old.code == code else {
            faults[sink.destination] = Fault(code: code)
            return nil
        }
        if old.isTold { return nil }
        faults[sink.destination]?.isTold = true
        let reason = SinkResult.reason(of: code)
        return title + " takes nothing: \(reason); on_full: \(target.onFull.word)"
    }
}

extension LogTarget.OnFull {
    fileprivate var word: String {
        switch self {
        case .block: "block"
        case .refuse: "refuse"
        case .drop: "drop"
        }
    }
}
