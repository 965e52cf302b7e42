// A child process with an empty signal mask, collected output and a sure end. Foundation's
// Process hands the test runner's blocked signals on, which would hide a gate that ignores them.

import Foundation
import Glibc

public enum ExitStatus: Equatable, Sendable {
    case code(Int32)
    case signal(Int32)
}

/// Held while a child starts, and between the making of a descriptor and its close-on-exec flag.
let inheritance = NSLock()

public struct LaunchError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

public final class ChildProcess: @unchecked Sendable {
    public let identifier: pid_t
    private let lock = NSLock()
    private var output: [Int32: Bytes] = [1: [], 2: []]
    private var openPipes = 2
    private var status: ExitStatus?

    /// What is still running, for the last resort when the test process ends.
    private static let running = Registry()

    /// - Parameters:
    ///   - blocked: signals that the child starts with blocked.
    ///   - output: a descriptor for the child's standard output instead of the collected pipe.
    public init(
        _ path: String, _ arguments: [String], environment: [String: String] = [:],
        blocking blocked: [Int32] = [], output descriptor: Int32? = nil
    ) throws {
        // Another child started meanwhile would inherit the pipes and hold them open.
        inheritance.lock()
        defer { inheritance.unlock() }
        let pipes = try [Self.makePipe(), Self.makePipe()]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, descriptor ?? pipes[0].write, 1)
        posix_spawn_file_actions_adddup2(&actions, pipes[1].write, 2)
        // What else is open here (other tests' sockets, Foundation's pipes) is none of its business.
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            // One that is closed by now is passed over.
            guard let open = Int32(name), open > 2 else { continue }
            posix_spawn_file_actions_addclose(&actions, open)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Self.set(&attributes, blocking: blocked)
        var all = ProcessInfo.processInfo.environment
        all.merge(environment) { $1 }
        let argv = ([path] + arguments).map { strdup($0) } + [nil]
        let envp = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, path, &actions, &attributes, argv, envp)
        Glibc.close(pipes[0].write)
        Glibc.close(pipes[1].write)
        identifier = child
        guard code == 0 else {
            Glibc.close(pipes[0].read)
            Glibc.close(pipes[1].read)
            throw LaunchError("\(path): \(String(cString: strerror(code)))")
        }
        Self.running.insert(child)
        for (number, pipe) in zip([Int32(1), 2], pipes) {
            Thread.detachNewThread { self.collect(pipe.read, as: number) }
        }
    }

    deinit { stop(within: Sanitizer.patience(0)) }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SocketError(call: "pipe", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func set(_ attributes: inout posix_spawnattr_t, blocking blocked: [Int32]) {
        var mask = sigset_t()
        sigemptyset(&mask)
        for number in blocked { sigaddset(&mask, number) }
        var defaults = sigset_t()
        sigfillset(&defaults)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    }

    private func collect(_ descriptor: Int32, as number: Int32) {
        var buffer = Bytes(repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            lock.withLock { output[number, default: []] += buffer[..<count] }
        }
        Glibc.close(descriptor)
        lock.withLock { openPipes -= 1 }
    }

    public var standardOutput: Bytes { lock.withLock { output[1] ?? [] } }
    public var standardError: String {
        String(decoding: lock.withLock { output[2] ?? [] }, as: UTF8.self)
    }

    public func signal(_ number: Int32) {
        if exitStatus == nil { kill(identifier, number) }
    }

    /// How it ended, or nil while it runs.
    public var exitStatus: ExitStatus? {
        let (end, isNews) = lock.withLock { () -> (ExitStatus?, Bool) in
            if status != nil { return (status, false) }
            var raw: Int32 = 0
            guard waitpid(identifier, &raw, WNOHANG) == identifier else { return (nil, false) }
            Self.running.remove(identifier)
            let number = raw & 0x7F
            status = number == 0 ? .code((raw >> 8) & 0xFF) : .signal(number)
            return (status, true)
        }
        if isNews { Sanitizer.inspect(identifier) }
        return end
    }

    /// Waits for the end and the rest of the output; nil when it still runs.
    public func waitForExit(within seconds: Double) -> ExitStatus? {
        guard eventually(within: seconds, { exitStatus != nil }) else { return nil }
        _ = eventually(within: 1) { lock.withLock { openPipes == 0 } }
        return exitStatus
    }

    /// Ends it: asks with SIGTERM, insists with SIGKILL.
    public func stop(within seconds: Double = 5) {
        guard exitStatus == nil else { return }
        signal(SIGTERM)
        if waitForExit(within: seconds == 0 ? 0 : Sanitizer.patience(seconds)) == nil {
            signal(SIGKILL)
            _ = waitForExit(within: 5)
        }
    }
}

/// The children that still run; killed when the test process exits or is told to.
private final class Registry: @unchecked Sendable {
    private let lock = NSLock()
    private var children: Set<pid_t> = []

    init() {
        atexit { ChildProcess.killAll() }
        Glibc.signal(SIGTERM) { _ in
            ChildProcess.killAll()
            _exit(143)
        }
    }

    func insert(_ child: pid_t) { lock.withLock { _ = children.insert(child) } }
    func remove(_ child: pid_t) { lock.withLock { _ = children.remove(child) } }
    func killAll() { for child in lock.withLock({ children }) { kill(child, SIGKILL) } }
}

extension ChildProcess {
    fileprivate static func killAll() { running.killAll() }
}
