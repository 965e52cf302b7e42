internal import CLinux
internal import Glibc

// One question to the name servers that does not wait for ever: getaddrinfo(3) itself has no limit,
// and some name servers swallow what they are asked.

/// One lookup of a name (getaddrinfo_a(3)). The C library's thread writes to `request` until it has
/// an answer.
@safe final class Lookup {
    private let request = UnsafeMutablePointer<methodgate_lookup>.allocate(capacity: 1)
    private let hints = UnsafeMutablePointer<addrinfo>.allocate(capacity: 1)
    private let name: UnsafeMutablePointer<CChar>?
    /// What the lookup has come to; nil while it runs.
    private var status: CInt?

    private static let doNotWait: CInt = 1
    private static let runs: CInt = -100
    private static let canceled: CInt = -101

    init(_ host: String) {
        unsafe name = strdup(host)
        unsafe hints.initialize(to: addrinfo())
        unsafe hints.pointee.ai_family = AF_UNSPEC
        unsafe hints.pointee.ai_socktype = CInt(SOCK_STREAM.rawValue)
        unsafe request.initialize(to: methodgate_lookup())
        unsafe request.pointee.name = UnsafePointer(name)
        unsafe request.pointee.hints = UnsafeRawPointer(hints)
        var list: UnsafeMutablePointer<methodgate_lookup>? = unsafe request
        let failure = unsafe methodgate_look_up(Self.doNotWait, &list, 1, nil)
        if failure != 0 { status = failure }
    }

    deinit {
        // What the C library still writes to stays where it is, for good.
        guard let status = status ?? settled() else { return }
        if status == 0 { unsafe freeaddrinfo(answers) }
        unsafe free(name)
        unsafe hints.deallocate()
        unsafe request.deallocate()
    }

    private func settled() -> CInt? {
        unsafe methodgate_cancel(request) == Self.canceled ? Self.canceled : nil
    }

    /// The lookup's status (`EAI_…`, 0 where it went well), or nil after so many milliseconds.
    func wait(_ milliseconds: Int) -> CInt? {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while status == nil {
            let now = unsafe methodgate_lookup_status(request)
            if now != Self.runs {
                status = now
                break
            }
            let left = (end - ContinuousClock.now).components
            guard left.seconds >= 0, left.attoseconds > 0 || left.seconds > 0 else { return nil }
            var time = timespec(
                tv_sec: Int(left.seconds), tv_nsec: Int(left.attoseconds / 1_000_000_000))
            var list: UnsafeMutablePointer<methodgate_lookup>? = unsafe request
            _ = unsafe methodgate_wait(&list, 1, &time)
        }
        return status
    }

    private var answers: UnsafeMutablePointer<addrinfo>? {
        unsafe request.pointee.answers?.assumingMemoryBound(to: addrinfo.self)
    }

    /// The first IPv4 address, else the first IPv6 one.
    func first(_ read: (addrinfo) -> ResolvedName?) -> ResolvedName {
        var fallback: ResolvedName?
        var next = unsafe answers
        while let entry = unsafe next {
            if let answer = unsafe read(entry.pointee) {
                if case .address(_, false) = answer { return answer }
                fallback = fallback ?? answer
            }
            unsafe next = entry.pointee.ai_next
        }
        return fallback ?? .failure("it has no address")
    }
}
