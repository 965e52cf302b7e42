import Glibc
import HTTPSyntax

// What the gate tells the operator while it serves. Whoever reads standard error may stop reading
// (a stalled journal, a shell's reader), and the main thread, which reloads, drains and feeds the
// watchdog, must not wait for that: a line that is not taken at once is dropped.

/// Standard error without waiting, whatever it is; a file or terminal is written to as always.
struct Messages {
    private enum Kind {
        /// Flags of its description, or of the call, keep it from waiting.
        case pipe, socket
        /// A pipe whose description others share: it is asked first.
        case sharedPipe
        case other
    }

    private let descriptor: Int32
    private let kind: Kind

    /// `descriptor` stays the caller's; its flags, which others share, stay as they are.
    init(_ descriptor: Int32) {
        var status = stat()
        let isKnown = unsafe fstat(descriptor, &status) == 0
        switch isKnown ? status.st_mode & S_IFMT : 0 {
        case S_IFIFO:
            let own = unsafe open(
                "/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            self.descriptor = own >= 0 ? own : descriptor
            kind = own >= 0 ? .pipe : .sharedPipe
        case S_IFSOCK:
            self.descriptor = descriptor
            kind = .socket
        default:
            self.descriptor = descriptor
            kind = .other
        }
    }

    /// Writes what is taken at once, and drops the rest. A pipe takes a piece of this size whole or
    /// not at all, so that what is dropped is lines and not parts of them.
    func offer(_ bytes: ByteView) {
        var rest = bytes
        while !rest.isEmpty {
            let piece = kind == .other ? rest : Self.piece(of: rest)
            let count = write(piece)
            let code = errno
            if count < 0 && code == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Whole lines, as far as PIPE_BUF bytes hold some.
    private static func piece(of bytes: ByteView) -> ByteView {
        guard bytes.count > PIPE_BUF else { return bytes }
        var end = Int(PIPE_BUF)
        while end > 0, bytes[end - 1] != 0x0a { end -= 1 }
        return bytes.slice(0, end > 0 ? end : Int(PIPE_BUF))
    }

    private func write(_ piece: ByteView) -> Int {
        switch kind {
        case .socket:
            return unsafe send(
                descriptor, piece.base, piece.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        case .sharedPipe where !hasRoom: return 0
        case .pipe, .sharedPipe, .other:
            return unsafe Glibc.write(descriptor, piece.base, piece.count)
        }
    }

    private var hasRoom: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&entry, 1, 0) == 1
    }
}
