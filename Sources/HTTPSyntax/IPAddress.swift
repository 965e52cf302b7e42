// An IP address as a number. Who sent a request is compared with the proxies that are trusted, and
// text has too many forms for that: `::ffff:10.0.0.1` and `10.0.0.1` are one host.

/// An IPv4 or IPv6 address. An IPv4 address is kept as the IPv6 one it is mapped to (RFC 4291
/// §2.5.5.2), so that both forms are equal.
package struct IPAddress: Hashable, Sendable, BitwiseCopyable {
    package let number: UInt128

    /// 128 bits, the first byte on the wire being the highest.
    package init(number: UInt128) { self.number = number }

    package init(ipv4: UInt32) { number = Self.mapped | UInt128(ipv4) }

    private static var mapped: UInt128 { 0xffff_0000_0000 }

    /// Whether it is IPv4, however it was written.
    package var isIPv4: Bool { number >> 32 == 0xffff }

    /// 16 bits, counted from the left.
    private func group(_ index: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: number >> UInt128(112 &- 16 &* index))
    }

    // MARK: As text

    /// Appends `10.0.0.1` or `2001:db8::1` (RFC 5952): without port, brackets or zone.
    package func append(to buffer: inout ByteBuffer) {
        if isIPv4 {
            appendDotted(to: &buffer)
            return
        }
        // As inet_ntop(3) writes what RFC 4291 calls IPv4-compatible.
        let isCompatible = number >> 32 == 0 && group(6) != 0
        let zeros = isCompatible ? 0..<6 : longestZeros
        var index = 0
        while index < (isCompatible ? 6 : 8) {
            if index == zeros.lowerBound, !zeros.isEmpty {
                buffer.append("::")
                index = zeros.upperBound
                continue
            }
            if index > 0, index != zeros.upperBound || zeros.isEmpty { buffer.append(byte: 0x3a) }
            buffer.append(hexadecimal: group(index))
            index &+= 1
        }
        if isCompatible { appendDotted(to: &buffer) }
    }

    /// The last 32 bits.
    private func appendDotted(to buffer: inout ByteBuffer) {
        for index in 0..<4 {
            if index > 0 { buffer.append(byte: 0x2e) }
            buffer.append(decimal: UInt64(number >> UInt128(24 &- 8 &* index) & 0xff))
        }
    }

    /// The first of the longest runs of two or more groups that are zero; empty where none is.
    private var longestZeros: Range<Int> {
        var longest = 0..<0
        var start = 0
        for index in 0..<8 {
            if group(index) != 0 {
                start = index &+ 1
            } else if index &+ 1 &- start > Swift.max(1, longest.count) {
                longest = start..<index &+ 1
            }
        }
        return longest
    }
}

extension ByteBuffer {
    /// In lower-case hexadecimal without leading zeros.
    fileprivate mutating func append(hexadecimal value: UInt16) {
        let digits = ByteView("0123456789abcdef")
        var shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0
        while shift >= 0 {
            append(byte: digits[Int(value >> UInt16(shift) & 15)])
            shift &-= 4
        }
    }
}
