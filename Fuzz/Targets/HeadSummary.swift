// What a parser says of a head, as values that outlive the bytes.

import HTTP1
import HTTPSyntax
import StrictHTTP

/// A field line as the parser has it.
struct LineSummary: Equatable {
    var name: Bytes
    var value: Bytes
    var known: FieldName
    var isVariant: Bool
}

/// A head as the parser has it.
struct HeadSummary: Equatable {
    var length = 0
    var version = HTTPVersion.http11
    var framing = BodyFraming.none
    var flags: HeadFlags = []
    var lines: [LineSummary] = []
    // Of a request
    var method = MethodID.unknown
    var methodLength = 0
    var form = RequestTarget.Form.origin
    var target: [Int] = []
    var host: [Int] = []
    // Of a response
    var status = 0
    var reason: [Int] = []

    init(_ head: borrowing RequestHead, in bytes: ByteView) {
        length = head.length
        version = head.version
        framing = head.framing
        flags = head.flags
        lines = Self.lines(head.fields, in: bytes)
        method = head.method
        methodLength = head.methodLength
        let target = head.target
        form = target.form
        self.target = [
            target.offset, target.length, target.pathOffset, target.pathLength,
            target.queryLength, target.authorityOffset, target.authorityLength,
        ]
        host = [head.hostOffset, head.hostLength]
        // Where there is no Host, its place says nothing.
        if head.hostLength == 0 { host = [] }
    }

    init(_ head: borrowing ResponseHead, in bytes: ByteView) {
        length = head.length
        version = head.version
        framing = head.framing
        flags = head.flags
        lines = Self.lines(head.fields, in: bytes)
        status = head.status
        reason = [head.reasonOffset, head.reasonLength]
    }

    static func lines(_ fields: borrowing FieldSection, in bytes: ByteView) -> [LineSummary] {
        var lines: [LineSummary] = []
        for index in 0..<fields.count {
            let line = fields[index]
            lines.append(
                LineSummary(
                    name: bytes.slice(Int(line.nameOffset), Int(line.nameLength)).bytes,
                    value: bytes.slice(Int(line.valueOffset), Int(line.valueLength)).bytes,
                    known: line.name, isVariant: line.isVariant))
        }
        return lines
    }

    /// Whether a strict reader sees the same start line's end, names and values.
    func agrees(with message: WireMessage) -> Bool {
        guard message.headLength == length, message.fields.count == lines.count else {
            return false
        }
        return zip(lines, message.fields).allSatisfy { line, field in
            String(latin1: line.name) == field.name && String(latin1: line.value) == field.value
        }
    }
}

/// A verdict on bytes that may be a head.
enum HeadVerdict: Equatable {
    case incomplete
    case failed(ProtocolError)
    case complete(HeadSummary)

    /// The verdict on a request head; the bytes are read where they lie.
    static func request(_ bytes: ByteView, _ limits: HeadLimits) -> HeadVerdict {
        var head = RequestHead(maximumFields: limits.fields)
        switch RequestParser.parse(bytes, into: &head, limits: limits) {
        case .incomplete: return .incomplete
        case .failed(let error): return .failed(error)
        case .complete: return .complete(HeadSummary(head, in: bytes))
        }
    }

    /// The same of a response head.
    static func response(_ bytes: ByteView, _ limits: HeadLimits) -> HeadVerdict {
        var head = ResponseHead(maximumFields: limits.fields)
        switch ResponseParser.parse(bytes, into: &head, limits: limits) {
        case .incomplete: return .incomplete
        case .failed(let error): return .failed(error)
        case .complete: return .complete(HeadSummary(head, in: bytes))
        }
    }
}

extension HeadLimits {
    /// The defaults, less the length of a head, which no input comes near.
    static let usual = HeadLimits(head: 32768, target: 8192, fields: 100)
    /// So small that an input meets them.
    static let tight = HeadLimits(head: 96, target: 12, fields: 3)
}
