// The one owner of a descriptor in this module, and the few system calls a log needs.

import Glibc

/// An open file, closed when this goes; a negative number is none.
struct FileDescriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit {
        if number >= 0 { _ = close(number) }
    }

    /// What is at the other end, and which file it is (fstat).
    func status() -> stat? {
        var status = stat()
        return unsafe fstat(number, &status) == 0 ? status : nil
    }
}

extension stat {
    /// S_IFREG, S_IFIFO, …
    var format: mode_t { st_mode & S_IFMT }

    func isSameFile(as other: stat) -> Bool {
        st_dev == other.st_dev && st_ino == other.st_ino
    }
}

/// What is at a path (stat); nil with errno set.
func fileStatus(_ path: String) -> stat? {
    var found = stat()
    return unsafe stat(path, &found) == 0 ? found : nil
}

/// Opens a path and never waits (open); nil with errno set.
func openFile(_ path: String, _ flags: Int32, mode: mode_t = 0) -> Int32 {
    var number: Int32
    repeat {
        number = unsafe open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode)
    } while number < 0 && errno == EINTR
    return number
}
