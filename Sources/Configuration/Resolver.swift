// Host names to addresses, once a load. The request path never waits for a name server; whoever
// moves a backend to another address reloads.

import Glibc

/// What a name comes to.
package enum ResolvedName: Sendable {
    case address(String, isIPv6: Bool)
    /// `isTransient`: no name server has said so; another attempt may go well.
    case failure(String, isTransient: Bool = false)
}

/// Resolves names and remembers them for the length of one load.
final class Resolver {
    private var known: [String: ResolvedName] = [:]
    private let ask: (String, Int) -> ResolvedName
    /// When the time for the names of this load is over; nil until the first one.
    private var end: ContinuousClock.Instant?

    /// For all names of a load together. A reload stops the main thread for so long, which has
    /// to be well below what service managers, probes and `methodgate reload` wait for.
    static let patience = Swift.Duration.seconds(10)

    init(asking ask: @escaping (String, Int) -> ResolvedName) { self.ask = ask }

    private func lookUp(_ host: String) -> ResolvedName {
        let now = ContinuousClock.now
        let end = self.end ?? now + Self.patience
        self.end = end
        let left = max(.zero, end - now).components
        return ask(host, Int(left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000))
    }

    /// The address of a backend: a number as it is, a name resolved: its first IPv4 address,
    /// else its first IPv6 one.
    func address(of host: String, port: UInt16) throws(Complaint) -> Address {
        if let address = Self.numeric(host, port: port) { return address }
        let answer = known[host] ?? lookUp(host)
        known[host] = answer
        switch answer {
        case .address(let text, true): return .ipv6(host: text, port: port)
        case .address(let text, false): return .ipv4(host: text, port: port)
        case .failure(let reason, let isTransient):
            var complaint = Complaint(
                "\(Printable.quoted(host)) cannot be resolved: \(reason)",
                accepted: "a name that resolves when the configuration is loaded")
            complaint.isTransient = isTransient
            throw complaint
        }
    }

    /// An IPv4 or IPv6 address in its usual text form. Calls inet_pton(3), inet_ntop(3).
    static func numeric(_ host: String, port: UInt16) -> Address? {
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, host, &v4) == 1 { return .ipv4(host: host, port: port) }
        var v6 = in6_addr()
        guard unsafe inet_pton(AF_INET6, host, &v6) == 1 else { return nil }
        return unsafe text(AF_INET6, &v6).map { .ipv6(host: $0, port: port) }
    }

    private static func text(_ family: CInt, _ address: UnsafeRawPointer) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) {
            // The buffer has the size that inet_ntop(3) asks for, so its result ends within.
            guard
                let text = unsafe inet_ntop(
                    family, address, $0.baseAddress, socklen_t(INET6_ADDRSTRLEN))
            else { return nil }
            return unsafe String(cString: text)
        }
    }

    /// `localhost` is 127.0.0.1. Other names are looked up for so many milliseconds at most.
    static func lookUp(_ host: String, within milliseconds: Int) -> ResolvedName {
        if host.lowercased() == "localhost" { return .address("127.0.0.1", isIPv6: false) }
        let answer = Lookup.run(within: milliseconds) { ask(host) }
        return answer ?? .failure("no name server has answered in time", isTransient: true)
    }

    /// Calls getaddrinfo(3), which may block.
    private static func ask(_ host: String) -> ResolvedName {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else {
            let reason = unsafe String(cString: gai_strerror(status))
            return .failure(reason, isTransient: status == EAI_AGAIN)
        }
        defer { unsafe freeaddrinfo(list) }
        var fallback: ResolvedName?
        var next = unsafe list
        while let entry = unsafe next {
            if let answer = unsafe answer(entry.pointee) {
                if case .address(_, false) = answer { return answer }
                fallback = fallback ?? answer
            }
            unsafe next = entry.pointee.ai_next
        }
        return fallback ?? .failure("it has no address")
    }

    private static func answer(_ entry: addrinfo) -> ResolvedName? {
        guard let raw = unsafe UnsafeRawPointer(entry.ai_addr) else { return nil }
        // ai_family says which structure ai_addr points to.
        switch unsafe entry.ai_family {
        case AF_INET:
            var address = unsafe raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            return unsafe text(AF_INET, &address).map { .address($0, isIPv6: false) }
        case AF_INET6:
            var address = unsafe raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return unsafe text(AF_INET6, &address).map { .address($0, isIPv6: true) }
        default: return nil
        }
    }
}
