// The PROXY protocol, read a second time: a whole header or none, with the C library's idea of an
// address. Nothing here asks the gate.

import Glibc
import StrictHTTP

/// What a PROXY header at the front of some bytes says.
struct StrictProxyHeader: Equatable {
    /// The client's, 16 bytes, IPv4 as `::ffff:…`; nil where it names none.
    var address: Bytes?
    var port: UInt16 = 0
    var isLocal = false
    var length = 0

    private static let signature: Bytes = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    /// Nil where the bytes do not begin with a whole header that keeps all rules.
    init?(_ bytes: Bytes) {
        if bytes.starts(with: Self.signature) {
            guard readBinary(bytes) else { return nil }
        } else {
            guard readLine(bytes) else { return nil }
        }
    }

    // MARK: Version 1

    private mutating func readLine(_ bytes: Bytes) -> Bool {
        let line = bytes.prefix(107).prefix { $0 != 0x0a }
        guard line.last == 0x0d, line.count < 107, line.count < bytes.count else { return false }
        length = line.count + 1
        let words = String(latin1: line.dropLast()).split(
            separator: " ", omittingEmptySubsequences: false
        ).map(String.init)
        guard words[0] == "PROXY", !line.dropLast().contains(0x0d), words.count > 1 else {
            return false
        }
        if words[1] == "UNKNOWN" { return true }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6",
            let source = Self.address(words[2], words[1] == "TCP4"),
            Self.address(words[3], words[1] == "TCP4") != nil,
            let port = Self.port(words[4]), Self.port(words[5]) != nil
        else { return false }
        (address, self.port) = (source, port)
        return true
    }

    private static func address(_ text: String, _ isIPv4: Bool) -> Bytes? {
        guard text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7f }) else {
            return nil
        }
        var number = Bytes(repeating: 0, count: 16)
        // 16 bytes are room for either kind of address.
        let isRead = unsafe number.withUnsafeMutableBytes { storage in
            unsafe inet_pton(isIPv4 ? AF_INET : AF_INET6, text, storage.baseAddress) == 1
        }
        guard isRead else { return nil }
        return isIPv4 ? mapped(Bytes(number.prefix(4))) : number
    }

    private static func mapped(_ ipv4: Bytes) -> Bytes {
        Bytes(repeating: 0, count: 10) + [0xff, 0xff] + ipv4
    }

    private static func port(_ text: String) -> UInt16? {
        guard let number = UInt16(text), String(number) == text else { return nil }
        return number
    }

    // MARK: Version 2

    private mutating func readBinary(_ bytes: Bytes) -> Bool {
        guard bytes.count >= 16 else { return false }
        length = 16 + Int(bytes[14]) << 8 + Int(bytes[15])
        guard bytes.count >= length, length <= 16384 else { return false }
        let rest = Bytes(bytes[16..<length])
        if bytes[12] == 0x20 {
            isLocal = true
            return true
        }
        guard bytes[12] == 0x21 else { return false }
        let sizes: [UInt8: Int] = [0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16, 0x31: 108, 0x32: 108]
        if bytes[13] == 0 { return true }
        guard let size = sizes[bytes[13]] else { return false }
        let isInternet = size < 108
        let addresses = 2 * size + (isInternet ? 4 : 0)
        guard rest.count >= addresses, Self.keepsChecksum(Bytes(bytes[0..<length]), addresses)
        else { return false }
        guard isInternet, bytes[13] & 15 == 1 else { return true }
        let source = Bytes(rest[0..<size])
        address = size == 4 ? Self.mapped(source) : source
        port = UInt16(rest[2 * size]) << 8 | UInt16(rest[2 * size + 1])
        return true
    }

    /// The values of the extensions by their types, with where they stand; nil: there are no
    /// extensions in these bytes.
    private static func extensions(_ header: Bytes, _ start: Int) -> [(UInt8, Range<Int>)]? {
        var found: [(UInt8, Range<Int>)] = []
        var rest = header[start...]
        while !rest.isEmpty {
            guard rest.count >= 3 else { return nil }
            let first = rest.startIndex
            let size = Int(rest[first + 1]) * 256 + Int(rest[first + 2])
            guard rest.count >= 3 + size else { return nil }
            found.append((rest[first], first + 3..<first + 3 + size))
            rest = rest.dropFirst(3 + size)
        }
        return found
    }

    private static func keepsChecksum(_ header: Bytes, _ addresses: Int) -> Bool {
        guard let all = extensions(header, 16 + addresses) else { return false }
        let sums = all.filter { $0.0 == 3 }.map(\.1)
        guard let place = sums.first else { return true }
        guard sums.count == 1, place.count == 4 else { return false }
        return Bytes(header[place]) == checksum(header, place)
    }

    private static func checksum(_ header: Bytes, _ place: Range<Int>) -> Bytes {
        var zeroed = header
        for index in place { zeroed[index] = 0 }
        let sum = zeroed.reduce(UInt32.max) { sum, byte in
            sum >> 8 ^ table[Int((sum ^ UInt32(byte)) & 255)]
        }
        return (0..<4).map { UInt8(truncatingIfNeeded: ~sum >> (24 - 8 * $0)) }
    }

    /// CRC-32C by bytes.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { sum, _ in
            sum & 1 == 1 ? sum >> 1 ^ 0x82f6_3b78 : sum >> 1
        }
    }

    /// Makes the checksum right in what may be a binary header, which no mutation ever would.
    static func mendChecksum(of bytes: inout Bytes) {
        guard bytes.starts(with: signature), bytes.count >= 16 else { return }
        let length = 16 + Int(bytes[14]) << 8 + Int(bytes[15])
        let addresses = bytes[13] < 0x20 ? 12 : bytes[13] < 0x30 ? 36 : 216
        guard bytes.count >= length, length >= 16 + addresses,
            let all = extensions(Bytes(bytes[0..<length]), 16 + addresses),
            let place = all.first(where: { $0.0 == 3 && $0.1.count == 4 })?.1
        else { return }
        bytes.replaceSubrange(place, with: checksum(Bytes(bytes[0..<length]), place))
    }
}
