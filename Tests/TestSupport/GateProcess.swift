// The real binary with a configuration of the test's own, in a temporary directory.

import Foundation
import Glibc

public final class GateProcess: @unchecked Sendable {
    public let process: ChildProcess
    public let directory: TemporaryDirectory
    /// Where it accepts, as its start messages say.
    public let addresses: [Address]
    /// The collected standard output, where block records go by default.
    public var log: BlockLog { BlockLog(process.standardOutput) }

    /// Starts it and waits until it accepts.
    ///
    /// - Parameters:
    ///   - configuration: the whole YAML file.
    ///   - directory: where the file goes; a new one by default.
    ///   - wrapper: a command that the gate's own is appended to, and that becomes the gate.
    public init(
        _ configuration: String, in directory: TemporaryDirectory? = nil,
        blocking blocked: [Int32] = [], output: Int32? = nil, under wrapper: [String] = [],
        environment: [String: String] = [:]
    ) throws {
        let directory = try directory ?? TemporaryDirectory()
        let file = directory.path("methodgate.yaml")
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        let command = try wrapper + [Self.binary(), "run", "-c", file]
        process = try ChildProcess(
            command[0], Array(command.dropFirst()), environment: environment, blocking: blocked,
            output: output)
        self.directory = directory
        let expected = configuration.components(separatedBy: "address:").count - 1
        var found: [Address] = []
        let process = process
        let isListening = eventually(within: 30) {
            found = Self.listeners(in: process.standardError)
            return found.count >= expected || process.exitStatus != nil
        }
        if process.exitStatus != nil {
            // What it said last may still be on its way.
            _ = process.waitForExit(within: 0)
            found = Self.listeners(in: process.standardError)
        }
        addresses = found
        guard isListening, found.count >= expected else {
            process.stop(within: 0)
            throw LaunchError("the gate does not listen; it said: \(process.standardError)")
        }
    }

    public var address: Address { addresses[0] }
    public var configurationFile: String { directory.path("methodgate.yaml") }

    private static func listeners(in messages: String) -> [Address] {
        messages.split(separator: "\n").compactMap { line in
            guard let range = line.range(of: "listening on ") else { return nil }
            return Address(line[range.upperBound...].prefix { $0 != " " && $0 != "," })
        }
    }

    /// The program under test: METHODGATE_BINARY, or the one built beside the tests.
    public static func binary() throws -> String {
        if let path = ProcessInfo.processInfo.environment["METHODGATE_BINARY"] { return path }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let candidates = CommandLine.arguments + [own]
        for candidate in candidates where candidate.contains("/") {
            let folder = URL(fileURLWithPath: candidate).deletingLastPathComponent()
            for folder in [folder, folder.deletingLastPathComponent()] {
                let path = folder.appendingPathComponent("methodgate").path
                if FileManager.default.isExecutableFile(atPath: path) { return path }
            }
        }
        throw LaunchError("no methodgate beside \(own); set METHODGATE_BINARY")
    }

    public struct Result: Sendable {
        public let status: ExitStatus?
        public let output: String
        public let errors: String
    }

    /// Runs a command that ends by itself.
    public static func command(
        _ arguments: String..., within seconds: Double = 30
    ) throws -> Result {
        let process = try ChildProcess(binary(), arguments)
        defer { process.stop(within: 0) }
        let status = process.waitForExit(within: seconds)
        return Result(
            status: status, output: String(decoding: process.standardOutput, as: UTF8.self),
            errors: process.standardError)
    }

    public func connect(patience: Double = 15, tls: TestTLS? = nil) throws -> RawClient {
        try RawClient(address, patience: patience, tls: tls)
    }

    /// Replaces the configuration file and asks for a reload.
    public func reload(_ configuration: String) throws {
        try configuration.write(toFile: configurationFile, atomically: true, encoding: .utf8)
        process.signal(SIGHUP)
    }

    /// Resident memory in bytes: all of it, and the anonymous part. Nothing under a sanitizer,
    /// whose own it would be.
    public func memory() throws -> (resident: Int, anonymous: Int) {
        if Sanitizer.isOn { return (0, 0) }
        let text = try String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
        func bytes(_ key: String) -> Int {
            for line in text.split(separator: "\n") where line.hasPrefix(key + ":") {
                return (Int(line.filter(\.isNumber)) ?? 0) * 1024
            }
            return 0
        }
        return (bytes("VmRSS"), bytes("RssAnon"))
    }

    /// How many descriptors it has open.
    public func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(
            atPath: "/proc/\(process.identifier)/fd"
        ).count
    }

    /// Seconds of processor time that it has used.
    public func processorTime() throws -> Double {
        let fields = try statistics()
        return Double((Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0))
            / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Does what shall come together, while the gate is stopped: it finds all of it at once.
    public func whileStopped(_ work: () throws -> Void) throws {
        process.signal(SIGSTOP)
        defer { process.signal(SIGCONT) }
        guard try eventually(within: 10, { try isStopped() }) else {
            throw TimedOut("the gate does not stop")
        }
        try work()
    }

    /// Each of its threads stops by itself, workers after the main one, too.
    private func isStopped() throws -> Bool {
        let folder = "/proc/\(process.identifier)/task"
        return try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy {
            try statistics("\(folder)/\($0)").first == "T"
        }
    }

    /// /proc/PID/stat behind the name, from the state on.
    private func statistics() throws -> [Substring] {
        try statistics("/proc/\(process.identifier)")
    }

    private func statistics(_ folder: String) throws -> [Substring] {
        let text = try String(contentsOfFile: "\(folder)/stat", encoding: .utf8)
        return text.split(separator: ")").last?.split(separator: " ") ?? []
    }

    /// The descriptors its loops wait on (epoll(7)): the main one, then the workers'.
    public func loops() throws -> [Int32] {
        let folder = "/proc/\(process.identifier)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + $0)
            return path == "anon_inode:[eventpoll]"
        }.compactMap { Int32($0) }.sorted()
    }

    public func stop() { process.stop() }

    /// Whether it has come to a bad end: by anything but an exit status of 0 or 2, and a signal
    /// that a test sends.
    public var hasCrashed: Bool {
        switch process.exitStatus {
        // With 74 it ended in order, and a log had not taken all.
        case nil, .code(0), .code(2), .code(74), .signal(SIGKILL): false
        default: true
        }
    }
}

/// A directory that is gone with its owner.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        var template = Bytes("/tmp/methodgate-test-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        guard mkdtemp(&template) != nil else { throw SocketError(call: "mkdtemp", code: errno) }
        path = String(nulTerminated: template)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    public func path(_ name: String) -> String { path + "/" + name }
}
