// The file behind a sink: how each kind of file is opened so that writing never waits, and a
// write that says how far it came and why it stopped.

import Glibc
import HTTPSyntax

/// What a sink writes to.
struct SinkFile: ~Copyable {
    enum Kind {
        case regular
        /// A socket takes a flag with each call not to wait.
        case socket
        /// FIFO, pipe, terminal, device: O_NONBLOCK keeps it from waiting.
        case stream
    }

    /// Closed for a FIFO that nobody has opened for reading yet.
    let descriptor: FileDescriptor
    let kind: Kind
    /// Which file it was when it was opened, nil where nothing is open.
    let identity: stat?
    /// Whether the file ends within a line that whoever wrote it before never finished.
    private(set) var endsWithinLine = false

    private init(_ number: Int32, kind: Kind, identity: stat, endsWithinLine: Bool = false) {
        descriptor = FileDescriptor(number)
        self.kind = kind
        self.identity = identity
        self.endsWithinLine = endsWithinLine
    }

    private init(nothing: Void) {
        descriptor = FileDescriptor(-1)
        kind = .stream
        identity = nil
    }

    /// Nothing open.
    static var none: SinkFile { SinkFile(nothing: ()) }

    var isOpen: Bool { descriptor.number >= 0 }

    /// Bytes in a regular file.
    var size: Int64 { Int64(descriptor.status()?.st_size ?? 0) }

    /// Whether a regular file has no name any more: nobody but this process can read it.
    var isNameless: Bool { kind == .regular && descriptor.status()?.st_nlink == 0 }

    /// Whether it was this file that was found; nil: none was.
    func isSame(as found: stat?) -> Bool {
        guard let identity, let found else { return false }
        return identity.isSameFile(as: found)
    }

    /// Whoever was stopped within a line does not come back: the next one begins a new line.
    mutating func leaveLine() { endsWithinLine = true }

    /// Writes as much as the kernel takes without waiting. 0 as code: everything.
    mutating func write(_ bytes: ByteView) -> (written: Int, code: Int32) {
        let number = descriptor.number
        guard isOpen else { return (0, ENXIO) }
        if endsWithinLine {
            let (_, code) = Self.write(ByteView("\n"), to: number, kind)
            if code != 0 { return (0, code) }
            endsWithinLine = false
        }
        return Self.write(bytes, to: number, kind)
    }

    private static let doNotWait = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)

    private static func write(
        _ bytes: ByteView, to number: Int32, _ kind: Kind
    ) -> (written: Int, code: Int32) {
        var written = 0
        while written < bytes.count {
            let rest = bytes.dropFirst(written)
            let taken =
                kind == .socket
                ? unsafe send(number, rest.base, rest.count, doNotWait)
                : unsafe Glibc.write(number, rest.base, rest.count)
            if taken > 0 {
                written += taken
            } else if taken == 0 {
                return (written, EAGAIN)
            } else {
                let code = errno
                if code != EINTR { return (written, code) }
            }
        }
        return (written, 0)
    }
}

extension SinkFile {
    /// Opens a path for appending and makes the file, mode 0640, where there is none. A FIFO
    /// without a reader gives a file with nothing open.
    static func open(path: String) throws(SinkError) -> SinkFile {
        // O_CREAT on a FIFO of somebody else fails in /tmp (fs.protected_fifos), so it comes
        // second.
        var number = openFile(path, O_WRONLY | O_APPEND)
        if number < 0, errno == ENOENT {
            number = openFile(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o640)
        }
        let code = errno
        if number < 0 {
            var found = stat()
            guard code == ENXIO, unsafe stat(path, &found) == 0 else {
                throw SinkError(path: path, code: code)
            }
            if found.format == S_IFIFO { return SinkFile.none }
            let detail = found.format == S_IFSOCK ? "it is a socket" : nil
            throw SinkError(path: path, code: code, detail: detail)
        }
        return try classify(number, path: path)
    }

    private static func classify(_ number: Int32, path: String) throws(SinkError) -> SinkFile {
        let owner = FileDescriptor(number)
        guard let status = owner.status() else { throw SinkError(path: path, code: errno) }
        switch status.format {
        case S_IFREG:
            return SinkFile(
                owner.release(), kind: .regular, identity: status,
                endsWithinLine: endsWithinLine(path))
        case S_IFIFO, S_IFCHR:
            return SinkFile(owner.release(), kind: .stream, identity: status)
        default:
            throw SinkError(path: path, code: EINVAL, detail: "it is no file, FIFO or terminal")
        }
    }

    /// Whether the last byte of a file is no newline. False where that cannot be read.
    private static func endsWithinLine(_ path: String) -> Bool {
        let number = openFile(path, O_RDONLY)
        guard number >= 0 else { return false }
        let file = FileDescriptor(number)
        guard let size = file.status()?.st_size, size > 0 else { return false }
        var last: UInt8 = 0
        return unsafe pread(file.number, &last, 1, size - 1) == 1 && last != 0x0a
    }

    /// Takes a descriptor that was inherited, whatever it is, without changing how others see it
    /// where possible. `name` is for the error.
    static func inherited(_ inherited: Int32, name: String) throws(SinkError) -> SinkFile {
        let shared = FileDescriptor(fcntl(inherited, F_DUPFD_CLOEXEC, 3))
        guard let status = shared.status() else { throw SinkError(path: name, code: errno) }
        let link = "/proc/self/fd/\(inherited)"
        switch status.format {
        case S_IFREG:
            // O_APPEND, so that a rotation by truncation leaves no hole.
            shared.addFlag(O_APPEND)
            return SinkFile(
                shared.release(), kind: .regular, identity: status,
                endsWithinLine: endsWithinLine(link))
        case S_IFSOCK:
            return SinkFile(shared.release(), kind: .socket, identity: status)
        default:
            // O_NONBLOCK belongs to the open file description, which the shell and stderr may
            // share: a pipe or terminal is opened once more for a description of our own.
            let own = openFile(link, O_WRONLY)
            if own >= 0 { return SinkFile(own, kind: .stream, identity: status) }
            shared.addFlag(O_NONBLOCK)
            return SinkFile(shared.release(), kind: .stream, identity: status)
        }
    }
}

extension FileDescriptor {
    /// Gives the number to another owner.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// Adds a flag to the open file description (fcntl, F_SETFL).
    func addFlag(_ flag: Int32) {
        let flags = fcntl(number, F_GETFL)
        if flags >= 0 { _ = fcntl(number, F_SETFL, flags | flag) }
    }
}
