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

    /// The address without its port; nil for a path.
    package var ipAddress: IPAddress? {
        switch family {
        case AF_INET: IPAddress(ipv4: load(4, as: UInt32.self))
        case AF_INET6: IPAddress(number: load(8, as: UInt128.self))
        default: nil
        }
    }

    /// An integer that stands there in network byte order.
    private func load<Number: FixedWidthInteger & BitwiseCopyable>(
        _ offset: Int, as type: Number.Type
    ) -> Number {
        // The offsets above lie within the 128 bytes of every sockaddr_storage.
        unsafe withUnsafeBytes(of: storage) { bytes in
            unsafe Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
        }
    }

    /// Writes the address without its port (`127.0.0.1`, `::1`; nothing for a path); an IPv4
    /// address mapped into IPv6 is written as IPv4.
    package func appendHost(to buffer: inout ByteBuffer) { ipAddress?.append(to: &buffer) }

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
