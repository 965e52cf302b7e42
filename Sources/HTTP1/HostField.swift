// Host = uri-host [ ":" port ] (RFC 9110 §7.2, RFC 3986 §3.2.2), which is also what an authority
// without userinfo looks like. Percent escapes are refused: whether a backend decodes them is a
// second reading of the name that rules and virtual hosts are chosen by.

package import HTTPSyntax

/// The grammar of Host, and what it says.
package enum HostField {
    /// A longer host is none: no name has more (RFC 1035 §2.3.4), and none could be told by a rule.
    package static let longestHost = 255

    /// Whether it is a host that is not empty and, optionally, a port up to 65535. No label of a
    /// name is empty but the root's behind one trailing dot (RFC 1034 §3.1).
    package static func isValid(_ value: ByteView) -> Bool {
        let name = usualEnd(value)
        guard name <= longestHost else { return false }
        if name == value.count { return name > 0 }
        if name > 0, value[name] == 0x3a { return port(value.dropFirst(name &+ 1)) != nil }
        return isUnusualValid(value)
    }

    /// Where the bytes cease to be letters, digits, `-` and `.`, of which nearly all hosts are
    /// made, or a dot begins the host or follows another one.
    @inline(__always) private static func usualEnd(_ value: ByteView) -> Int {
        var index = 0
        var afterDot: UInt64 = 0x80
        while index &+ 8 <= value.count {
            // The load ends at index + 8, which is not beyond the count.
            let word = unsafe Word.load(value.base, index)
            let found = unusual(word, afterDot: &afterDot)
            if found != 0 { return index &+ Word.index(found) }
            index &+= 8
        }
        guard index < value.count else { return index }
        // What fills up the word is a letter.
        let word = unsafe Word.last(value.base, index, value.count)
        let found = unusual(word, afterDot: &afterDot)
        return found != 0 ? index &+ Word.index(found) : value.count
    }

    /// `afterDot`: 0x80 where a dot stood before the word, and then where one ends it.
    @inline(__always) private static func unusual(_ word: UInt64, afterDot: inout UInt64) -> UInt64
    {
        let dots = Word.dots(word)
        let followers = dots &<< 8 | afterDot
        afterDot = dots &>> 56
        return Word.unusualInHost(word) | (dots & followers)
    }

    @inline(never) private static func isUnusualValid(_ value: ByteView) -> Bool {
        let host = host(of: value, keepingDot: true)
        guard isHost(host) else { return false }
        if host.count == value.count { return true }
        return value[host.count] == 0x3a && port(value.dropFirst(host.count + 1)) != nil
    }

    /// `uri-host ":" port` with a port: the target of CONNECT (RFC 9112 §3.2.3).
    static func isAuthorityForm(_ value: ByteView) -> Bool {
        isValid(value) && host(of: value, keepingDot: true).count < value.count - 1
    }

    /// Whether both valid values name the same origin: letter case does not matter, nor whether
    /// `defaultPort` is written out (RFC 3986 §6.2.3).
    package static func agree(_ one: ByteView, _ other: ByteView, defaultPort: UInt16) -> Bool {
        let host = host(of: one, keepingDot: true)
        let otherHost = self.host(of: other, keepingDot: true)
        guard host.equalsIgnoringCase(otherHost) else { return false }
        return port(one, behind: host, defaultPort) == port(other, behind: otherHost, defaultPort)
    }

    /// The host alone, for the rules: without port and one trailing dot, letters as they are.
    package static func host(of value: ByteView) -> ByteView {
        host(of: value, keepingDot: false)
    }

    private static func host(of value: ByteView, keepingDot: Bool) -> ByteView {
        guard !value.isEmpty else { return value }
        if value[0] == 0x5b {
            guard let bracket = value.firstIndex(of: 0x5d) else { return value }
            return value.slice(0, bracket + 1)
        }
        var end = value.firstIndex(of: 0x3a) ?? value.count
        if !keepingDot && end > 1 && value[end - 1] == 0x2e { end -= 1 }
        return value.slice(0, end)
    }

    private static func isHost(_ host: ByteView) -> Bool {
        guard !host.isEmpty, host.count <= longestHost else { return false }
        if host[0] == 0x5b {
            guard host.count > 2, host[host.count - 1] == 0x5d else { return false }
            return IPAddress.ipv6(host.slice(1, host.count - 2)) != nil
        }
        var isAfterDot = true
        for index in 0..<host.count {
            let isDot = host[index] == 0x2e
            guard isRegisteredNameByte(host[index]), !(isDot && isAfterDot) else { return false }
            isAfterDot = isDot
        }
        return true
    }

    /// unreserved and sub-delims, as bits 0–63 and 64–127. Less `,` and `;`: no host has them, and
    /// readers of `X-Forwarded-Host` and `Forwarded` end a member there, some amid quotes.
    @inline(__always) private static func isRegisteredNameByte(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        let half: UInt64 = byte < 64 ? 0x23ff_6fd2_0000_0000 : 0x47ff_fffe_87ff_fffe
        return (half &>> UInt64(byte & 63)) & 1 != 0
    }

    private static func port(
        _ value: ByteView, behind host: ByteView, _ defaultPort: UInt16
    ) -> UInt16 {
        guard value.count > host.count + 1 else { return defaultPort }
        return port(value.dropFirst(host.count + 1)) ?? defaultPort
    }

    /// *DIGIT up to 65535; 0 where there is none. Nil otherwise.
    private static func port(_ digits: ByteView) -> UInt16? {
        var number: UInt32 = 0
        for index in 0..<digits.count {
            guard ASCII.isDigit(digits[index]) else { return nil }
            number = number * 10 + UInt32(digits[index] &- 0x30)
            guard number <= UInt32(UInt16.max) else { return nil }
        }
        return UInt16(number)
    }
}
