// What servers do to the path of a request target before they look anything up, each deed written
// anew from what is known of servers: nothing here is the gate's, so that a step which the gate
// lacks or gets wrong shows.

import StrictHTTP

/// Deeds on a whole path, which begins with a slash.
enum ServerPaths {
    static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: true
        default: false
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// Decodes once, from left to right, the escapes of those bytes.
    static func decode(_ path: Bytes, _ isDecoded: (UInt8) -> Bool = { _ in true }) -> Bytes {
        var result = Bytes()
        result.reserveCapacity(path.count)
        var rest = path[...]
        while let first = rest.popFirst() {
            if first == 0x25, rest.count >= 2, let high = digit(rest[rest.startIndex]),
                let low = digit(rest[rest.startIndex + 1]), isDecoded(high * 16 + low)
            {
                result.append(high * 16 + low)
                rest = rest.dropFirst(2)
            } else {
                result.append(first)
            }
        }
        return result
    }

    /// Writes the digits of escapes in upper case: both cases are the same escape to everybody.
    static func upperEscapes(_ path: Bytes) -> Bytes {
        var result = path
        for index in path.indices where path[index] == 0x25 && index + 2 < path.count {
            guard digit(path[index + 1]) != nil, digit(path[index + 2]) != nil else { continue }
            for place in index + 1...index + 2 where result[place] >= 0x61 {
                result[place] -= 0x20
            }
        }
        return result
    }

    static func split(_ path: Bytes) -> [Bytes] {
        path.dropFirst().split(separator: 0x2f, omittingEmptySubsequences: false).map(Bytes.init)
    }

    static func join(_ segments: [Bytes]) -> Bytes {
        segments.isEmpty ? [0x2f] : segments.reduce(into: Bytes()) { $0 += [0x2f] + $1 }
    }

    /// One slash for each run of them.
    static func merge(_ path: Bytes) -> Bytes {
        let segments = split(path)
        let inner = segments.dropLast().filter { !$0.isEmpty }
        return join(inner + (segments.last.map { [$0] } ?? []))
    }

    /// `.` and `..` resolved with a stack.
    static func resolve(_ path: Bytes) -> Bytes {
        var stack: [Bytes] = []
        let segments = split(path)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            if segment == [0x2e] || segment == [0x2e, 0x2e] {
                if segment.count == 2 { _ = stack.popLast() }
                if isLast { stack.append([]) }
            } else {
                stack.append(segment)
            }
        }
        return join(stack)
    }

    static func backslashes(_ path: Bytes) -> Bytes { path.map { $0 == 0x5c ? 0x2f : $0 } }

    /// Matrix parameters go, in every segment.
    static func parameters(_ path: Bytes) -> Bytes {
        join(split(path).map { Bytes($0.prefix { $0 != 0x3b }) })
    }

    /// ASP.NET takes the session of a client without cookies out of the path.
    static func sessions(_ path: Bytes) -> Bytes {
        join(
            split(path).filter { segment in
                let text = String(latin1: segment)
                let isLetter = { (byte: UInt8) in (0x41...0x5a).contains(byte & 0xdf) }
                return
                    !(text.hasPrefix("(") && text.hasSuffix("))") && segment.count > 4
                    && isLetter(segment[1]) && segment[2] == 0x28)
            })
    }

    static func fold(_ path: Bytes) -> Bytes {
        path.map { (0x41...0x5a).contains($0) ? $0 + 0x20 : $0 }
    }

    /// Letters outside ASCII whose other case is a letter inside of it: long s, the Kelvin sign.
    static func foldUnicode(_ path: Bytes) -> Bytes {
        var result = Bytes()
        var rest = path[...]
        while let first = rest.first {
            let (byte, length): (UInt8, Int) =
                rest.starts(with: [0xc5, 0xbf])
                ? (0x73, 2) : rest.starts(with: [0xe2, 0x84, 0xaa]) ? (0x6b, 3) : (first, 1)
            result.append(byte)
            rest = rest.dropFirst(length)
        }
        return fold(result)
    }

    /// What a file system of Windows leaves of each segment.
    static func trimWindows(_ path: Bytes) -> Bytes {
        join(
            split(path).map { segment in
                if segment == [0x2e] || segment == [0x2e, 0x2e] { return segment }
                var kept = segment
                while let last = kept.last, last == 0x2e || last == 0x20 { kept.removeLast() }
                return kept.isEmpty ? segment : kept
            })
    }

    /// One white-space byte at the very end, as `$` of a regular expression looks past it.
    static func trimLastBlank(_ path: Bytes) -> Bytes {
        guard path.count > 1, let last = path.last, [0x20, 9, 10, 11, 12, 13].contains(last) else {
            return path
        }
        return path.dropLast()
    }

    static func cut(_ path: Bytes, at byte: UInt8) -> Bytes { Bytes(path.prefix { $0 != byte }) }

    /// UTF-8 decoders that forget to refuse overlong forms of ASCII.
    static func overlong(_ path: Bytes) -> Bytes {
        var result = Bytes()
        var index = 0
        while index < path.count {
            let left = path[index...].prefix(4)
            let (byte, length) = longForm(Bytes(left)) ?? (path[index], 1)
            result.append(byte)
            index += length
        }
        return result
    }

    private static func longForm(_ bytes: Bytes) -> (UInt8, Int)? {
        let length: Int
        switch bytes.first {
        case 0xc0, 0xc1: length = 2
        case 0xe0: length = 3
        case 0xf0: length = 4
        default: return nil
        }
        guard bytes.count >= length else { return nil }
        let mask: UInt32 = length == 2 ? 0x1f : length == 3 ? 0x0f : 0x07
        var value = UInt32(bytes[0]) & mask
        for byte in bytes[1..<length] {
            guard byte & 0xc0 == 0x80 else { return nil }
            value = value << 6 | UInt32(byte & 0x3f)
        }
        return value < 0x80 ? (UInt8(value), length) : nil
    }

    /// `//host/path` as a URL resolver has it.
    static func authority(_ path: Bytes) -> Bytes {
        guard path.starts(with: [0x2f, 0x2f]), path.count > 2 else { return path }
        let rest = Bytes(path.dropFirst(2).drop { $0 != 0x2f })
        return rest.isEmpty ? [0x2f] : rest
    }
}
