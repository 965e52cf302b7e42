// The field lines of one HTTP/2 message as they come out of HPACK, written as the HTTP/1.1 head
// that says the same, so that one parser and one judge see the requests of both versions. What
// HTTP/1.1 cannot spell is refused here; all else is the parser's to refuse.

package import HTTPSyntax

/// One field section while it arrives; of a request or its trailers.
package struct HeaderBlock: ~Copyable {
    /// Where a part stands in `pseudo`.
    struct Part: BitwiseCopyable {
        var offset = 0
        var length = -1

        var isMissing: Bool { length < 0 }
    }

    /// A request head with its empty line, or a trailer section with its own.
    package internal(set) var text = ByteBuffer()
    /// What is wrong; nil where nothing is.
    package internal(set) var problem: HeaderProblem?
    /// What Content-Length says, where it says a number.
    package internal(set) var contentLength: UInt64?
    /// What a Content-Type says, even if it stands behind what is wrong.
    package internal(set) var call = CallType.none
    /// The request asks for a tunnel (RFC 8441).
    package var asksTunnel: Bool { !protocolName.isMissing }
    /// HEAD: its answer has no content.
    package var isHead: Bool { kind == .head }
    /// A plain CONNECT, whose content nobody takes.
    package var isConnect: Bool { kind == .connect && protocolName.isMissing }

    /// Methods that make a difference here.
    enum Kind: UInt8, BitwiseCopyable {
        case other, head, connect
    }

    var kind = Kind.other
    var limits = Limits()
    var isTrailers = false
    /// Bytes that all lines would take, and how many lines there are.
    var size = 0
    var lineCount = 0
    var hasBegun = false
    var pseudo = ByteBuffer()
    var cookies = ByteBuffer()
    var hasCookie = false
    /// Lines of Accept behind what is wrong: where the head was begun, the refusal is written in a
    /// form that they ask for. What has no sound request line gets none in HTTP/1.1 either.
    var accepts = ByteBuffer()
    var method = Part()
    var scheme = Part()
    var authority = Part()
    var path = Part()
    /// Only its beginning was kept.
    var isPathCut = false
    var protocolName = Part()
    /// A Host that says the same as `authority`.
    var hasHost = false

    /// The sizes beyond which a head is refused.
    package struct Limits: Sendable, BitwiseCopyable {
        package var head = 32 * 1024
        package var target = 8 * 1024
        package var fields = 100

        package init(head: Int = 32 * 1024, target: Int = 8 * 1024, fields: Int = 100) {
            self.head = head
            self.target = target
            self.fields = fields
        }

        /// A section that is too large is read to its end, since the compression's state depends on
        /// it, but not for ever.
        func isExceededGreatly(by size: Int) -> Bool { size >= min(max(1, head), 1 << 40) &* 33 }
    }

    /// What a whole section of a request says of its stream.
    package struct Facts: BitwiseCopyable {
        package let isHead: Bool
        package let asksTunnel: Bool
        package let isConnect: Bool
        package let call: CallType
        package let contentLength: UInt64?
        /// Something is wrong with it.
        package let isRefused: Bool
        /// It is answered by what it asks for, and its stream is reset behind the answer: a CONNECT
        /// with `:scheme` or `:path` (RFC 9113 §8.5).
        package let isMalformed: Bool
    }

    var facts: Facts {
        Facts(
            isHead: isHead, asksTunnel: asksTunnel, isConnect: isConnect, call: call,
            contentLength: contentLength, isRefused: problem != nil,
            isMalformed: isConnect && !(scheme.isMissing && path.isMissing))
    }

    package init() {}

    /// Forgets the last section, for the next one.
    package mutating func begin(trailers: Bool, limits: Limits) {
        text.removeAll()
        pseudo.removeAll()
        cookies.removeAll()
        accepts.removeAll()
        problem = nil
        contentLength = nil
        call = .none
        self.limits = limits
        isTrailers = trailers
        (size, lineCount) = (0, 0)
        hasBegun = false
        hasHost = false
        hasCookie = false
        isPathCut = false
        kind = .other
        (method, scheme, authority, path, protocolName) = (Part(), Part(), Part(), Part(), Part())
        if trailers { text.append("0\r\n") }
    }

    /// Gives the storage back.
    package mutating func release() {
        text.release()
        pseudo.release()
        cookies.release()
        accepts.release()
    }

    /// Its lines are so far beyond the limit of a head that it is not even read to its end.
    var isExcessive: Bool { limits.isExceededGreatly(by: size) }

    func view(_ part: Part) -> ByteView {
        part.isMissing ? .empty : pseudo.view.slice(part.offset, part.length)
    }

    /// What is known of a request that is refused, for its record and the form of its answer, is put
    /// into `text`: as much of its head as was written before it turned out to be wrong, or its
    /// request line, if that is sound. Method and target as they came are in `refusedMethod` and
    /// `refusedTarget`.
    mutating func describe() {
        if text.isEmpty {
            guard hasSoundLine else { return }
            text.append(view(method))
            text.append(byte: 0x20)
            text.append(view(path))
            text.append(" HTTP/1.1\r\n")
        }
        text.append(accepts.view)
        text.append("\r\n")
    }

    /// Of a tunnel that was asked for as far as a head was begun GET: as it is judged.
    var refusedMethod: ByteView {
        asksTunnel && !text.isEmpty ? ByteView("GET") : view(method)
    }

    /// Of long ones the beginning.
    var refusedTarget: ByteView { isConnect ? view(authority) : view(path) }

    mutating func refuse(_ reason: HeaderProblem) {
        if problem == nil { problem = reason }
    }
}
