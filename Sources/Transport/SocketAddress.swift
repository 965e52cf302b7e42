internal import Glibc
package import HTTPSyntax

// Where a socket is or goes: IPv4, IPv6 or a path, kept as the kernel wants it.

/// An address as numbers; never a name to be looked up.
package struct SocketAddress: Sendable {
    var storage = sockaddr_storage()
    var length = socklen_t(0)

    /// Nil where `text` is no IPv4 address.
    package static func ipv4(_ text: String, port: UInt16) -> SocketAddress? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard unsafe inet_pton(AF_INET, text, &address.sin_addr) == 1 else { return nil }
        return unsafe SocketAddress(copying: &address, size: MemoryLayout<sockaddr_in>.size)
    }

    /// Nil where `text` is no IPv6 address, without brackets or zone.
    package static func ipv6(_ text: String, port: UInt16) -> SocketAddress? {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        guard unsafe inet_pton(AF_INET6, text, &address.sin6_addr) == 1 else { return nil }
        return unsafe SocketAddress(copying: &address, size: MemoryLayout<sockaddr_in6>.size)
    }

    /// Nil where the path is longer than the kernel takes (107 bytes).
    package static func unix(_ path: String) -> SocketAddress? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            return nil
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return unsafe SocketAddress(copying: &address, size: MemoryLayout<sockaddr_un>.size)
    }

    init() {}

    private init<Address>(copying address: UnsafePointer<Address>, size: Int) {
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: address, count: size))
        }
        length = socklen_t(size)
    }

    var family: Int32 { Int32(storage.ss_family) }
    package var isUnix: Bool { family == AF_UNIX }
    package var isIPv6: Bool { family == AF_INET6 }

    /// 127.0.0.0/8 or ::1: what is sent there never leaves this machine.
    var isLoopback: Bool {
        switch family {
        case AF_INET: octet(4) == 127
        case AF_INET6: octet(23) == 1 && !(8..<23).contains { octet($0) != 0 }
        default: false
        }
    }

    package var port: UInt16 {
        guard family == AF_INET || family == AF_INET6 else { return 0 }
        // The port stands at the same place in both families (RFC 3493 §3.3).
        return UInt16(octet(2)) << 8 | UInt16(octet(3))
    }

    private func octet(_ offset: Int) -> UInt8 {
        unsafe withUnsafeBytes(of: storage) { unsafe $0[offset] }
    }

    /// Lends the address as the calls want it.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, length)
            }
        }
    }

    /// Writes the address without its port (`127.0.0.1`, `::1`; nothing for a path); an IPv4
    /// address mapped into IPv6 is written as IPv4.
    package func appendHost(to buffer: inout ByteBuffer) {
        switch family {
        case AF_INET: appendIPv4(octetsAt: 4, to: &buffer)
        case AF_INET6:
            if isMappedIPv4 {
                appendIPv4(octetsAt: 20, to: &buffer)
            } else {
                appendIPv6(to: &buffer)
            }
        default: break
        }
    }

    private var isMappedIPv4: Bool {
        for offset in 8..<18 where octet(offset) != 0 { return false }
        return octet(18) == 0xff && octet(19) == 0xff
    }

    private func appendIPv4(octetsAt offset: Int, to buffer: inout ByteBuffer) {
        for index in 0..<4 {
            if index > 0 { buffer.append(byte: UInt8(ascii: ".")) }
            buffer.append(decimal: UInt64(octet(offset + index)))
        }
    }

    private func appendIPv6(to buffer: inout ByteBuffer) {
        let space = buffer.space(atLeast: Int(INET6_ADDRSTRLEN))
        let written: Int = unsafe withUnsafeBytes(of: storage) { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            let text = unsafe UnsafeMutableRawPointer(space.base).assumingMemoryBound(
                to: CChar.self)
            guard unsafe inet_ntop(AF_INET6, base + 8, text, socklen_t(space.count)) != nil else {
                return 0
            }
            return unsafe strlen(text)
        }
        buffer.didFill(written)
    }

    /// `127.0.0.1:80`, `[::1]:80` or `unix:/path`; allocates.
    package var text: String {
        if isUnix {
            return unsafe withUnsafeBytes(of: storage) { bytes in
                let path = unsafe bytes.dropFirst(2).prefix { $0 != 0 }
                return unsafe "unix:" + String(decoding: path, as: UTF8.self)
            }
        }
        var host = ByteBuffer()
        appendHost(to: &host)
        let name = host.view.text
        return name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
    }
}

/// An address without its port, to count by.
package struct HostKey: Hashable, Sendable {
    let high: UInt64
    let low: UInt64
}

extension SocketAddress {
    /// The same for every connection of one host; one key for all clients of a Unix socket.
    package var hostKey: HostKey {
        switch family {
        case AF_INET: HostKey(high: 0, low: number(4, 4))
        case AF_INET6: HostKey(high: number(8, 8), low: number(16, 8))
        default: HostKey(high: .max, low: .max)
        }
    }

    private func number(_ offset: Int, _ length: Int) -> UInt64 {
        (offset..<offset + length).reduce(0) { $0 << 8 | UInt64(octet($1)) }
    }
}
