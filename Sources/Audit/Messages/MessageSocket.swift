// The socket behind a sink of messages: opened when there is something to send, opened again when
// its other end went away, and never waited for.

internal import CLinux
import Glibc
import HTTPSyntax

/// Where messages go.
enum MessageAddress: Hashable, Sendable {
    case unix(path: String)
    /// An IPv4 or IPv6 address as text.
    case udp(host: String, port: UInt16)
}

/// A socket that is connected while somebody is there. For one thread at a time.
@safe struct MessageSocket: ~Copyable {
    enum Kind {
        case closed
        /// A Unix datagram socket: what the kernel took waits in the reader's queue.
        case datagram
        /// What the kernel took may be lost on its way.
        case udp
        case stream
    }

    private let address: MessageAddress
    /// Whether a stream will do where nobody takes datagrams, as with /dev/log.
    private let mayStream: Bool
    private var descriptor = FileDescriptor(-1)
    private(set) var kind = Kind.closed
    /// Whether one datagram is to show that somebody listens before others follow.
    private var isDoubtful = false
    // Ours alone: allocated in init, freed in deinit, filled anew for each call.
    private let messages: UnsafeMutablePointer<methodgate_message>
    private let pieces: UnsafeMutablePointer<methodgate_piece>

    private static let doNotWait = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    /// Messages of one call.
    static let batch = 64
    /// What a datagram socket asks for, so that many messages can wait for their reader; the
    /// system's limit (net.core.wmem_max) makes it less.
    private static let sendBuffer: Int32 = 8 << 20

    init(to address: MessageAddress, mayStream: Bool) {
        self.address = address
        self.mayStream = mayStream
        unsafe messages = .allocate(capacity: Self.batch)
        unsafe messages.initialize(repeating: methodgate_message(), count: Self.batch)
        unsafe pieces = .allocate(capacity: Self.batch)
        unsafe pieces.initialize(repeating: methodgate_piece(), count: Self.batch)
    }

    deinit {
        unsafe messages.deallocate()
        unsafe pieces.deallocate()
    }

    // MARK: Opening

    /// Connects where that is to be done. The errno that prevents it, or 0.
    mutating func open() -> Int32 {
        guard kind == .closed else { return 0 }
        switch address {
        case .unix(let path):
            let code = connect(path, SOCK_DGRAM, .datagram)
            return code == EPROTOTYPE && mayStream ? connect(path, SOCK_STREAM, .stream) : code
        case .udp(let host, let port): return connect(host, port)
        }
    }

    mutating func close() {
        descriptor = FileDescriptor(-1)
        kind = .closed
    }

