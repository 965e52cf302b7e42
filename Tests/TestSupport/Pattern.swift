// Content of any length that can be checked anywhere in its course without keeping it.

import Glibc

/// A stream of bytes that repeats only after a prime number of them, so that a lost, doubled or
/// swapped block shows.
public struct Pattern: Sendable {
    private static let period = 65_521
    private static let bytes: Bytes = {
        var state: UInt32 = 1
        let once = (0..<period).map { _ -> UInt8 in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        return once + once
    }()

    private var offset = 0
    public private(set) var count = 0

    public init() {}

    /// The next bytes, at most one period.
    public mutating func next(_ count: Int) -> ArraySlice<UInt8> {
        let size = min(count, Self.period)
        let slice = Self.bytes[offset..<(offset + size)]
        advance(by: size)
        return slice
    }

    private mutating func advance(by size: Int) {
        offset = (offset + size) % Self.period
        count += size
    }

    /// Takes bytes as the next ones.
    ///
    /// - Returns: false when they are other bytes.
    public mutating func check(_ received: some Sequence<UInt8>) -> Bool {
        let received = Bytes(received)
        var position = 0
        while position < received.count {
            let size = min(received.count - position, Self.period)
            let isEqual = received.withUnsafeBufferPointer { left in
                Self.bytes.withUnsafeBufferPointer { right in
                    guard let a = left.baseAddress, let b = right.baseAddress else { return false }
                    return memcmp(a + position, b + offset, size) == 0
                }
            }
            guard isEqual else { return false }
            advance(by: size)
            position += size
        }
        return true
    }
}

/// Takes chunked content apart as it comes (RFC 9112 §7.1), for streams too long to keep.
public struct ChunkDecoder {
    private var line: Bytes = []
    private var left = 0
    private var isLast = false
    public private(set) var isComplete = false

    public init() {}

    /// The data among the bytes; throws on anything but plain chunks without trailers.
    public mutating func decode(_ bytes: Bytes) throws -> Bytes {
        var data: Bytes = []
        var position = 0
        while position < bytes.count {
            if left > 0 {
                let size = min(left, bytes.count - position)
                data += bytes[position..<(position + size)]
                position += size
                left -= size
                continue
            }
            guard !isComplete else { throw Malformed("bytes after the last chunk") }
            line.append(bytes[position])
            position += 1
            if line.suffix(2) == [0x0D, 0x0A] { try takeLine() }
        }
        return data
    }

    private mutating func takeLine() throws {
        let text = String(latin1: line.dropLast(2))
        line = []
        if text.isEmpty {
            isComplete = isLast
            return
        }
        guard let size = Int(text, radix: 16), !isLast else { throw Malformed("chunk: \(text)") }
        left = size
        isLast = size == 0
    }
}
