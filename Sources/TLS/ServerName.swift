// The name that a client asks for in its first message.

/// Reads the value of the extension server_name (RFC 6066 §3).
package enum ServerName {
    /// The host name in lower case, without a dot at its end; nil where it is malformed.
    package static func read(_ value: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        // A list of one name: its own length, a type, the name's length, the name.
        guard value.count >= 5 else { return nil }
        let list = unsafe Int(value[0]) << 8 | Int(value[1])
        let length = unsafe Int(value[3]) << 8 | Int(value[4])
        guard unsafe value[2] == 0, list == value.count - 2, length == value.count - 5,
            (1...255).contains(length)
        else { return nil }
        var name: [UInt8] = []
        name.reserveCapacity(length)
        for index in 5..<value.count {
            let byte = unsafe value[index]
            guard byte > 0x20, byte < 0x7F else { return nil }
            name.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
        }
        if name.last == 0x2E { name.removeLast() }
        return name.isEmpty ? nil : name
    }
}