    private mutating func connect(_ path: String, _ type: __socket_type, _ kind: Kind) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            return ENAMETOOLONG
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return unsafe connect(AF_UNIX, type, kind, &address, MemoryLayout<sockaddr_un>.size)
    }

    private mutating func connect(_ host: String, _ port: UInt16) -> Int32 {
        var v4 = sockaddr_in()
        if unsafe inet_pton(AF_INET, host, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            return unsafe connect(AF_INET, SOCK_DGRAM, .udp, &v4, MemoryLayout<sockaddr_in>.size)
        }
        var v6 = sockaddr_in6()
        guard unsafe inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 else { return EINVAL }
        v6.sin6_family = sa_family_t(AF_INET6)
        v6.sin6_port = port.bigEndian
        return unsafe connect(AF_INET6, SOCK_DGRAM, .udp, &v6, MemoryLayout<sockaddr_in6>.size)
    }

    private mutating func connect<Address>(
        _ family: Int32, _ type: __socket_type, _ kind: Kind, _ address: UnsafePointer<Address>,
        _ size: Int
    ) -> Int32 {
        let flags = SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let new = FileDescriptor(socket(family, Int32(type.rawValue | flags), 0))
        guard new.number >= 0 else { return errno }
        let result = unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe Glibc.connect(new.number, $0, socklen_t(size))
        }
        guard result == 0 else { return errno }
        if kind == .datagram {
            var wanted = Self.sendBuffer
            unsafe setsockopt(new.number, SOL_SOCKET, SO_SNDBUF, &wanted, 4)
        }
        descriptor = new
        self.kind = kind
        isDoubtful = kind == .udp
        return 0
    }

    /// Whether an errno says that the other end is not there any more.
    static func isGone(_ code: Int32) -> Bool {
        switch code {
        case ECONNREFUSED, ENOTCONN, ECONNRESET, EPIPE, EDESTADDRREQ, EBADF: true
        default: false
        }
    }

    // MARK: Sending

    /// Sends messages that stand one after another in `bytes` and end at `ends`, from the one
    /// numbered `first` on, as far as the kernel takes them. How many it took, and the errno that
    /// stopped it, or 0.
    mutating func send(
        _ bytes: ByteView, ends: [Int], from first: Int
    ) -> (count: Int, code: Int32) {
        var sent = first
        while sent < ends.count {
            let wanted = isDoubtful ? 1 : Swift.min(ends.count - sent, Self.batch)
            for index in 0..<wanted { fill(index, bytes, ends, message: sent + index) }
            let taken = unsafe Int(
                methodgate_send_messages(
                    descriptor.number, messages, UInt32(wanted), Self.doNotWait))
            let code = errno
            if taken < 0 {
                if code == EINTR { continue }
                isDoubtful = kind == .udp
                return (sent - first, code)
            }
            if isDoubtful {
                let refusal = pendingError()
                if refusal != 0 { return (sent - first, refusal) }
            }
            // Fewer than asked for: something is wrong with the next one.
            isDoubtful = kind == .udp && taken < wanted
            sent += taken
        }
        return (sent - first, 0)
    }

    private func fill(_ index: Int, _ bytes: ByteView, _ ends: [Int], message: Int) {
        let start = message == 0 ? 0 : ends[message - 1]
        let part = bytes.slice(start, ends[message] - start)
        // `index` is below `batch`, and the kernel only reads what the piece points to.
        unsafe pieces[index] = methodgate_piece(base: part.base, count: part.count)
        unsafe messages[index].header.pieces = unsafe pieces + index
        unsafe messages[index].header.piece_count = 1
    }

    /// What the network has said of datagrams before: on this machine that nobody takes the last
    /// one is known when its call returns.
    private func pendingError() -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(4)
        guard unsafe getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
            return errno
        }
        return code
    }

    /// Sends bytes of a stream; how many the kernel took, and the errno that stopped it, or 0.
    func send(stream bytes: ByteView) -> (sent: Int, code: Int32) {
        var sent = 0
        while sent < bytes.count {
            let rest = bytes.dropFirst(sent)
            let taken = unsafe Glibc.send(
                descriptor.number, rest.base, rest.count, Self.doNotWait)
            let code = errno
            if taken > 0 {
                sent += taken
            } else if taken == 0 || code != EINTR {
                return (sent, taken == 0 ? EAGAIN : code)
            }
        }
        return (sent, 0)
    }

    /// Sends a message that is too long for a datagram as a sealed file in memory, which is what
    /// journald takes then. The errno that prevents it, or 0.
    func send(file bytes: ByteView) -> Int32 {
        let file = FileDescriptor(unsafe methodgate_memory_file("methodgate-record"))
        guard file.number >= 0 else { return errno }
        var written = 0
        while written < bytes.count {
            let rest = bytes.dropFirst(written)
            let taken = unsafe write(file.number, rest.base, rest.count)
            guard taken > 0 else { return errno }
            written += taken
        }
        guard methodgate_seal(file.number) == 0 else { return errno }
        // struct cmsghdr and one descriptor: length, level, type, data, padding.
        var control = (20, SOL_SOCKET, Int32(SCM_RIGHTS), file.number, Int32(0))
        let result = unsafe withUnsafeMutableBytes(of: &control) { control in
            var message = unsafe methodgate_message()
            unsafe message.header.control = control.baseAddress
            unsafe message.header.control_length = 24
            return unsafe methodgate_send_messages(
                descriptor.number, &message, 1, Self.doNotWait)
        }
        return result < 0 ? errno : 0
    }
}
