// Where records leave the process. All workers share a sink; its mutex is taken once a batch.
// Lines are never torn: who was stopped within a line goes on before anybody else writes, and
// before the file is changed for another one.

import Glibc
package import HTTPSyntax
import Memory
import Synchronization

/// A log shared by all workers. Thread-safe; never waits for a reader.
///
/// The process must ignore SIGPIPE and SIGXFSZ: a FIFO without a reader and a file at its size
/// limit are reported as full.
package final class AuditSink: Sendable {
    package let destination: SinkDestination
    private let state: Lock<SinkState>
    /// What takes the lines where they become messages; `state` has nothing to do then.
    private let messages: MessageSink?
    /// What was asked for and could not be done yet.
    private let wishes = Atomic<SinkWish>(.nothing)
    private let changes = Atomic<Int>(0)
    private let lastFault = Atomic<Int32>(0)

    /// Opens the destination. That nobody reads a FIFO yet, or listens at a socket, is no error:
    /// it is full (`ENXIO`, `ENOENT`, `ECONNREFUSED`) until somebody does.
    package convenience init(to destination: SinkDestination) throws(SinkError) {
        switch destination {
        case .file(let path):
            self.init(destination, try SinkFile.open(path: path))
        case .standardOutput:
            self.init(destination, try SinkFile.inherited(1, name: "standard output"))
        case .journald(let path):
            self.init(destination, MessageSink(.journal, to: .unix(path: path)))
        case .syslog(let path, let facility):
            self.init(
                destination, MessageSink(.syslog(facility: facility), to: .unix(path: path)))
        case .syslogUDP(let host, let port, let facility):
            self.init(
                destination,
                MessageSink(.syslog(facility: facility), to: .udp(host: host, port: port)))
        }
    }

    init(_ destination: SinkDestination, _ file: consuming SinkFile) {
        self.destination = destination
        state = Lock(SinkState(file))
        messages = nil
    }

    init(_ destination: SinkDestination, _ messages: MessageSink) {
        self.destination = destination
        state = Lock(SinkState(SinkFile.none))
        self.messages = messages
    }

    /// The errno that stopped the last write, or 0 where it was taken whole; that somebody else
    /// is within a line stops nobody for long and is not told. Any thread.
    package var fault: Int32 { lastFault.load(ordering: .relaxed) }

    /// How often the file changed; `AuditStream.noteReopening` compares it.
    package var generation: Int { changes.load(ordering: .relaxed) }

    /// Hands whole lines to the kernel, as far as it takes them; after a write that ended within
    /// a line, its rest and whole lines. Only `owner` may go on then, others get `EBUSY`.
    package func write(_ bytes: ByteView, owner: ObjectIdentifier) -> SinkResult {
        let result = messages?.write(bytes, owner: owner) ?? writeToFile(bytes, owner: owner)
        if result.code != EBUSY, result.code != fault {
            lastFault.store(result.code, ordering: .relaxed)
        }
        return result
    }

    private func writeToFile(_ bytes: ByteView, owner: ObjectIdentifier) -> SinkResult {
        state.withLock { state in
            if !state.file.isOpen || isDeleted(state.file), case .failed(let error) = reopen(&state)
            {
                return SinkResult(written: 0, code: error.code)
            }
            let result = state.write(bytes, owner: owner)
            if asked != .nothing, state.holder == nil { _ = grantWish(&state) }
            return result
        }
    }

    /// Takes note that `owner` writes elsewhere from now on: if it was stopped within a line, the
    /// line stays as it is, and others may go on behind it.
    package func leaveLine(of owner: ObjectIdentifier) {
        messages?.leaveLine(of: owner)
        state.withLock { $0.leaveLine(of: owner) }
    }

    /// Opens the path again (SIGUSR1). For one thread, which does not wait for a worker that writes:
    /// that opens it at the end.
    package func reopen() -> ReopenResult { ask(for: .reopening) }

    /// Opens the path again where another file, or none, is there now. For the same thread, once a
    /// second.
    package func reopenIfMoved() -> ReopenResult { ask(for: .look) }

    private func ask(for wish: SinkWish) -> ReopenResult {
        guard case .file = destination else { return .unchanged }
        if wish == .reopening || asked == .nothing { wishes.store(wish, ordering: .relaxed) }
        return state.withLockIfFree { state in grantWish(&state) } ?? .deferred
    }

    private var asked: SinkWish { wishes.load(ordering: .relaxed) }

    /// Does what is asked for, or leaves that to the end of the line that somebody is within.
    private func grantWish(_ state: inout SinkState) -> ReopenResult {
        guard case .file(let path) = destination else { return .unchanged }
        let wish = asked
        let mustOpen =
            wish == .reopening || wish == .look && !state.file.isSame(as: fileStatus(path))
        // Nobody ever ends a line in a file that was deleted while the disk was full.
        if mustOpen, state.holder != nil, !isDeleted(state.file) { return .deferred }
        // More may have been asked for since: that stays.
        _ = wishes.compareExchange(expected: wish, desired: .nothing, ordering: .relaxed)
        return mustOpen ? reopen(&state) : .unchanged
    }

    /// Whether what is written would vanish: the file is at no path any more.
    private func isDeleted(_ file: borrowing SinkFile) -> Bool {
        guard file.isNameless, case .file(let path) = destination else { return false }
        // A link in /proc leads to such a file as well, and then there is no other one.
        return !file.isSame(as: fileStatus(path))
    }

    /// Changes the file, or keeps the old one where the new one does not open. One that was deleted
    /// is not kept: a record in it is in no log.
    private func reopen(_ state: inout SinkState) -> ReopenResult {
        guard case .file(let path) = destination else { return .unchanged }
        // Closed first: on a full disk its blocks are what the new one needs.
        if isDeleted(state.file) { state.leaveFile() }
        do throws(SinkError) {
            let file = try SinkFile.open(path: path)
            // A FIFO keeps what was open, since what it holds would be lost with it.
            if !file.isOpen { return .unchanged }
            if state.change(to: file) { changes.add(1, ordering: .relaxed) }
            return .reopened
        } catch {
            var error = error
            error.leavesNothing = !state.file.isOpen
            return .failed(error)
        }
    }
}

