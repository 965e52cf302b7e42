// A worker that hangs while the rest of the gate goes on: a debugger holds its thread.

import Foundation
import TestSupport
import Testing

enum HungWorker {
    /// Whether one process may hold another one's threads (ptrace(2)).
    static var mayTrace: Bool {
        let scope = try? String(
            contentsOfFile: "/proc/sys/kernel/yama/ptrace_scope", encoding: .utf8)
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let rights = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } ?? 0
        return scope == nil || scope?.hasPrefix("0") == true || rights & (1 << 19) != 0
    }

    /// Has a worker hang until the returned process is stopped.
    static func make(_ worker: Int, of gate: ChildProcess) throws -> ChildProcess {
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../SystemdTests/hang.py").standardizedFileURL.path
        let tracer = try ChildProcess(
            "/usr/bin/env", ["python3", "-B", script, "\(gate.identifier)", "worker-\(worker)"])
        #expect(eventually { tracer.standardOutput.starts(with: Bytes("hung".utf8)) })
        return tracer
    }
}
