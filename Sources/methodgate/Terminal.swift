import Glibc
import HTTPSyntax

/// Standard output and error, without Foundation and without buffering.
enum Terminal {
    /// Ends the program with status 2 where standard output takes nothing: half a result must not
    /// pass for a whole one.
    static func out(_ text: String) { text.withView(out) }

    /// The same for bytes.
    static func out(_ bytes: ByteView) {
        let code = write(bytes, to: STDOUT_FILENO)
        guard code != 0 else { return }
        err(
            "methodgate: cannot write to standard output: \(unsafe String(cString: strerror(code)))\n"
        )
        Exit.leave(2)
    }

    /// While the gate serves (`startServing`), what standard error does not take is dropped.
    static func err(_ text: String) {
        text.withView { bytes in
            if let messages = unsafe messages {
                messages.offer(bytes)
            } else {
                _ = write(bytes, to: STDERR_FILENO)
            }
        }
    }

    /// From here on nobody waits for who reads standard error. For the main thread, as `err` is
    /// then.
    static func startServing() { unsafe messages = Messages(STDERR_FILENO) }

    nonisolated(unsafe) private static var messages: Messages?

    /// Whether standard output is read by a person as it comes.
    static var isOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether colour helps: a terminal, and nobody asked for none (NO_COLOR, if it is not empty).
    static func hasColor(_ descriptor: Int32) -> Bool {
        guard isatty(descriptor) == 1 else { return false }
        guard let wish = unsafe getenv("NO_COLOR") else { return true }
        return unsafe wish.pointee == 0
    }

    static var errorColor: Bool { hasColor(STDERR_FILENO) }
    static var outputColor: Bool { hasColor(STDOUT_FILENO) }

    /// The errno that stopped it; 0 where all was taken.
    private static func write(_ bytes: ByteView, to descriptor: Int32) -> Int32 {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe Glibc.write(descriptor, rest.base, rest.count)
            let code = errno
            if count < 0 && code == EINTR { continue }
            guard count > 0 else { return code }
            rest = rest.dropFirst(count)
        }
        return 0
    }
}

/// Ends the process.
enum Exit {
    static func leave(_ status: Int32) -> Never { exit(status) }
}
