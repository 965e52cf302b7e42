// What a parser says of some bytes, as a value that tests can compare.

import HTTP1
import HTTPSyntax

let usualLimits = HeadLimits(head: 32768, target: 8192, fields: 100)

struct ParsedLine: Equatable {
    var name: String
    var value: String
    var known: FieldName
    var isVariant: Bool
}

struct ParsedHead: Equatable {
    var length = 0
    var method = ""
    var methodID = MethodID.unknown
    var status = 0
    var reason = ""
    var version = HTTPVersion.http11
    var form = RequestTarget.Form.origin
    var target = ""
    var path = ""
    var query = ""
    var authority = ""
    var framing = BodyFraming.none
    var flags: HeadFlags = []
    var lines: [ParsedLine] = []
}

enum Verdict: Equatable {
    case complete(ParsedHead)
    case incomplete
    case failed(UInt16, Reason)

    var head: ParsedHead? {
        if case .complete(let head) = self { return head }
        return nil
    }
    var reason: Reason? {
        if case .failed(_, let reason) = self { return reason }
        return nil
    }
}

func parsedLines(_ fields: borrowing FieldSection, in bytes: ByteView) -> [ParsedLine] {
    var lines: [ParsedLine] = []
    for index in 0..<fields.count {
        let line = fields[index]
        lines.append(
            ParsedLine(
                name: latin(bytes.slice(Int(line.nameOffset), Int(line.nameLength)).bytes),
                value: latin(bytes.slice(Int(line.valueOffset), Int(line.valueLength)).bytes),
                known: line.name, isVariant: line.isVariant))
    }
    return lines
}

func parseRequest(_ bytes: [UInt8], limits: HeadLimits = usualLimits) -> Verdict {
    withGuardedBytes(bytes) { parseRequest($0.view, limits: limits) }
}

func parseRequest(_ view: ByteView, limits: HeadLimits) -> Verdict {
    var head = RequestHead(maximumFields: limits.fields)
    switch RequestParser.parse(view, into: &head, limits: limits) {
    case .incomplete: return .incomplete
    case .failed(let error): return .failed(error.status, error.reason)
    case .complete:
        func text(_ offset: Int, _ length: Int) -> String {
            latin(view.slice(offset, length).bytes)
        }
        let target = head.target
        return .complete(
            ParsedHead(
                length: head.length, method: text(0, head.methodLength), methodID: head.method,
                version: head.version, form: target.form,
                target: text(target.offset, target.length),
                path: text(target.pathOffset, target.pathLength),
                query: text(target.pathOffset + target.pathLength, target.queryLength),
                authority: text(target.authorityOffset, target.authorityLength),
                framing: head.framing, flags: head.flags,
                lines: parsedLines(head.fields, in: view)))
    }
}

func parseResponse(_ bytes: [UInt8], limits: HeadLimits = usualLimits) -> Verdict {
    withGuardedBytes(bytes) { mutable in
        let view = mutable.view
        var head = ResponseHead(maximumFields: limits.fields)
        switch ResponseParser.parse(view, into: &head, limits: limits) {
        case .incomplete: return .incomplete
        case .failed(let error): return .failed(error.status, error.reason)
        case .complete:
            return .complete(
                ParsedHead(
                    length: head.length, status: head.status,
                    reason: latin(view.slice(head.reasonOffset, head.reasonLength).bytes),
                    version: head.version, framing: head.framing, flags: head.flags,
                    lines: parsedLines(head.fields, in: view)))
        }
    }
}
