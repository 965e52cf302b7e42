// Where a socket listens or connects: the three kinds the gate knows, in its own notation.

import Glibc

public enum Address: Sendable, Hashable, CustomStringConvertible {
    case inet(String, UInt16)
    case inet6(String, UInt16)
    case unix(String)

    public static let loopback = Address.inet("127.0.0.1", 0)
    public static let loopback6 = Address.inet6("::1", 0)

    /// Reads `127.0.0.1:80`, `[::1]:80`, `unix:/path` or a bare absolute path.
    public init?(_ text: some StringProtocol) {
        if text.hasPrefix("unix:") {
            self = .unix(String(text.dropFirst(5)))
        } else if text.hasPrefix("/") {
            self = .unix(String(text))
        } else {
            guard let colon = text.lastIndex(of: ":"),
                let port = UInt16(text[text.index(after: colon)...])
            else { return nil }
            let host = text[..<colon]
            if host.hasPrefix("[") && host.hasSuffix("]") {
                self = .inet6(String(host.dropFirst().dropLast()), port)
            } else {
                self = .inet(String(host), port)
            }
        }
    }

    /// As the configuration and the gate's start message write it.
    public var description: String {
        switch self {
        case .inet(let host, let port): "\(host):\(port)"
        case .inet6(let host, let port): "[\(host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// As a backend stands in the configuration.
    public var url: String {
        if case .unix(let path) = self { return "unix:\(path)" }
        return "http://\(self)"
    }

    /// 0 for a path.
    public var port: UInt16 {
        switch self {
        case .inet(_, let port), .inet6(_, let port): port
        case .unix: 0
        }
    }

    var family: Int32 {
        switch self {
        case .inet: AF_INET
        case .inet6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Calls with the socket address of C; traps on a host that is not a number.
    func withSocketAddress<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) rethrows -> Result {
        var storage = sockaddr_storage()
        let length = fill(&storage)
        return try withUnsafePointer(to: &storage) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, length) }
        }
    }

    private func fill(_ storage: inout sockaddr_storage) -> socklen_t {
        withUnsafeMutableBytes(of: &storage) { raw -> socklen_t in
            guard let base = raw.baseAddress else { return 0 }
            switch self {
            case .inet(let host, let port):
                let address = base.assumingMemoryBound(to: sockaddr_in.self)
                address.pointee.sin_family = sa_family_t(AF_INET)
                address.pointee.sin_port = port.bigEndian
                precondition(inet_pton(AF_INET, host, &address.pointee.sin_addr) == 1, host)
                return socklen_t(MemoryLayout<sockaddr_in>.size)
            case .inet6(let host, let port):
                let address = base.assumingMemoryBound(to: sockaddr_in6.self)
                address.pointee.sin6_family = sa_family_t(AF_INET6)
                address.pointee.sin6_port = port.bigEndian
                precondition(inet_pton(AF_INET6, host, &address.pointee.sin6_addr) == 1, host)
                return socklen_t(MemoryLayout<sockaddr_in6>.size)
            case .unix(let path):
                let address = base.assumingMemoryBound(to: sockaddr_un.self)
                address.pointee.sun_family = sa_family_t(AF_UNIX)
                precondition(path.utf8.count < 108, "path too long for a Unix socket: \(path)")
                raw[2..<(2 + path.utf8.count)].copyBytes(from: path.utf8)
                return socklen_t(MemoryLayout<sockaddr_un>.size)
            }
        }
    }

    init(_ storage: sockaddr_storage) {
        var storage = storage
        let family = Int32(storage.ss_family)
        self = withUnsafeBytes(of: &storage) { raw in
            var text = [CChar](repeating: 0, count: 64)
            switch family {
            case AF_INET:
                var address = raw.load(as: sockaddr_in.self)
                inet_ntop(AF_INET, &address.sin_addr, &text, 64)
                return .inet(String(nulTerminated: text), UInt16(bigEndian: address.sin_port))
            case AF_INET6:
                var address = raw.load(as: sockaddr_in6.self)
                inet_ntop(AF_INET6, &address.sin6_addr, &text, 64)
                return .inet6(String(nulTerminated: text), UInt16(bigEndian: address.sin6_port))
            default:
                return .unix(String(decoding: raw[2...].prefix { $0 != 0 }, as: UTF8.self))
            }
        }
    }
}

extension String {
    init(nulTerminated text: [CChar]) {
        self.init(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
