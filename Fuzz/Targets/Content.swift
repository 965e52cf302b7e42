import HTTP1
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// Content behind a byte that chooses its framing and what is wanted of it: the same bytes
    /// kept and the same error however it is split, and in chunks what another reader decodes.
    static let content = FuzzTarget("content", longest: 2048) { input throws(Finding) in
        guard let choice = input.first else { return }
        let bytes = Array(input.dropFirst())
        let framing = framing(choice)
        let forms: [BodyReader.Form] = [.framed, .decoded, .discarded]
        for form in forms {
            let whole = ContentRun(bytes, cutAt: [bytes.count], framing, form)
            for cuts in Splitting.cuts(of: bytes) {
                let split = ContentRun(bytes, cutAt: cuts, framing, form)
                try require(split, equals: whole, "\(form) cut at \(cuts.prefix(64))")
            }
            try whole.check(bytes, framing, form)
        }
    }

    private static func framing(_ choice: UInt8) -> BodyFraming {
        switch choice & 7 {
        case 0: .none
        case 1: .length(UInt64(choice >> 3) + 1)
        case 2: .length(.init(Int64.max))
        case 3: .untilClose
        default: .chunked
        }
    }
}

/// What a `BodyReader` makes of some content.
struct ContentRun: Equatable {
    var consumed = 0
    var data = 0
    var kept: [UInt8] = []
    var error: ProtocolError?
    var isComplete = false
    var awaitsTrailers = false
    var mayEndHere = false

    init(_ bytes: [UInt8], cutAt cuts: [Int], _ framing: BodyFraming, _ form: BodyReader.Form) {
        var reader = BodyReader(framing)
        for cut in cuts where error == nil && !awaitsTrailers && !reader.isComplete {
            take(Array(bytes[consumed..<cut]), &reader, form)
        }
        isComplete = reader.isComplete
        mayEndHere = reader.connectionClosed()
    }

    private mutating func take(
        _ piece: [UInt8], _ reader: inout BodyReader, _ form: BodyReader.Form
    ) {
        var piece = piece
        let progress = piece.withMutableView { reader.process($0, as: form) }
        consumed += progress.consumed
        data += progress.data
        kept += piece[0..<progress.kept]
        error = progress.error
        awaitsTrailers = reader.isAwaitingTrailers
    }

    /// Compares it with what stands in the bytes for anybody to read.
    func check(
        _ bytes: [UInt8], _ framing: BodyFraming, _ form: BodyReader.Form
    ) throws(Finding) {
        let isDone = error != nil || isComplete || awaitsTrailers
        try require(isDone || consumed == bytes.count, "stuck")
        guard framing == .chunked else {
            try checkPlain(bytes, framing, form)
            return
        }
        guard error == nil, awaitsTrailers else { return }
        guard let chunks = Chunks(bytes) else { throw Finding("no chunks at all: \(self)") }
        try require(consumed, equals: chunks.length, "end of the last chunk")
        try require(data, equals: chunks.content.count, "length of the content")
        switch form {
        case .discarded: try require(kept.isEmpty, "kept what is discarded")
        case .decoded: try require(kept, equals: chunks.content, "decoded content")
        case .framed: try checkFramed(chunks.content)
        }
    }

    /// What is forwarded is chunks without extensions.
    private func checkFramed(_ content: Bytes) throws(Finding) {
        var message = WireMessage()
        let isWhole: Bool
        do throws(Malformed) {
            isWhole = try StrictReader.readChunks(kept + Array("\r\n".utf8), &message)
        } catch {
            throw Finding("forwarded chunks: \(error)")
        }
        try require(isWhole, "half of the chunks from all of them")
        try require(message.content, equals: content, "forwarded content")
        try require(message.length, equals: kept.count + 2, "end of what is forwarded")
    }

    private func checkPlain(
        _ bytes: [UInt8], _ framing: BodyFraming, _ form: BodyReader.Form
    ) throws(Finding) {
        let expected: Int
        switch framing {
        case .none: expected = 0
        case .length(let length): expected = Int(min(length, UInt64(bytes.count)))
        default: expected = bytes.count
        }
        try require(error == nil, "an error in plain content")
        try require(consumed, equals: expected, "consumed")
        try require(data, equals: expected, "data")
        try require(
            kept, equals: form == .discarded ? [] : Array(bytes[0..<expected]), "plain content")
    }
}

/// Chunks as anybody decodes them who is only told where they are: lines, sizes, data. Nothing is
/// shared with the gate's reader.
struct Chunks {
    var content: Bytes = []
    /// Bytes up to the trailer section.
    var length = 0

    init?(_ bytes: Bytes) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0d), rest[end...].starts(with: [0x0d, 0x0a]) {
            let digits = rest[..<end].prefix { $0 != 0x3b && $0 != 0x20 && $0 != 0x09 }
            guard let size = Int(String(latin1: digits), radix: 16), size >= 0 else { return nil }
            rest = rest[(end + 2)...]
            if size == 0 {
                length = rest.startIndex
                return
            }
            guard rest.count - 2 >= size else { return nil }
            content += rest.prefix(size)
            rest = rest.dropFirst(size)
            guard rest.starts(with: [0x0d, 0x0a]) else { return nil }
            rest = rest.dropFirst(2)
        }
        return nil
    }
}
