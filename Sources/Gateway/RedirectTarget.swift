import HTTPSyntax

// Where a Location leads, in one spelling, so that the request which follows it is recognised.

/// A host and a path. Its storage is used over and over.
struct RedirectTarget: ~Copyable {
    /// As it was written, with or without a port; of the Location or of the request itself.
    private(set) var host = ByteBuffer(capacity: 256)
    /// Dots resolved, in the spelling that URL parsers agree on; begins with a slash.
    private(set) var path = ByteBuffer(capacity: RedirectTarget.longest)
    private var raw = ByteBuffer(capacity: RedirectTarget.longest)

    /// Bytes of a path at most.
    static let longest = 1024

    /// Takes a request's own.
    ///
    /// - Returns: false where the path is too long, or none.
    mutating func take(host: ByteView, path: ByteView) -> Bool {
        self.host.removeAll()
        self.host.append(host)
        raw.removeAll()
        raw.append(path.isEmpty ? ByteView("/") : path)
        return normalize()
    }

    /// Resolves a Location against the request that it answers (RFC 3986 §5.2).
    ///
    /// - Returns: false where it leads to no path of HTTP, or to one that is too long.
    mutating func take(location: ByteView, host: ByteView, path: ByteView) -> Bool {
        var rest = location.trimmed
        rest = rest.slice(0, rest.firstIndex(of: UInt8(ascii: "#")) ?? rest.count)
        rest = rest.slice(0, rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.count)
        if let scheme = Self.schemeLength(rest) {
            let name = rest.slice(0, scheme)
            guard
                name.equalsIgnoringCase(ByteView("http"))
                    || name.equalsIgnoringCase(ByteView("https")),
                rest.dropFirst(scheme + 1).hasPrefix("//")
            else { return false }
            rest = rest.dropFirst(scheme + 1)
        }
        guard rest.hasPrefix("//") else { return takeRelative(rest, host, path) }
        rest = rest.dropFirst(2)
        let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
        var authority = rest.slice(0, end)
        if let at = authority.firstIndex(of: UInt8(ascii: "@")) {
            authority = authority.dropFirst(at + 1)
        }
        return take(host: authority, path: rest.dropFirst(end))
    }

    private mutating func takeRelative(
        _ reference: ByteView, _ host: ByteView, _ path: ByteView
    ) -> Bool {
        guard !reference.isEmpty else { return take(host: host, path: path) }
        guard !reference.hasPrefix("/") else { return take(host: host, path: reference) }
        var folder = path.count
        while folder > 0, path[folder - 1] != UInt8(ascii: "/") { folder -= 1 }
        self.host.removeAll()
        self.host.append(host)
        raw.removeAll()
        raw.append(folder == 0 ? ByteView("/") : path.slice(0, folder))
        raw.append(reference)
        return normalize()
    }

    /// Up to the colon of `scheme:`; nil where there is none.
    private static func schemeLength(_ text: ByteView) -> Int? {
        for index in 0..<text.count {
            switch text[index] {
            case UInt8(ascii: ":"): return index
            case UInt8(ascii: "/"): return nil
            default: continue
            }
        }
        return nil
    }

    // MARK: Spelling

    /// `raw` becomes `path`.
    private mutating func normalize() -> Bool {
        guard raw.count <= Self.longest, raw.view[0] == UInt8(ascii: "/") else { return false }
        spell()
        resolveDots()
        return true
    }

    /// Escapes of unreserved characters are decoded, others get capital digits; what no URL may
    /// hold is escaped (RFC 3986 §6.2.2).
    private mutating func spell() {
        path.removeAll()
        let view = raw.view
        var index = 0
        while index < view.count {
            let byte = view[index]
            index += 1
            if byte == UInt8(ascii: "%"), let value = view.escape(at: index) {
                index += 2
                if Self.isUnreserved(value) {
                    path.append(byte: value)
                } else {
                    path.append(escaped: value)
                }
            } else if byte == UInt8(ascii: "\\") {
                path.append(byte: UInt8(ascii: "/"))
            } else if byte <= 0x20 || byte >= 0x7f || Self.unsafe.firstIndex(of: byte) != nil {
                path.append(escaped: byte)
            } else {
                path.append(byte: byte)
            }
        }
    }

    private static var unsafe: ByteView { ByteView("\"<>^`{|}") }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "~")
    }

    /// RFC 3986 §5.2.4.
    private mutating func resolveDots() {
        raw.removeAll()
        raw.append(path.view)
        path.removeAll()
        let view = raw.view
        var start = 1
        while start <= view.count {
            let end = view.firstIndex(of: UInt8(ascii: "/"), from: start) ?? view.count
            let segment = view.slice(start, end - start)
            let isLast = end == view.count
            if segment.equals(ByteView("..")) {
                var length = path.count
                while length > 0, path.view[length - 1] != UInt8(ascii: "/") { length -= 1 }
                path.truncate(to: Swift.max(0, length - 1))
                if isLast { path.append("/") }
            } else if segment.equals(ByteView(".")) {
                if isLast { path.append("/") }
            } else {
                path.append("/")
                path.append(segment)
            }
            start = end + 1
        }
    }

    // MARK: Key

    /// A number for the host, letter case, port and trailing dot aside, and the path, by this
    /// client with this user agent: what 64 bits hold is not compared again.
    func key(client: ByteView, userAgent: ByteView) -> UInt64 {
        var hash = PathHash()
        hash.add(client)
        hash.add(userAgent)
        let name = host.view.nameOfHost
        for index in 0..<name.count { hash.add(byte: ASCII.lowercased(name[index])) }
        hash.add(byte: 0)
        hash.add(path.view)
        return hash.value
    }
}

/// FNV-1a, finished so that its low bits depend on all. Where it begins no client knows: it could
/// choose a user agent that makes its number another client's.
private struct PathHash {
    private static let seed = UInt64.random(in: .min ... .max)
    private var state = PathHash.seed

    mutating func add(byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    /// Bytes and a separator that none of them is.
    mutating func add(_ view: ByteView) {
        for index in 0..<view.count { add(byte: view[index]) }
        add(byte: 0)
    }

    var value: UInt64 {
        let mixed = (state ^ (state >> 32)) &* 0xd6e8_feb8_6659_fd93
        return mixed ^ (mixed >> 32)
    }
}

extension ByteView {
    fileprivate func hasPrefix(_ prefix: StaticString) -> Bool {
        let other = ByteView(prefix)
        return count >= other.count && slice(0, other.count).equals(other)
    }

    /// The byte that two hexadecimal digits at `index` stand for.
    fileprivate func escape(at index: Int) -> UInt8? {
        guard index + 2 <= count, let high = ASCII.hexValue(self[index]),
            let low = ASCII.hexValue(self[index + 1])
        else { return nil }
        return high << 4 | low
    }

    /// A host without its port and without a dot at its end.
    fileprivate var nameOfHost: ByteView {
        guard !isEmpty else { return self }
        let isAddress = self[0] == UInt8(ascii: "[")
        var end = firstIndex(of: UInt8(ascii: isAddress ? "]" : ":")) ?? count
        if end > 1, self[end - 1] == UInt8(ascii: ".") { end -= 1 }
        return slice(0, end)
    }
}

extension ByteBuffer {
    fileprivate mutating func append(escaped byte: UInt8) {
        let digits = ByteView("0123456789ABCDEF")
        append("%")
        append(byte: digits[Int(byte >> 4)])
        append(byte: digits[Int(byte & 15)])
    }
}
