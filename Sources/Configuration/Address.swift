// Socket addresses as values: what a listener binds and what a backend is reached at. Names are
// resolved before an address is made, so nothing here asks the network.

/// An address to bind or to connect to.
package enum Address: Sendable, Hashable {
    /// `host` in dotted decimal; `port` may be 0 for a listener: the system picks one.
    case ipv4(host: String, port: UInt16)
    /// `host` in the text form of RFC 5952, without brackets.
    case ipv6(host: String, port: UInt16)
    /// A path in the file system.
    case unix(path: String)
    /// Listening sockets that the service manager passes under this name.
    case systemd(name: String)

    /// Whether only this machine reaches it.
    package var isPrivate: Bool {
        switch self {
        case .ipv4(let host, _): host.hasPrefix("127.")
        case .ipv6(let host, _): host == "::1"
        case .unix, .systemd: true
        }
    }

    /// As it is written in a configuration: `127.0.0.1:80`, `[::1]:80`, `unix:/run/app.sock`.
    package var text: String {
        switch self {
        case .ipv4(let host, let port): "\(host):\(port)"
        case .ipv6(let host, let port): "[\(host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        case .systemd(let name): "systemd:\(name)"
        }
    }
}
