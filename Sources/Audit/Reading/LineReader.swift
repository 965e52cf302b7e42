// Lines of a file or a pipe, in memory that does not grow with either.

internal import Glibc
package import HTTPSyntax

/// One line, valid until the next one is asked for.
package struct LogLine {
    /// Without the newline.
    package let bytes: ByteView
    /// Whether there was a newline.
    package let isWhole: Bool
    /// Whether it was too long to be kept: `bytes` is its beginning.
    package let isTooLong: Bool
}

/// A file that cannot be read.
package struct ReadingError: Error, CustomStringConvertible {
    package let path: String
    package let code: Int32

    /// `cannot read x.jsonl: Permission denied`.
    package var description: String { "cannot read \(path): \(errorText(code))" }
}

/// Reads lines one after another. For one thread.
package struct LineReader: ~Copyable {
    package let path: String
    private let descriptor: FileDescriptor
    private var buffer = ByteBuffer()
    /// How many of the buffer's bytes belong to the line that was given last.
    private var given = 0
    /// How many of the others are known to hold no newline.
    private var searched = 0
    /// Within a line that was too long.
    private var isSkipping = false

    private static let chunk = 256 << 10
    /// Bytes of a line that are kept.
    private static let longest = 4 << 20

    /// Opens a file; `-` is standard input.
    package init(path: String) throws(ReadingError) {
        self.path = path
        let number = path == "-" ? dup(0) : unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        let code = errno
        descriptor = FileDescriptor(number)
        guard number >= 0 else { throw ReadingError(path: path, code: code) }
        if descriptor.status()?.format == S_IFDIR {
            throw ReadingError(path: path, code: EISDIR)
        }
    }

    /// Opens a regular file only, without waiting for anybody. To look at a FIFO would be to take
    /// what others are to read, so it is not opened.
    package init(regularFile path: String) throws(ReadingError) {
        self.path = path
        let (number, code) = Self.openRegular(path)
        descriptor = FileDescriptor(number)
        guard number >= 0 else { throw ReadingError(path: path, code: code) }
    }

    private static func openRegular(_ path: String) -> (descriptor: Int32, code: Int32) {
        var found = stat()
        guard unsafe stat(path, &found) == 0 else { return (-1, errno) }
        guard found.st_mode & S_IFMT == S_IFREG else { return (-1, EINVAL) }
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        return (number, errno)
    }

    /// Whether the file can be read from anywhere, and does not end by being closed.
    package var isRegular: Bool { descriptor.status()?.format == S_IFREG }

    /// Bytes of a regular file.
    package var size: Int64 { Int64(descriptor.status()?.st_size ?? 0) }

    /// Where the next line begins, in a regular file.
    package var position: Int64 {
        Int64(lseek(descriptor.number, 0, SEEK_CUR)) - Int64(buffer.count - given)
    }

    /// Whether another file, or none, is at the path now.
    package var hasMoved: Bool {
        var found = stat()
        guard let own = descriptor.status(), unsafe stat(path, &found) == 0 else { return true }
        return !own.isSameFile(as: found)
    }

    /// Goes to a place of a regular file; what was read is forgotten.
    package mutating func seek(to offset: Int64) {
        lseek(descriptor.number, Int(offset), SEEK_SET)
        buffer.removeAll()
        (given, searched, isSkipping) = (0, 0, false)
    }

    /// The next line, or nil at the end. With `keepsUnfinished` a line without its newline stays
    /// where it is until the rest has come.
    package mutating func next(
        keepsUnfinished: Bool = false
    ) throws(ReadingError) -> LogLine? {
        buffer.consume(given)
        given = 0
        while true {
            if let end = newline() {
                let line = buffer.view.slice(0, end)
                given = end + 1
                searched = 0
                guard isSkipping else {
                    return LogLine(bytes: line, isWhole: true, isTooLong: false)
                }
                isSkipping = false
                buffer.consume(given)
                given = 0
                continue
            }
            if buffer.count > Self.longest { return tooLong() }
            if try !fill() { break }
        }
        guard !buffer.isEmpty, !keepsUnfinished, !isSkipping else { return nil }
        given = buffer.count
        searched = 0
        return LogLine(bytes: buffer.view, isWhole: false, isTooLong: false)
    }

    /// Whether the next line is here already, so that asking for it waits for nobody.
    package mutating func hasWholeLine() -> Bool {
        buffer.consume(given)
        given = 0
        return newline() != nil
    }

    /// Gives the beginning of a line once and lets the rest of it pass.
    private mutating func tooLong() -> LogLine {
        let wasSkipping = isSkipping
        isSkipping = true
        given = buffer.count
        searched = 0
        let shown = wasSkipping ? 0 : Swift.min(buffer.count, 256)
        return LogLine(bytes: buffer.view.slice(0, shown), isWhole: true, isTooLong: true)
    }

    private mutating func newline() -> Int? {
        let rest = buffer.view.dropFirst(searched)
        // memchr looks at no byte beyond the view.
        if rest.count > 0, let found = unsafe memchr(rest.base, 0x0a, rest.count) {
            return unsafe searched + (UnsafeRawPointer(found) - UnsafeRawPointer(rest.base))
        }
        searched = buffer.count
        return nil
    }

    /// Reads more; false at the end.
    private mutating func fill() throws(ReadingError) -> Bool {
        let space = buffer.space(atLeast: Self.chunk)
        while true {
            let count = unsafe read(descriptor.number, space.base, Self.chunk)
            if count >= 0 {
                buffer.didFill(count)
                return count > 0
            }
            let code = errno
            guard code == EINTR else { throw ReadingError(path: path, code: code) }
        }
    }
}
