// A second reader of a client's hello (RFC 8446 §4.1.2): what it asks for, where it is well-formed.
// It judges nothing, and shares nothing with OpenSSL and the gate.

import StrictHTTP

/// What a client asks for.
struct ReadClientHello: Equatable {
    /// As it came; nil where it names none.
    var name: Bytes?
    /// Nil where it names none.
    var protocols: [Bytes]?
}

/// Reads the hellos among the messages of a client, in whatever records they came.
struct ClientHelloReader {
    private(set) var hellos: [ReadClientHello] = []

    init(_ bytes: Bytes) {
        var records = ByteReader(bytes)
        var messages = Bytes()
        while let kind = records.number(1), records.number(2) != nil,
            let content = records.counted(2)
        {
            if kind == 22 { messages += content }
        }
        var reader = ByteReader(messages)
        while let kind = reader.number(1), let body = reader.counted(3) {
            if kind == 1, let hello = Self.read(body) { hellos.append(hello) }
        }
    }

    private static func read(_ body: Bytes) -> ReadClientHello? {
        var reader = ByteReader(body)
        // Version and random, session, cipher suites, compressions.
        guard reader.take(34) != nil, reader.counted(1) != nil, reader.counted(2) != nil,
            reader.counted(1) != nil
        else { return nil }
        var hello = ReadClientHello()
        guard let extensions = reader.counted(2) else { return hello }
        var rest = ByteReader(extensions)
        while let kind = rest.number(2), let value = rest.counted(2) {
            var value = ByteReader(value)
            if kind == 0, var names = value.counted(2).map(ByteReader.init), names.number(1) == 0 {
                hello.name = names.counted(2)
            }
            if kind == 16, var list = value.counted(2).map(ByteReader.init) {
                var protocols: [Bytes] = []
                while let name = list.counted(1) { protocols.append(name) }
                hello.protocols = protocols
            }
        }
        return hello
    }
}

/// Takes numbers, and bytes behind their count, from the front.
private struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: Bytes) { rest = bytes[...] }

    /// Nil where fewer are left.
    mutating func take(_ count: Int) -> Bytes? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Bytes(rest.prefix(count))
    }

    /// Of so many bytes, most significant first.
    mutating func number(_ width: Int) -> Int? {
        take(width)?.reduce(0) { $0 << 8 | Int($1) }
    }

    /// Bytes behind their count.
    mutating func counted(_ width: Int) -> Bytes? {
        number(width).flatMap { take($0) }
    }
}
