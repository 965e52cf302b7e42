internal import Glibc
internal import Memory

// One question to the name servers that does not wait for ever: getaddrinfo(3) itself has no limit,
// and some name servers swallow what they are asked.

/// An answer that a thread of its own waits for. What has not come in time is nobody's: the thread
/// goes on until it has, and ends.
final class Lookup: Sendable {
    private let answer = Lock<ResolvedName?>(nil)
    /// Two connected sockets: the first is readable once there is an answer.
    private let ends: (CInt, CInt)

    private init?() {
        var pair: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &pair) == 0 else { return nil }
        ends = (pair[0], pair[1])
    }

    deinit {
        _ = close(ends.0)
        _ = close(ends.1)
    }

    /// What `ask` comes to, or nil after so many milliseconds. Without a thread it is asked here.
    static func run(
        within milliseconds: Int, _ ask: @escaping @Sendable () -> ResolvedName
    ) -> ResolvedName? {
        guard let lookup = Lookup() else { return ask() }
        let thread = Thread(name: "lookup") {
            lookup.finish(ask())
        }
        guard let thread else { return ask() }
        thread.detach()
        return lookup.wait(milliseconds)
    }

    private func finish(_ name: ResolvedName) {
        answer.withLock { $0 = name }
        _ = unsafe send(ends.1, [1], 1, CInt(MSG_NOSIGNAL))
    }

    private func wait(_ milliseconds: Int) -> ResolvedName? {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while true {
            let left = max(.zero, end - ContinuousClock.now).components
            var watched = pollfd(fd: ends.0, events: Int16(POLLIN), revents: 0)
            let time = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
            let count = unsafe poll(&watched, 1, CInt(clamping: time))
            // A signal ends poll(2), and not the wait.
            if count >= 0 || errno != EINTR { return answer.withLock { $0 } }
        }
    }
}
