// A reader of HTTP/1 messages that forgives nothing, written apart from the gate's own parser so
// that one mistake cannot hide in both. It judges what reaches a backend and what reaches a
// client: every rule of RFC 9112 that leaves a recipient a choice is an error here.

/// What the bytes break.
public struct Malformed: Error, CustomStringConvertible {
    public let description: String

    public init(_ what: String) { description = what }
}

public enum StrictReader {
    public enum Outcome: Sendable {
        case message(WireMessage)
        /// More bytes are needed; the head, once it is complete.
        case incomplete(head: WireMessage?)
    }

    /// Reads a request from the front of `bytes`.
    public static func request(_ bytes: Bytes) throws(Malformed) -> Outcome {
        guard var message = try head(bytes) else { return .incomplete(head: nil) }
        let words = message.startLine.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, isToken(words[0]), !words[1].isEmpty,
            words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0"
        else { throw Malformed("request line: \(message.startLine)") }
        guard message.values("Host").count == 1 else { throw Malformed("not exactly one Host") }
        message.framing = try framing(of: message) ?? .none
        if message.framing == .chunked && words[2] == "HTTP/1.0" {
            throw Malformed("Transfer-Encoding in HTTP/1.0")
        }
        return try content(of: message, in: bytes, atEnd: false)
    }

    /// Reads a response from the front of `bytes`.
    ///
    /// - Parameters:
    ///   - method: the method of the request that it answers.
    ///   - atEnd: whether the connection has ended after `bytes`.
    public static func response(
        _ bytes: Bytes, to method: String = "GET", atEnd: Bool = false
    ) throws(Malformed) -> Outcome {
        guard var message = try head(bytes) else { return .incomplete(head: nil) }
        let words = message.startLine.split(
            separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "HTTP/1.1", words[1].count == 3,
            let status = Int(words[1]), (100...599).contains(status)
        else { throw Malformed("status line: \(message.startLine)") }
        let declared = try framing(of: message)
        let hasNone = method == "HEAD" || status < 200 || status == 204 || status == 304
        if (status < 200 || status == 204) && declared != nil {
            throw Malformed("a \(status) with Content-Length or Transfer-Encoding")
        }
        message.framing = hasNone ? .none : declared ?? .close
        return try content(of: message, in: bytes, atEnd: atEnd)
    }

    /// The start line and the field lines, or nil when the empty line has not come yet.
    public static func head(_ bytes: Bytes) throws(Malformed) -> WireMessage? {
        var message = WireMessage()
        var position = 0
        guard let start = try line(bytes, &position) else { return nil }
        guard !start.isEmpty else { throw Malformed("an empty line before the start line") }
        message.startLine = String(latin1: start)
        guard let fields = try fieldLines(bytes, &position) else { return nil }
        message.fields = fields
        message.headLength = position
        return message
    }

    /// A line without its CRLF, or nil when its end has not come yet.
    private static func line(
        _ bytes: Bytes, _ position: inout Int
    ) throws(Malformed) -> ArraySlice<UInt8>? {
        guard let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
        guard end > position, bytes[end - 1] == 0x0D else { throw Malformed("bare LF") }
        let line = bytes[position..<(end - 1)]
        if let bad = line.first(where: { $0 != 9 && ($0 < 0x20 || $0 == 0x7F) }) {
            throw Malformed("control byte \(bad) in \(String(latin1: line))")
        }
        position = end + 1
        return line
    }

    private static func fieldLines(
        _ bytes: Bytes, _ position: inout Int
    ) throws(Malformed) -> [WireField]? {
        var fields: [WireField] = []
        while let line = try line(bytes, &position) {
            if line.isEmpty { return fields }
            let text = String(latin1: line)
            guard let colon = text.firstIndex(of: ":"), isToken(text[..<colon]) else {
                throw Malformed("field line: \(text)")
            }
            let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            let blanks = value.reversed().prefix { $0 == " " || $0 == "\t" }.count
            fields.append(
                WireField(name: String(text[..<colon]), value: String(value.dropLast(blanks))))
        }
        return nil
    }

    private static func framing(of message: WireMessage) throws(Malformed) -> WireFraming? {
        let lengths = message.values("Content-Length")
        let codings = message.values("Transfer-Encoding")
        if !codings.isEmpty {
            guard lengths.isEmpty else {
                throw Malformed("both Content-Length and Transfer-Encoding")
            }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else {
                throw Malformed("Transfer-Encoding: \(codings)")
            }
            return .chunked
        }
        guard let first = lengths.first else { return nil }
        guard lengths.count == 1, first.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            Int(first) != nil
        else { throw Malformed("Content-Length: \(lengths)") }
        return .length
    }

    private static func content(
        of head: WireMessage, in bytes: Bytes, atEnd: Bool
    ) throws(Malformed) -> Outcome {
        var message = head
        switch head.framing {
        case .none:
            message.length = head.headLength
        case .length:
            let length = head.contentLength ?? 0
            guard bytes.count - head.headLength >= length else { return .incomplete(head: head) }
            message.length = head.headLength + length
            message.content = Bytes(bytes[head.headLength..<message.length])
        case .close:
            guard atEnd else { return .incomplete(head: head) }
            message.length = bytes.count
            message.content = Bytes(bytes[head.headLength...])
        case .chunked:
            guard try readChunks(bytes, &message) else { return .incomplete(head: head) }
        }
        return .message(message)
    }

    /// Reads chunked content and its trailers from `headLength` on.
    ///
    /// - Returns: false when the last chunk or its trailers have not come yet.
    public static func readChunks(
        _ bytes: Bytes, _ message: inout WireMessage
    ) throws(Malformed) -> Bool {
        var position = message.headLength
        while let line = try line(bytes, &position) {
            let text = String(latin1: line)
            guard !text.isEmpty, text.utf8.count <= 16,
                text.allSatisfy({ $0.isHexDigit && $0.isASCII }), let size = Int(text, radix: 16)
            else { throw Malformed("chunk size (extensions are dropped): \(text)") }
            if size == 0 {
                guard let trailers = try fieldLines(bytes, &position) else { return false }
                message.trailers = trailers
                message.length = position
                return true
            }
            guard bytes.count - position - 2 >= size else { return false }
            message.content += bytes[position..<(position + size)]
            position += size
            guard bytes[position] == 0x0D, bytes[position + 1] == 0x0A else {
                throw Malformed("no CRLF after a chunk")
            }
            position += 2
        }
        return false
    }

    private static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
