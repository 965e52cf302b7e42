internal import Glibc
internal import Transport

// What the service manager is told: readiness, reloads, the state in words, signs of life. The
// protocol is a datagram of lines to the socket that NOTIFY_SOCKET names (sd_notify(3), "Notes");
// without that variable nothing is sent. All on the main thread.

/// The service manager that started this process.
package final class ServiceManager {
    private let path: [UInt8]
    private let descriptor: Int32
    /// Milliseconds within which a sign of life is wanted; nil where none is.
    package let watchdogTime: Int?

    /// Nil where nobody wants to be told. Takes the variables away, so that no child answers for
    /// this process.
    package init?() {
        defer {
            for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
                Environment.remove(name)
            }
        }
        guard let name = Environment.value("NOTIFY_SOCKET"), let path = Self.path(name) else {
            return nil
        }
        self.path = path
        descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        watchdogTime = Self.watchdog()
        guard descriptor >= 0 else { return nil }
    }

    deinit { if descriptor >= 0 { _ = close(descriptor) } }

    /// `/path`, or `@name` for a name in the abstract namespace.
    private static func path(_ text: String) -> [UInt8]? {
        var bytes = Array(text.utf8)
        guard bytes.count >= 2, bytes.count < 108 else { return nil }
        if bytes[0] == UInt8(ascii: "@") {
            bytes[0] = 0
        } else if bytes[0] != UInt8(ascii: "/") {
            return nil
        }
        return bytes
    }

    private static func watchdog() -> Int? {
        guard let text = Environment.value("WATCHDOG_USEC"), let time = Int(text), time >= 1000
        else { return nil }
        if let id = Environment.value("WATCHDOG_PID"), Int32(id) != getpid() { return nil }
        return time / 1000
    }

    /// The service serves, or serves again after `reloading`.
    package func ready(_ status: String) { send("READY=1\nSTATUS=\(line(status))") }

    /// A new configuration is being read.
    package func reloading() {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        let time = UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1000
        send("RELOADING=1\nMONOTONIC_USEC=\(time)\nSTATUS=Reloading")
    }

    package func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(line(status))") }

    /// The stop lasts on, and is not to be cut short for so long, whatever the manager's own limit.
    package func extendStop(seconds: Int) { send("EXTEND_TIMEOUT_USEC=\(seconds * 1_000_000)") }

    /// Only the state in words.
    package func status(_ status: String) { send("STATUS=\(line(status))") }

    /// A sign of life.
    package func isAlive() { send("WATCHDOG=1") }

    /// A line break would begin another assignment.
    private func line(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 }.prefix(500))
    }

    private func send(_ text: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        let length = socklen_t(offset + path.count)
        let bytes = Array(text.utf8)
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
