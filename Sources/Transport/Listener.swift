internal import CLibevent
internal import Glibc

// Sockets that accept. TCP addresses get one socket a worker (SO_REUSEPORT), so that workers
// never wake for each other's connections; a Unix socket is one file and is shared.

/// Why an address cannot be listened on.
package struct ListenError: Error, CustomStringConvertible {
    package let address: String
    package let step: String
    package let code: Int32

    /// For what is written like an address and is none.
    package static func noAddress(_ text: String) -> ListenError {
        ListenError(address: text, step: "bind", code: EINVAL)
    }

    package var message: String {
        let hint =
            step == "bind" && code == EACCES
            ? " (ports below 1024 need a socket unit, systemd:NAME, or CAP_NET_BIND_SERVICE)" : ""
        return "cannot listen on \(address): \(step): \(Socket.describe(code))\(hint)"
    }
    package var description: String { message }
}

/// A listening descriptor, closed with its owner.
package final class Listener: Sendable {
    package let descriptor: Int32
    package let address: SocketAddress
    /// Removed when the listener goes: nobody will answer there any more.
    private let ownedPath: String?
    /// Somebody else holds the socket, too: what waits in its queue is not lost with ours.
    package let isInherited: Bool

    private init(
        descriptor: Int32, address: SocketAddress, ownedPath: String?, isInherited: Bool = false
    ) {
        self.descriptor = descriptor
        self.address = address
        self.ownedPath = ownedPath
        self.isInherited = isInherited
    }

    /// Takes a socket over that was passed to this process and listens already. It may be
    /// blocking, on which a loop that accepts until nothing is left would hang.
    static func inherit(_ descriptor: Int32, name: String) throws(ListenError) -> Listener {
        guard let address = localAddress(descriptor),
            Socket.option(descriptor, SO_ACCEPTCONN) == 1,
            Socket.option(descriptor, SO_TYPE) == Int32(SOCK_STREAM.rawValue)
        else { throw ListenError(address: "systemd:\(name)", step: "inherit", code: EINVAL) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        if !address.isUnix {
            _ = Socket.enable(descriptor, level: Int32(IPPROTO_TCP), option: TCP_NODELAY)
            Socket.avoidPacing(descriptor, to: address)
        }
        return Listener(
            descriptor: descriptor, address: address, ownedPath: nil, isInherited: true)
    }

    deinit {
        // In this order: a gate that starts meanwhile finds somebody listening, or no file.
        if let ownedPath { unsafe unlink(ownedPath) }
        Socket.close(descriptor)
    }

    /// Binds `address` once for each of `count` workers; port 0 becomes one free port for all.
    ///
    /// - Parameters:
    ///   - own: what this process listens on already, which may share its port.
    ///   - isForAll: who may connect to a Unix socket is up to its folder, whatever the umask, as
    ///     it is with nginx.
    package static func bind(
        _ address: SocketAddress, workers count: Int, beside own: [SocketAddress] = [],
        isForAll: Bool = false
    ) throws(ListenError) -> [Listener] {
        if address.isUnix {
            let shared = try bindUnix(address, isForAll)
            return Array(repeating: shared, count: count)
        }
        if !own.contains(where: { !$0.isUnix && $0.port == address.port }) {
            try requireUnused(address)
        }
        var listeners = [try bindTCP(address)]
        let bound = listeners[0].address
        while listeners.count < count { listeners.append(try bindTCP(bound)) }
        return listeners
    }

    /// With SO_REUSEPORT a second gate of the same user would quietly share the port: a first
    /// bind without it fails where anybody, the first gate included, already listens.
    private static func requireUnused(_ address: SocketAddress) throws(ListenError) {
        guard address.port != 0 else { return }
        let probe = try open(address)
        defer { Socket.close(probe) }
        try bind(probe, address)
    }

    private static func bindTCP(_ address: SocketAddress) throws(ListenError) -> Listener {
        let descriptor = try open(address)
        let reusable = Socket.enable(descriptor, level: SOL_SOCKET, option: SO_REUSEPORT)
        guard reusable else { throw failed(descriptor, address, "SO_REUSEPORT") }
        _ = Socket.enable(descriptor, level: Int32(IPPROTO_TCP), option: TCP_NODELAY)
        Socket.avoidPacing(descriptor, to: address)
        do throws(ListenError) { try bind(descriptor, address) } catch {
            Socket.close(descriptor)
            throw error
        }
        guard listen(descriptor, backlog) == 0 else { throw failed(descriptor, address, "listen") }
        return Listener(
            descriptor: descriptor, address: localAddress(descriptor) ?? address, ownedPath: nil)
    }

    /// A socket file left by a process that died is replaced; one that somebody serves is not.
    private static func bindUnix(
        _ address: SocketAddress, _ isForAll: Bool
    ) throws(ListenError) -> Listener {
        let path = String(address.text.dropFirst("unix:".count))
        if Connector.isServed(address) {
            throw ListenError(address: address.text, step: "bind", code: EADDRINUSE)
        }
        removeStaleSocket(path)
        let descriptor = try open(address)
        do throws(ListenError) { try bind(descriptor, address) } catch {
            Socket.close(descriptor)
            throw error
        }
        if isForAll { _ = unsafe chmod(path, 0o666) }
        guard listen(descriptor, backlog) == 0 else { throw failed(descriptor, address, "listen") }
        return Listener(descriptor: descriptor, address: address, ownedPath: path)
    }

    private static func removeStaleSocket(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        unsafe unlink(path)
    }

    private static let backlog: Int32 = 4096

    private static func open(_ address: SocketAddress) throws(ListenError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else {
            throw ListenError(address: address.text, step: "socket", code: errno)
        }
        _ = Socket.enable(descriptor, level: SOL_SOCKET, option: SO_REUSEADDR)
        if address.isIPv6 {
            _ = Socket.enable(descriptor, level: Int32(IPPROTO_IPV6), option: IPV6_V6ONLY)
        }
        return descriptor
    }

    private static func bind(_ descriptor: Int32, _ address: SocketAddress) throws(ListenError) {
        let result = unsafe address.withPointer { unsafe Glibc.bind(descriptor, $0, $1) }
        guard result == 0 else {
            throw ListenError(address: address.text, step: "bind", code: errno)
        }
    }

    private static func failed(
        _ descriptor: Int32, _ address: SocketAddress, _ step: String
    ) -> ListenError {
        let code = errno
        Socket.close(descriptor)
        return ListenError(address: address.text, step: step, code: code)
    }

    private static func localAddress(_ descriptor: Int32) -> SocketAddress? {
        var address = SocketAddress()
        address.length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address.storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &address.length)
            }
        }
        return result == 0 ? address : nil
    }

    /// What `accept` came to.
    package enum Accepted {
        case connection(Int32, peer: SocketAddress)
        /// The queue is empty.
        case none
        /// No descriptor or memory is left: try again later.
        case exhausted
    }

    /// Takes one connection off the queue, non-blocking and closed on exec (accept4(2)).
    package func accept() -> Accepted {
        var peer = SocketAddress()
        while true {
            peer.length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let connection = unsafe withUnsafeMutablePointer(to: &peer.storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe methodgate_accept(descriptor, $0, &peer.length)
                }
            }
            if connection >= 0 { return .connection(connection, peer: peer) }
            switch errno {
            case EINTR, ECONNABORTED, EPROTO, EPERM: continue
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
            default: return .none
            }
        }
    }
}
