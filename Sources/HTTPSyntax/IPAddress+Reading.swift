// Addresses as RFC 3986 §3.2.2 writes them, and nothing else: no leading zeros, which some read as
// octal, no abbreviated IPv4, no zone. Two programs must not read two hosts out of one text.

extension IPAddress {
    /// `10.0.0.1`, or `2001:db8::1` without brackets; nil for everything else.
    package init?(_ text: ByteView) {
        guard let address = Self.ipv4(text) ?? Self.ipv6(text) else { return nil }
        self = address
    }

    /// Four decimal numbers up to 255 without leading zeros.
    package static func ipv4(_ text: ByteView) -> IPAddress? {
        var address: UInt32 = 0
        var offset = 0
        for part in 0..<4 {
            let start = offset
            var number: UInt32 = 0
            while offset < text.count, ASCII.isDigit(text[offset]), offset &- start < 4 {
                number = number &* 10 &+ UInt32(text[offset] &- 0x30)
                offset &+= 1
            }
            let length = offset &- start
            guard length > 0, number <= 255, length == 1 || text[start] != 0x30 else { return nil }
            address = address << 8 | number
            if part < 3 {
                guard offset < text.count, text[offset] == 0x2e else { return nil }
                offset &+= 1
            }
        }
        return offset == text.count ? IPAddress(ipv4: address) : nil
    }

    /// Eight groups of one to four hexadecimal digits, where the last two may be an IPv4 address
    /// and one run of zero groups may be `::`.
    package static func ipv6(_ text: ByteView) -> IPAddress? {
        var groups = Groups()
        var offset = 0
        if text.count >= 2, text[0] == 0x3a, text[1] == 0x3a {
            groups.skip()
            offset = 2
        }
        while offset < text.count {
            let digits = text.hexadecimalDigits(from: offset)
            if digits > 0, offset &+ digits < text.count, text[offset &+ digits] == 0x2e {
                guard let last = ipv4(text.dropFirst(offset)) else { return nil }
                groups.append(last.number >> 16 & 0xffff)
                groups.append(last.number & 0xffff)
                break
            }
            guard digits > 0, digits <= 4, groups.count < 8 else { return nil }
            groups.append(text.hexadecimal(offset, digits))
            offset &+= digits
            guard offset < text.count else { break }
            guard text[offset] == 0x3a, offset &+ 1 < text.count else { return nil }
            offset &+= 1
            if text[offset] == 0x3a {
                guard groups.skip() else { return nil }
                offset &+= 1
            }
        }
        return groups.number.map(IPAddress.init(number:))
    }
}

/// The groups of an IPv6 address, from left to right.
private struct Groups {
    private(set) var count = 0
    private var bits: UInt128 = 0
    /// Groups before the `::`.
    private var gap: Int?

    mutating func append(_ group: UInt128) {
        bits = bits << 16 | group
        count &+= 1
    }

    /// Notes a `::`; false where there is one already.
    @discardableResult mutating func skip() -> Bool {
        guard gap == nil else { return false }
        gap = count
        return true
    }

    /// Nil where there are too few or too many.
    var number: UInt128? {
        guard let gap else { return count == 8 ? bits : nil }
        guard count <= 7 else { return nil }
        let behind = UInt128(count &- gap) &* 16
        let front = bits >> behind
        // Shifting by all 128 bits gives 0.
        return front << (128 &- UInt128(gap) &* 16) | bits & ((1 << behind) &- 1)
    }
}

extension ByteView {
    /// How many there are in a row.
    fileprivate func hexadecimalDigits(from start: Int) -> Int {
        var end = start
        while end < count, ASCII.hexValue(self[end]) != nil { end &+= 1 }
        return end &- start
    }

    fileprivate func hexadecimal(_ start: Int, _ length: Int) -> UInt128 {
        var number: UInt128 = 0
        for index in start..<start &+ length {
            number = number << 4 | UInt128(ASCII.hexValue(self[index]) ?? 0)
        }
        return number
    }
}
