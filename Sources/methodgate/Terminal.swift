import Glibc

/// Standard output and error, without Foundation and without buffering.
enum Terminal {
    static func out(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func err(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Whether colour helps: a terminal, and nobody asked for none (NO_COLOR).
    static func hasColor(_ descriptor: Int32) -> Bool {
        unsafe getenv("NO_COLOR") == nil && isatty(descriptor) == 1
    }

    static var errorColor: Bool { hasColor(STDERR_FILENO) }
    static var outputColor: Bool { hasColor(STDOUT_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// Ends the process.
enum Exit {
    static func leave(_ status: Int32) -> Never { exit(status) }
}