/// What is asked of a sink while it may be busy.
private enum SinkWish: UInt8, AtomicRepresentable {
    case nothing
    /// To change the file where it is at its path no more.
    case look
    /// To open the path, whatever is there.
    case reopening
}

/// What the mutex guards.
private struct SinkState: ~Copyable {
    var file: SinkFile
    /// Who was stopped within a line.
    var holder: ObjectIdentifier?
    /// How long the file was when its holder was stopped.
    private var heldSize: Int64 = 0
    /// Who was stopped within a line of a file that was deleted: their next write is of that line.
    private var interrupted: [ObjectIdentifier] = []
    /// Whether a file was open yet: the first one is no change.
    private var hadFile: Bool

    init(_ file: consuming SinkFile) {
        hadFile = file.isOpen
        self.file = file
    }

    /// Goes on in an open file; whether there was another one before.
    mutating func change(to file: consuming SinkFile) -> Bool {
        defer { hadFile = true }
        self.file = file
        return hadFile
    }

    /// Gives up a file that nobody can read, with the line that somebody began in it.
    mutating func leaveFile() {
        if let holder { interrupted.append(holder) }
        holder = nil
        file = .none
    }

    mutating func leaveLine(of owner: ObjectIdentifier) {
        interrupted.removeAll { $0 == owner }
        guard holder == owner else { return }
        holder = nil
        file.leaveLine()
    }

    mutating func write(_ bytes: ByteView, owner: ObjectIdentifier) -> SinkResult {
        if let holder, holder != owner { return SinkResult(written: 0, code: EBUSY) }
        if hasLostBeginning(owner) {
            return SinkResult(written: 0, code: 0, mustRestartLine: true)
        }
        let (written, code) = file.write(bytes)
        if written > 0 {
            holder = bytes[written - 1] == 0x0a ? nil : owner
            if holder != nil { heldSize = file.size }
        }
        return SinkResult(written: written, code: code)
    }

    /// Whether the beginning of the owner's line went with its file, or was truncated away. Tells
    /// it once.
    private mutating func hasLostBeginning(_ owner: ObjectIdentifier) -> Bool {
        if let index = interrupted.firstIndex(of: owner) {
            interrupted.remove(at: index)
            return true
        }
        guard holder != nil, file.kind == .regular, file.size < heldSize else { return false }
        holder = nil
        return true
    }
}
