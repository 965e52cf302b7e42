// Frames of HTTP/2 as bytes (RFC 9113 §4.1), right and wrong ones, and the compression of fields:
// written plainly, so that a test can say what it likes, and read with nghttp2's decoder.

import CNGHTTP2
import Glibc

public struct HTTP2Frame: Sendable {
    public enum Kind {
        public static let data: UInt8 = 0
        public static let headers: UInt8 = 1
        public static let priority: UInt8 = 2
        public static let resetStream: UInt8 = 3
        public static let settings: UInt8 = 4
        public static let ping: UInt8 = 6
        public static let goAway: UInt8 = 7
        public static let windowUpdate: UInt8 = 8
        public static let continuation: UInt8 = 9
    }

    public enum Flag {
        public static let endStream: UInt8 = 1
        public static let acknowledgement: UInt8 = 1
        public static let endHeaders: UInt8 = 4
    }

    public static let preface = Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    public var kind: UInt8
    public var flags: UInt8
    public var stream: UInt32
    public var payload: Bytes

    public init(_ kind: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: Bytes = []) {
        self.kind = kind
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    public var hasEnded: Bool { flags & Flag.endStream != 0 }

    public var bytes: Bytes {
        let length = Self.number(UInt32(payload.count)).dropFirst()
        return Bytes(length) + [kind, flags] + Self.number(stream) + payload
    }

    /// The first frame of `bytes` and how many it takes; nil where it is not whole.
    public static func read(_ bytes: Bytes) -> (frame: HTTP2Frame, length: Int)? {
        guard bytes.count >= 9 else { return nil }
        let length = Int(value(bytes[0..<3]))
        guard bytes.count >= 9 + length else { return nil }
        let frame = HTTP2Frame(
            bytes[3], flags: bytes[4], stream: value(bytes[5..<9]) & 0x7fff_ffff,
            Bytes(bytes[9..<9 + length]))
        return (frame, 9 + length)
    }

    public static func number(_ value: UInt32) -> Bytes {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    public static func value(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }

    // MARK: Frames that tests need

    public static func settings(_ entries: [(UInt16, UInt32)] = []) -> HTTP2Frame {
        HTTP2Frame(
            Kind.settings,
            entries.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + number($0.1) })
    }

    public static func headers(
        _ stream: UInt32, _ fields: [HTTP2Field], ends: Bool = true
    ) -> HTTP2Frame {
        HTTP2Frame(
            Kind.headers, flags: Flag.endHeaders | (ends ? Flag.endStream : 0), stream: stream,
            HTTP2Field.encode(fields))
    }

    /// A field section in as many frames as it takes.
    public static func section(
        _ stream: UInt32, _ fields: [HTTP2Field], ends: Bool = true, by size: Int = 16384
    ) -> [HTTP2Frame] {
        let block = HTTP2Field.encode(fields)
        return stride(from: 0, to: block.count, by: size).map { start in
            let piece = Bytes(block[start..<min(block.count, start + size)])
            let flags = start + size >= block.count ? Flag.endHeaders : 0
            return start == 0
                ? HTTP2Frame(
                    Kind.headers, flags: flags | (ends ? Flag.endStream : 0), stream: stream, piece)
                : HTTP2Frame(Kind.continuation, flags: flags, stream: stream, piece)
        }
    }

    public static func data(_ stream: UInt32, _ content: Bytes, ends: Bool = true) -> HTTP2Frame {
        HTTP2Frame(Kind.data, flags: ends ? Flag.endStream : 0, stream: stream, content)
    }

    public static func windowUpdate(_ stream: UInt32, _ count: UInt32) -> HTTP2Frame {
        HTTP2Frame(Kind.windowUpdate, stream: stream, number(count))
    }

    public static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> HTTP2Frame {
        HTTP2Frame(Kind.resetStream, stream: stream, number(code))
    }
}

/// A field line; any bytes.
public struct HTTP2Field: Hashable, Sendable, CustomStringConvertible {
    public var name: Bytes
    public var value: Bytes

    public init(_ name: String, _ value: String) {
        self.name = name.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        self.value = value.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    public init(name: Bytes, value: Bytes) {
        self.name = name
        self.value = value
    }

    public var description: String { "\(String(latin1: name)): \(String(latin1: value))" }

    /// The pseudo-fields of a request, and what else it has.
    public static func request(
        _ method: String = "GET", _ path: String = "/", authority: String = "a.example",
        _ others: [HTTP2Field] = []
    ) -> [HTTP2Field] {
        [
            HTTP2Field(":method", method), HTTP2Field(":scheme", "http"),
            HTTP2Field(":path", path), HTTP2Field(":authority", authority),
        ] + others
    }

    /// As literals that no table takes in (RFC 7541 §6.2.2).
    public static func encode(_ fields: [HTTP2Field]) -> Bytes {
        fields.flatMap { [0] + text($0.name) + text($0.value) }
    }

    private static func text(_ bytes: Bytes) -> Bytes {
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: Bytes = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }
}

/// Decodes the field sections of one connection, in their order.
public final class HTTP2FieldDecoder {
    private var inflater: OpaquePointer?

    public init() { nghttp2_hd_inflate_new(&inflater) }

    deinit { nghttp2_hd_inflate_del(inflater) }

    public func decode(_ block: Bytes) throws -> [HTTP2Field] {
        var fields: [HTTP2Field] = []
        var offset = 0
        while true {
            var line = nghttp2_nv()
            var flags: Int32 = 0
            let used = block.withUnsafeBufferPointer { buffer in
                nghttp2_hd_inflate_hd2(
                    inflater, &line, &flags, buffer.baseAddress.map { $0 + offset },
                    block.count - offset, 1)
            }
            guard used >= 0 else { throw BadAnswer(description: "bad field section: \(used)") }
            offset += used
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                fields.append(
                    HTTP2Field(
                        name: Bytes(UnsafeBufferPointer(start: line.name, count: line.namelen)),
                        value: Bytes(UnsafeBufferPointer(start: line.value, count: line.valuelen)))
                )
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
            if used == 0 && flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) == 0 { break }
        }
        nghttp2_hd_inflate_end_headers(inflater)
        return fields
    }
}
