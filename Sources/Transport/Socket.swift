internal import CLibevent
internal import Glibc
package import HTTPSyntax

// The system calls on sockets, each once, with errno read in the very next statement.

/// What a read or write on a non-blocking descriptor came to.
package enum IOResult {
    /// That many bytes; at least 1.
    case bytes(Int)
    /// Nothing now (EAGAIN).
    case wouldBlock
    /// The peer has ended its side.
    case endOfStream
    /// The stream has ended, and the peer had not said so: what came may be cut short. Only of TLS.
    case truncated
    /// Broken, with errno.
    case failed(Int32)
}

/// Calls on connected, non-blocking descriptors.
package enum Socket {
    /// recv(2) into all of `space`.
    package static func receive(_ descriptor: Int32, into space: MutableByteView) -> IOResult {
        let count = unsafe methodgate_receive(descriptor, space.base, space.count)
        if count > 0 { return .bytes(count) }
        if count == 0 { return .endOfStream }
        return failure(errno)
    }

    /// send(2); takes what the kernel has room for.
    package static func send(_ descriptor: Int32, _ bytes: ByteView) -> IOResult {
        let count = unsafe methodgate_send(descriptor, bytes.base, bytes.count)
        return count >= 0 ? .bytes(count) : failure(errno)
    }

    /// Sends two pieces in one call (sendmsg(2)); either may be empty.
    package static func send(_ descriptor: Int32, _ head: ByteView, _ content: ByteView) -> IOResult
    {
        if content.isEmpty { return send(descriptor, head) }
        if head.isEmpty { return send(descriptor, content) }
        var pieces = unsafe (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: head.base), iov_len: head.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: content.base), iov_len: content.count)
        )
        let count = unsafe withUnsafeMutablePointer(to: &pieces) { pieces in
            unsafe pieces.withMemoryRebound(to: iovec.self, capacity: 2) { vector in
                var message = unsafe msghdr()
                unsafe message.msg_iov = vector
                unsafe message.msg_iovlen = 2
                return unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
            }
        }
        return count >= 0 ? .bytes(count) : failure(errno)
    }

    /// Whether nothing has arrived on a connection that should be silent (recv(2), MSG_PEEK):
    /// false where the peer has closed it or sent something.
    package static func isSilent(_ descriptor: Int32) -> Bool {
        var byte: UInt8 = 0
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK))
        return count < 0 && errno == EAGAIN
    }

    private static func failure(_ code: Int32) -> IOResult {
        code == EAGAIN || code == EINTR ? .wouldBlock : .failed(code)
    }

    /// close(2). Nothing may use the descriptor after it.
    package static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    /// Ends our side of the stream, so that the peer sees its end (shutdown(2)).
    package static func shutdownWrite(_ descriptor: Int32) {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Makes the coming `close` a reset, so that the peer cannot take a cut stream for a whole one.
    package static func resetOnClose(_ descriptor: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// The error a failed connect(2) left on the socket; 0 where it succeeded.
    package static func pendingError(_ descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
            return errno
        }
        return code
    }

    /// Bytes that the kernel has taken and the peer has not (SIOCOUTQ).
    package static func queuedBytes(_ descriptor: Int32) -> Int {
        var count: Int32 = 0
        return unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
    }

    /// An option of the socket as such; nil where it has none.
    static func option(_ descriptor: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        let result = unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &size)
        return result == 0 ? value : nil
    }

    static func enable(_ descriptor: Int32, level: Int32, option: Int32) -> Bool {
        var on: Int32 = 1
        return unsafe setsockopt(
            descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    /// Takes the congestion control that needs no timer for a stream that does not leave this
    /// machine: there is nothing to pace, and what the system uses for networks (BBR) arms one for
    /// each send. Costs nothing where the system's is as cheap; a refusal changes nothing.
    static func avoidPacing(_ descriptor: Int32, to address: SocketAddress) {
        guard address.isLoopback else { return }
        var name: (UInt8, UInt8, UInt8, UInt8) = (0x72, 0x65, 0x6e, 0x6f)
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, &name, 4)
    }

    /// The text of an errno; allocates.
    package static func describe(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

    /// How many descriptors the process may have open (RLIMIT_NOFILE), raised to the hard limit.
    package static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 1024
        }
        if limit.rlim_cur < limit.rlim_max {
            let raised = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
            if unsafe withUnsafePointer(
                to: raised, { unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), $0) })
                == 0
            {
                limit.rlim_cur = limit.rlim_max
            }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
