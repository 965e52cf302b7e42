// A non-blocking socket with blocking calls that all take a deadline, for both ends of a test.

import Foundation
import Glibc

/// A system call that failed.
public struct SocketError: Error, CustomStringConvertible {
    public let call: String
    public let code: Int32

    public var description: String { "\(call): \(String(cString: strerror(code)))" }
    public var isReset: Bool { code == ECONNRESET || code == EPIPE }
}

public final class Socket: @unchecked Sendable {
    public let descriptor: Int32
    private let lock = NSLock()
    private var isOpen = true
    /// TLS on top, once it has begun.
    public private(set) var tls: TLSLayer?

    init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    deinit { close() }

    /// A socket of the address's family that no child process inherits.
    private static func make(_ address: Address) throws -> Socket {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { throw SocketError(call: "socket", code: errno) }
        return Socket(descriptor: descriptor)
    }

    /// Connects within five seconds.
    ///
    /// - Parameters:
    ///   - own: the own address; all of 127.0.0.0/8 is there for clients that are to be told apart.
    ///   - receiveBuffer: bytes, to make a slow reader slow at once.
    public static func connect(
        to address: Address, from own: Address? = nil, receiveBuffer: Int32? = nil
    ) throws -> Socket {
        let socket = try make(address)
        if let own, own.withSocketAddress({ bind(socket.descriptor, $0, $1) }) != 0 {
            throw SocketError(call: "bind \(own)", code: errno)
        }
        if let receiveBuffer { socket.set(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        let result = address.withSocketAddress { Glibc.connect(socket.descriptor, $0, $1) }
        if result != 0 {
            guard errno == EINPROGRESS || errno == EAGAIN else {
                throw SocketError(call: "connect to \(address)", code: errno)
            }
            try socket.wait(for: POLLOUT, Deadline(seconds: 5), "connect to \(address)")
            var code: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(socket.descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            guard code == 0 else { throw SocketError(call: "connect to \(address)", code: code) }
        }
        if address.family != AF_UNIX { socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        return socket
    }

    /// A listening socket.
    public static func listen(on address: Address, backlog: Int32 = 64) throws -> Socket {
        let socket = try make(address)
        socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        let bound = address.withSocketAddress { bind(socket.descriptor, $0, $1) }
        guard bound == 0 else { throw SocketError(call: "bind \(address)", code: errno) }
        guard Glibc.listen(socket.descriptor, backlog) == 0 else {
            throw SocketError(call: "listen on \(address)", code: errno)
        }
        return socket
    }

    public func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The own address, with the port that the kernel chose.
    public var localAddress: Address { address(getsockname) }

    /// The other end's address.
    var peerAddress: Address { address(getpeername) }

    /// Sets TLS up; from then on everything passes through it.
    public func begin(_ settings: TestTLS, asServer: Bool, _ deadline: Deadline) throws {
        if !settings.preamble.isEmpty { try write(settings.preamble, deadline) }
        tls = try TLSLayer(self, asServer: asServer, settings, deadline)
    }

    private func address(
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> Address {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = call(descriptor, $0, &length)
            }
        }
        return Address(storage)
    }

    /// Whether bytes or an end have come that nobody has read.
    var hasInput: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    /// The next connection, or nil when none came in time.
    func accept(_ deadline: Deadline) -> Socket? {
        guard (try? wait(for: POLLIN, deadline, "accept")) != nil else { return nil }
        let accepted = inheritance.withLock {
            let accepted = Glibc.accept(descriptor, nil, nil)
            if accepted >= 0 { _ = fcntl(accepted, F_SETFD, FD_CLOEXEC) }
            return accepted
        }
        guard accepted >= 0 else { return nil }
        let socket = Socket(descriptor: accepted)
        if localAddress.family != AF_UNIX { socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        return socket
    }

    func wait(for events: Int32, _ deadline: Deadline, _ what: @autoclosure () -> String) throws {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        while true {
            let count = poll(&entry, 1, deadline.milliseconds)
            if count > 0 { return }
            if count < 0 && errno == EINTR { continue }
            throw TimedOut(what())
        }
    }

    /// What has arrived, at least a byte; empty at the end of the stream.
    public func read(atMost count: Int = 65_536, _ deadline: Deadline) throws -> Bytes {
        if let tls { return try tls.read(atMost: count, deadline) }
        while true {
            var result = 0
            var code: Int32 = 0
            let bytes = Bytes(unsafeUninitializedCapacity: count) { buffer, used in
                result = recv(descriptor, buffer.baseAddress, count, 0)
                code = errno
                used = max(0, result)
            }
            if result >= 0 { return bytes }
            guard code == EAGAIN || code == EINTR else {
                throw SocketError(call: "recv", code: code)
            }
            try wait(for: POLLIN, deadline, "waiting for bytes")
        }
    }

    /// Sends everything or throws; a broken connection is a `SocketError`, never a signal.
    public func write(_ bytes: some Collection<UInt8>, _ deadline: Deadline) throws {
        if let tls { return try tls.write(Bytes(bytes), deadline) }
        try Bytes(bytes).withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let rest = buffer[sent...]
                let count = send(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count,
                    Int32(MSG_NOSIGNAL))
                if count >= 0 {
                    sent += count
                } else if errno == EAGAIN {
                    try wait(for: POLLOUT, deadline, "waiting for room to send")
                } else if errno != EINTR {
                    throw SocketError(call: "send", code: errno)
                }
            }
        }
    }

    /// Says that no more bytes follow; reading goes on.
    public func halfClose() {
        tls?.sayEnd()
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Ends our side as if somebody in between did: without a word of TLS.
    public func cut() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Wakes whoever reads here, in any thread.
    func shutDown() {
        lock.withLock {
            // The number of a closed descriptor may belong to another socket by now.
            if isOpen { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Ends the connection with a RST.
    public func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        closeDescriptor()
    }

    public func close() {
        if lock.withLock({ isOpen }) { tls?.sayEnd() }
        closeDescriptor()
    }

    private func closeDescriptor() {
        lock.withLock {
            if isOpen { _ = Glibc.close(descriptor) }
            isOpen = false
        }
    }
}
