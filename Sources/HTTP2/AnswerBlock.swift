// The field lines of one answer as they come out of HPACK, written as the HTTP/1.1 head that says
// the same, so that one parser reads the answers of both versions. What HTTP/1.1 cannot spell is
// refused here; all else is the parser's to refuse.

package import HTTPSyntax

/// How an answer's content is told where it ends, in HTTP/1.1.
enum AnswerContent: BitwiseCopyable {
    /// There is none.
    case none
    /// That many bytes are still to come.
    case counted(UInt64)
    case chunked
}

/// One field section of an answer while it arrives: interim, final, or trailers.
package struct AnswerBlock: ~Copyable {
    /// An answer's head with its empty line, or a last chunk with its trailers.
    package private(set) var text = ByteBuffer()
    /// What is wrong; nil where nothing is.
    package private(set) var problem: AnswerProblem?
    /// 0 as long as it is not known.
    private(set) var status = 0
    private var contentLength: UInt64?
    private var limits = HeaderBlock.Limits()
    private var isTrailers = false
    private var hasRegular = false
    private var size = 0
    private var lineCount = 0

    package init() {}

    /// Forgets the last section, for the next one.
    package mutating func begin(trailers: Bool, limits: HeaderBlock.Limits) {
        text.removeAll()
        problem = nil
        status = 0
        contentLength = nil
        self.limits = limits
        isTrailers = trailers
        hasRegular = false
        (size, lineCount) = (0, 0)
        if trailers { text.append("0\r\n") }
    }

    /// Gives the storage back.
    mutating func release() { text.release() }

    /// Its lines are so far beyond the limit of a head that it is not even read to its end.
    var isExcessive: Bool { limits.isExceededGreatly(by: size) }

    private mutating func refuse(_ reason: AnswerProblem) {
        if problem == nil { problem = reason }
    }

    // MARK: Lines

    /// Takes one field line in.
    package mutating func add(_ name: ByteView, _ value: ByteView) {
        size &+= name.count &+ value.count &+ 4
        lineCount &+= 1
        guard problem == nil else { return }
        if lineCount > limits.fields + 1 { return refuse(.tooManyFields) }
        if size > limits.head { return refuse(.headTooLarge) }
        guard !name.isEmpty else { return refuse(.nameInvalid) }
        if HeaderBlock.problem(inValue: value) != nil { return refuse(.valueInvalid) }
        if name[0] == 0x3a { addPseudo(name, value) } else { addRegular(name, value) }
    }

    private mutating func addPseudo(_ name: ByteView, _ value: ByteView) {
        if isTrailers { return refuse(.pseudoInTrailers) }
        if hasRegular { return refuse(.pseudoLate) }
        guard name.equals(ByteView(":status")) else { return refuse(.pseudoUnknown) }
        if status != 0 { return refuse(.pseudoRepeated) }
        guard let number = HeaderBlock.decimal(value), value.count == 3, number >= 100,
            number < 600
        else { return refuse(.statusInvalid) }
        if number == 101 { return refuse(.switchesProtocols) }
        status = Int(number)
        text.append("HTTP/1.1 ")
        text.append(value)
        text.append(" \r\n")
    }

    private mutating func addRegular(_ name: ByteView, _ value: ByteView) {
        hasRegular = true
        if HeaderBlock.problem(inName: name) != nil { return refuse(.nameInvalid) }
        let match = FieldName.lookup(name)
        if !match.isVariant {
            switch match.name {
            case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade:
                return refuse(.connectionSpecific)
            case .contentLength: contentLength = HeaderBlock.decimal(value)
            default: break
            }
        }
        text.append(name)
        text.append(": ")
        text.append(value)
        text.append("\r\n")
    }

    // MARK: The end

    /// A section that is not of trailers is whole; says how its content ends.
    ///
    /// - Parameters:
    ///   - hasEnded: the stream ends with it.
    ///   - isHead: HEAD was asked.
    mutating func finishHead(hasEnded: Bool, isHead: Bool) -> AnswerContent {
        if status == 0 { refuse(.statusMissing) }
        var content = AnswerContent.none
        if status < 200 {
            if hasEnded { refuse(.interimEnds) }
        } else if isHead || status == 204 || status == 304 {
            content = .none
        } else if let contentLength {
            if hasEnded && contentLength > 0 { refuse(.contentTooShort) }
            if !hasEnded { content = .counted(contentLength) }
        } else if hasEnded {
            text.append("Content-Length: 0\r\n")
        } else {
            text.append("Transfer-Encoding: chunked\r\n")
            content = .chunked
        }
        text.append("\r\n")
        return content
    }

    /// A trailer section is whole.
    mutating func finishTrailers(hasEnded: Bool) {
        if !hasEnded { refuse(.trailersMidway) }
        text.append("\r\n")
    }
}
