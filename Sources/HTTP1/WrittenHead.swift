// The head of an answer as the gate has written it, read back for HTTP/2: line by line, and without
// the question whether it is right, which was asked of what it was written from.

package import HTTPSyntax

/// The field lines of a head at the front of some bytes.
package struct WrittenHead {
    /// One line: the name as it was written, and its value without white space around it.
    package struct Line {
        package let name: ByteView
        package let value: ByteView
        /// `other` of what says nothing about a connection.
        package let known: FieldName
    }

    package let status: Int
    /// Where the content ends, by the lines that were read.
    package private(set) var framing = BodyFraming.untilClose
    /// Bytes that were read; with the last line, those of the head.
    package private(set) var length: Int
    /// The empty line behind the others has been read.
    package private(set) var isWhole = false
    private let bytes: ByteView

    /// Reads the status line; nil where the bytes are none, or not all of one.
    package init?(_ bytes: ByteView) {
        guard bytes.count > 12, bytes.slice(0, 9).equals(ByteView("HTTP/1.1 ")) else { return nil }
        var status = 0
        for index in 9..<12 {
            guard ASCII.isDigit(bytes[index]) else { return nil }
            status = status &* 10 &+ Int(bytes[index] &- 0x30)
        }
        self.bytes = bytes
        self.status = status
        guard let end = Self.lineEnd(bytes, from: 12) else { return nil }
        length = end &+ 2
    }

    /// The next line; nil behind the last one, or where it is not all there.
    package mutating func next() -> Line? {
        guard length &+ 1 < bytes.count else { return nil }
        guard bytes[length] != 0x0d else {
            length &+= 2
            isWhole = true
            return nil
        }
        // No name holds a CR, and none is without its colon.
        let colon = unsafe ByteScan.first(bytes.base, from: length, to: bytes.count) {
            unsafe ByteScan.equal(0x3a, $0)
        }
        guard colon < bytes.count, let end = Self.lineEnd(bytes, from: colon &+ 1) else {
            return nil
        }
        let name = bytes.slice(length, colon &- length)
        let value = bytes.slice(colon &+ 1, end &- colon &- 1).trimmed
        length = end &+ 2
        let known = Self.known(name)
        note(known, value)
        return Line(name: name, value: value, known: known)
    }

    /// Where the CR stands that ends the line; nil where it and its LF are not there yet.
    @inline(__always) private static func lineEnd(_ bytes: ByteView, from start: Int) -> Int? {
        let end = unsafe ByteScan.first(bytes.base, from: start, to: bytes.count) {
            unsafe ByteScan.equal(0x0d, $0)
        }
        return end &+ 1 < bytes.count ? end : nil
    }

    private mutating func note(_ name: FieldName, _ value: ByteView) {
        switch name {
        case .transferEncoding: framing = .chunked
        case .contentLength:
            var number: UInt64 = 0
            for index in 0..<value.count {
                number = number &* 10 &+ UInt64(value[index] &- 0x30)
            }
            framing = number == 0 ? .none : .length(number)
        default: break
        }
    }

    /// Only names as long as one of those that matter are looked up.
    @inline(__always) private static func known(_ name: ByteView) -> FieldName {
        switch name.count {
        case 7, 10, 14, 16, 17: FieldName.lookup(name).name
        default: .other
        }
    }
}
