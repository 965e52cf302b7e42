// Version 2 of the PROXY protocol (§2.2): addresses as numbers, then extensions of which only the
// checksum concerns us.

import HTTPSyntax

extension ProxyHeader {
    private static var signature: ByteView { ByteView("\r\n\r\n\0\r\nQUIT\n") }
    /// Signature, version and command, family and protocol, length of the rest.
    private static var fixedLength: Int { 16 }
    /// As much as HAProxy takes by default.
    private static var longestHeader: Int { 16 * 1024 }

    /// The binary form (§2.2).
    static func parseBinary(_ bytes: ByteView) throws(Problem) -> Outcome {
        guard try isWhole(bytes, signature), bytes.count > 12 else { return .incomplete }
        // Version 2; LOCAL or PROXY.
        guard bytes[12] == 0x20 || bytes[12] == 0x21 else { throw .malformed }
        guard bytes.count >= fixedLength else { return .incomplete }
        let length = fixedLength + Int(bytes.load(14, as: UInt16.self))
        guard length <= longestHeader else { throw .tooLong }
        guard bytes.count >= length else { return .incomplete }
        // What LOCAL says besides is to be ignored, its family too.
        guard bytes[12] == 0x21 else { return .complete(.local, length: length) }
        return .complete(try read(binary: bytes.slice(0, length)), length: length)
    }

    private static func read(binary header: ByteView) throws(Problem) -> ProxyHeader {
        let source: ProxyHeader
        switch header[13] {
        case 0x00: return .unnamed
        case 0x11, 0x12:
            try check(header, addresses: 12)
            source = .client(IPAddress(ipv4: header.load(16)), port: header.load(24))
        case 0x21, 0x22:
            try check(header, addresses: 36)
            source = .client(IPAddress(number: header.load(16)), port: header.load(48))
        case 0x31, 0x32:
            try check(header, addresses: 216)
            return .unnamed
        default: throw .malformed
        }
        // Whoever came by datagrams is nobody that HTTP knows.
        return header[13] & 15 == 1 ? source : .unnamed
    }

    /// Whether the addresses are all there, and what follows them is a list of type, length and
    /// value (§2.2.1 ff.), with a checksum that is right if there is one.
    private static func check(_ header: ByteView, addresses: Int) throws(Problem) {
        var offset = fixedLength + addresses
        var checksum: Int?
        while offset < header.count {
            guard offset + 3 <= header.count else { throw .malformed }
            let length = Int(header.load(offset + 1, as: UInt16.self))
            let isChecksum = header[offset] == 0x03
            offset += 3
            guard offset + length <= header.count else { throw .malformed }
            if isChecksum {
                guard length == 4, checksum == nil else { throw .malformed }
                checksum = offset
            }
            offset += length
        }
        guard offset == header.count else { throw .malformed }
        guard let checksum else { return }
        guard CRC32C.of(header, zeroing: checksum..<checksum + 4) == header.load(checksum)
        else { throw .wrongChecksum }
    }
}

extension ByteView {
    /// A number in network byte order; traps out of bounds.
    fileprivate func load<Number: FixedWidthInteger>(
        _ offset: Int, as _: Number.Type = Number.self
    ) -> Number {
        var number: Number = 0
        for index in offset..<offset + Number.bitWidth / 8 {
            number = number << 8 | Number(self[index])
        }
        return number
    }
}

/// The checksum that a binary header may carry (RFC 3720 §12.1).
enum CRC32C {
    /// Of `bytes`, those in `zeroed` taken for 0.
    static func of(_ bytes: ByteView, zeroing zeroed: Range<Int>) -> UInt32 {
        var value: UInt32 = ~0
        for index in 0..<bytes.count {
            value ^= UInt32(zeroed.contains(index) ? 0 : bytes[index])
            for _ in 0..<8 {
                value = value >> 1 ^ (value & 1 == 0 ? 0 : 0x82f6_3b78)
            }
        }
        return ~value
    }
}
