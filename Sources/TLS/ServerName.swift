internal import COpenSSL

// The name that a client asks for in its first message.

/// Reads the value of the extension server_name (RFC 6066 §3).
package enum ServerName {
    /// The host name in lower case, without a dot at its end; nil where it is malformed.
    package static func read(_ value: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        // A list of one name: its own length, a type, the name's length, the name.
        guard value.count >= offset else { return nil }
        let list = unsafe Int(value[0]) << 8 | Int(value[1])
        let length = unsafe Int(value[3]) << 8 | Int(value[4])
        guard unsafe value[2] == 0, list == value.count - 2, length == value.count - offset,
            (1...255).contains(length)
        else { return nil }
        var name: [UInt8] = []
        name.reserveCapacity(length)
        for index in offset..<value.count {
            let byte = unsafe value[index]
            guard byte > 0x20, byte < 0x7F else { return nil }
            name.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
        }
        if name.last == 0x2E { name.removeLast() }
        return name.isEmpty ? nil : name
    }

    /// Bytes in front of the name.
    static let offset = 5

    /// The value as it is in the first message, while that is read; nil where there is none.
    static func value(of connection: OpaquePointer) -> UnsafeBufferPointer<UInt8>? {
        var bytes: UnsafePointer<UInt8>?
        var length = 0
        guard
            unsafe SSL_client_hello_get0_ext(
                connection, UInt32(TLSEXT_TYPE_server_name), &bytes, &length) == 1,
            let bytes = unsafe bytes
        else { return nil }
        return unsafe UnsafeBufferPointer(start: bytes, count: length)
    }
}

/// Which entry of a listener each name belongs to.
package struct ServerNames: Sendable {
    private var exact: [[UInt8]: Int] = [:]
    /// Without their `*`.
    private var wildcards: [[UInt8]: Int] = [:]

    /// The names of each entry, in lower case.
    package init(_ entries: [[String]]) {
        for (index, names) in entries.enumerated() {
            for name in names {
                if name.hasPrefix("*.") {
                    wildcards[Array(name.utf8.dropFirst())] = index
                } else {
                    exact[Array(name.utf8)] = index
                }
            }
        }
    }

    /// The entry whose rules a request for that host may fall under: hosts of rules that begin with a
    /// wildcard cover any number of labels, and so does one here, the longest that fits.
    package func entry(covering name: [UInt8]) -> Int {
        if let index = exact[name] { return index }
        guard !wildcards.isEmpty else { return 0 }
        var rest = name[...]
        while let dot = rest.firstIndex(of: 0x2E) {
            if let index = wildcards[Array(rest[dot...])] { return index }
            rest = rest[(dot + 1)...]
        }
        return 0
    }

    /// A name's own entry, then that of its wildcard, which stands for one label; else the first.
    package func entry(for name: [UInt8]) -> Int {
        if let index = exact[name] { return index }
        guard !wildcards.isEmpty, let dot = name.firstIndex(of: 0x2E) else { return 0 }
        return wildcards[Array(name[dot...])] ?? 0
    }
}
