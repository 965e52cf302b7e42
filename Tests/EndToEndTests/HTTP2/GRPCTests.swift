// gRPC from end to end, by its own client and server (Tests/GRPC). What that says goes to the test's
// output.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `gRPC` {
        /// Debian's own Python has the module.
        private static let isInstalled: Bool = {
            let process = try? ChildProcess("/usr/bin/python3", ["-c", "import grpc"])
            let isThere = process?.waitForExit(within: 30) == .code(0)
            if !isThere { print("SKIPPED: gRPC is not tried without python3-grpcio") }
            return isThere
        }()

        @Test(.enabled(if: isInstalled, "python3-grpcio is missing"))
        func `passes through the gate, and understands its rejections`() throws {
            let path = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../GRPC/calls.py").standardizedFileURL.path
            let process = try ChildProcess(
                "/usr/bin/python3", ["-B", path, "--gate", GateProcess.binary()])
            defer { process.stop() }
            let status = process.waitForExit(within: 300)
            let output = String(decoding: process.standardOutput, as: UTF8.self)
            print(output + process.standardError)
            #expect(status == .code(0), "\(output)\(process.standardError)")
        }
    }
}
