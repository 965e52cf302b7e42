import HTTP1
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// A trailer section behind a byte that chooses the limits: one verdict however much of it is
    /// there, and what is forwarded of it says nothing that a recipient might act on.
    static let trailers = FuzzTarget("trailers", longest: 1024) { input throws(Finding) in
        guard let choice = input.first else { return }
        let bytes = Array(input.dropFirst())
        let limits = choice & 1 == 0 ? HeadLimits.usual : .tight
        let whole = TrailerRun(bytes, limits)
        for cuts in Splitting.cuts(of: bytes) {
            for cut in cuts.prefix(64) {
                let part = TrailerRun(Array(bytes[0..<cut]), limits)
                try require(
                    part.result == .incomplete || part == whole,
                    "the first \(cut) bytes are \(part), all of them \(whole)")
            }
        }
        guard whole.result == .complete else { return }
        let came = try fields(of: Array(bytes[0..<whole.length]))
        let written = try fields(of: whole.written)
        try require(came.count, equals: whole.lines, "lines")
        try require(written.allSatisfy { came.contains($0) }, "\(written) from \(came)")
        for field in written {
            try require(!ForwardingRules.isNeverATrailer(field.name), "\(field) has passed")
        }
        for field in came where ForwardingRules.isInnocent(field.name) {
            try require(written.contains(field), "\(field) is lost")
        }
    }

    /// The lines of a whole section, as a reader that forgives nothing has them.
    private static func fields(of section: Bytes) throws(Finding) -> [WireField] {
        do throws(Malformed) {
            guard let message = try StrictReader.head(Array("x\r\n".utf8) + section),
                message.headLength == section.count + 3
            else { throw Malformed("incomplete") }
            return message.fields
        } catch {
            throw Finding("trailers: \(error)")
        }
    }
}

/// What `TrailerSection` makes of some bytes.
private struct TrailerRun: Equatable {
    var result: ParseResult
    var length: Int
    var lines = 0
    var written: Bytes = []

    init(_ bytes: [UInt8], _ limits: HeadLimits) {
        var fields = FieldSection(capacity: limits.fields)
        var buffer = ByteBuffer()
        (result, length) = bytes.withView { view in
            let (result, length) = TrailerSection.parse(view, into: &fields, limits: limits)
            if result == .complete { TrailerSection.write(fields, in: view, into: &buffer) }
            return (result, length)
        }
        guard result == .complete else { return }
        lines = fields.count
        written = buffer.view.bytes
    }
}
