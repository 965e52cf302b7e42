internal import Glibc

// Connections to upstreams: started here, and finished by whoever watches the descriptor.

/// Opens connections to upstreams.
package enum Connector {
    /// What an attempt came to.
    package enum Outcome {
        case connected(Int32)
        /// Under way: the descriptor becomes writable when it is decided.
        case connecting(Int32)
        /// errno; `EMFILE` and the like say that we, not the upstream, are the reason.
        case failed(Int32)
    }

    /// Starts a connection, non-blocking, TCP_NODELAY (connect(2)).
    package static func connect(to address: SocketAddress) -> Outcome {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return .failed(errno) }
        if !address.isUnix {
            _ = Socket.enable(descriptor, level: Int32(IPPROTO_TCP), option: TCP_NODELAY)
            Socket.avoidPacing(descriptor, to: address)
            Socket.noteArrivals(descriptor)
        }
        let result = unsafe address.withPointer { unsafe Glibc.connect(descriptor, $0, $1) }
        if result == 0 { return .connected(descriptor) }
        let code = errno
        if code == EINPROGRESS { return .connecting(descriptor) }
        Socket.close(descriptor)
        return .failed(code)
    }

    /// Whether somebody accepts at a Unix socket's path right now.
    static func isServed(_ address: SocketAddress) -> Bool {
        switch connect(to: address) {
        case .connected(let descriptor), .connecting(let descriptor):
            Socket.close(descriptor)
            return true
        case .failed(let code):
            // A full backlog is a living server too.
            return code == EAGAIN
        }
    }
}
