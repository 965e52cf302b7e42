import Audit
import Configuration

// A log that takes nothing is told to the operator: `on_full` decides what clients see of it, and
// without a word only they would know.

/// A log as it is now, for the operator.
package struct LogState {
    /// `blocks` or `access`.
    package let name: String
    package let destination: String
    /// What the configuration says is done while it takes nothing.
    package let onFull: String
    /// Why it took nothing when it was last written to; nil where it took all.
    package let fault: String?

    init(_ name: String, _ sink: AuditSink, _ target: LogTarget) {
        self.name = name
        destination = sink.destination.name
        onFull = target.onFull.word
        fault = sink.fault == 0 ? nil : SinkResult.reason(of: sink.fault)
    }
}

extension Gateway {
    /// What there is to say of logs that did not take all to the end; empty where they did.
    package func farewell(_ lost: LostLines) -> [String] {
        [
            Self.farewell(lost.blocks, "block", snapshot.blockSink),
            snapshot.accessSink.flatMap { Self.farewell(lost.access, "access", $0) },
        ].compactMap { $0 }
    }

    private static func farewell(_ count: UInt64, _ name: String, _ sink: AuditSink) -> String? {
        guard count > 0 else { return nil }
        let records = count == 1 ? "1 record is" : "\(count) records are"
        let reason = sink.fault == 0 ? "" : ": " + SinkResult.reason(of: sink.fault)
        return "\(records) lost: the \(name) log \(sink.destination.name) took nothing to the end"
            + reason
    }
}

/// What is known of the faults of logs. For the main thread, which looks once a second.
struct LogWatch {
    private struct Fault {
        var code: Int32
        var isTold = false
    }

    private var faults: [SinkDestination: Fault] = [:]

    /// What the operator has been told of a log and is still so: why it takes nothing.
    func reason(of sink: AuditSink) -> String? {
        guard let fault = faults[sink.destination], fault.isTold else { return nil }
        return SinkResult.reason(of: fault.code)
    }

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
