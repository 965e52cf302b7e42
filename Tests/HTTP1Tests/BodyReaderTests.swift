import HTTP1
import HTTPSyntax
import Testing

/// What became of some content.
struct ReadBody: Equatable {
    var kept = ""
    var consumed = 0
    var reason: Reason?
    var isComplete = false
    var isAwaitingTrailers = false
}

/// Feeds `bytes` in parts of these lengths, the last one for all that is left.
func readBody(
    _ bytes: [UInt8], _ framing: BodyFraming, _ form: BodyReader.Form, parts: [Int] = []
) -> ReadBody {
    var reader = BodyReader(framing)
    var body = ReadBody()
    var offset = 0
    for length in parts + [bytes.count] where offset < bytes.count {
        let end = min(bytes.count, offset + length)
        let progress = withGuardedBytes(Array(bytes[offset..<end])) { view in
            let progress = reader.process(view, as: form)
            body.kept += latin(view.view.slice(0, progress.kept).bytes)
            return progress
        }
        #expect(progress.kept <= progress.consumed && progress.consumed <= end - offset)
        body.consumed += progress.consumed
        body.reason = progress.error?.reason
        if progress.consumed < end - offset || progress.error != nil { break }
        offset = end
    }
    body.isComplete = reader.isComplete
    body.isAwaitingTrailers = reader.isAwaitingTrailers
    return body
}

enum ChunkedCases {
    static let refused: [(String, Reason)] = [
        ("\r\n", .chunkSizeInvalid), ("g\r\n", .chunkSizeInvalid), (" 5\r\n", .chunkSizeInvalid),
        ("5 \r\n", .chunkSizeInvalid), ("5\t\r\n", .chunkSizeInvalid),
        ("+5\r\n", .chunkSizeInvalid),
        ("-5\r\n", .chunkSizeInvalid), ("0x5\r\n", .chunkSizeInvalid),
        ("5_\r\n", .chunkSizeInvalid),
        ("5,\r\n", .chunkSizeInvalid), (";a\r\n", .chunkSizeInvalid),
        ("5\0\r\n", .chunkSizeInvalid),
        ("5 ;a\r\n", .chunkSizeInvalid), ("\u{b2}\r\n", .chunkSizeInvalid),
        ("5\n", .bareLF), ("\n", .bareLF), ("5\rx", .bareCR), ("5\r\r\n", .bareCR),
        ("00000000000000005\r\n", .chunkSizeTooLarge), ("8000000000000000\r\n", .chunkSizeTooLarge),
        ("ffffffffffffffff\r\n", .chunkSizeTooLarge), ("10000000000000000\r\n", .chunkSizeTooLarge),
        ("3\r\nabcd\r\n", .chunkEndMissing), ("3\r\nabc\n", .chunkEndMissing),
        ("3\r\nabc0\r\n", .chunkEndMissing), ("3\r\nabc\r0", .chunkEndMissing),
        ("5;\r\n", .chunkExtensionInvalid), ("5;a;\r\n", .chunkExtensionInvalid),
        ("5;a=\r\n", .chunkExtensionInvalid), ("5;=a\r\n", .chunkExtensionInvalid),
        ("5;a b\r\n", .chunkExtensionInvalid), ("5;a \r\n", .chunkExtensionInvalid),
        ("5;a=b \r\n", .chunkExtensionInvalid), ("5;a=\"b\r\n", .chunkExtensionInvalid),
        ("5;a=\"b\" \r\n", .chunkExtensionInvalid), ("5;a=\"b\"c\r\n", .chunkExtensionInvalid),
        ("5;a=\"\\\r\n", .chunkExtensionInvalid), ("5;a\0\r\n", .chunkExtensionInvalid),
        ("5;a=\"\u{1}\"\r\n", .chunkExtensionInvalid),
        ("5;a=\"\u{7f}\"\r\n", .chunkExtensionInvalid),
        ("5;a\u{e4}\r\n", .chunkExtensionInvalid), ("5;a=b=c\r\n", .chunkExtensionInvalid),
        ("5;a\n", .bareLF), ("5;a=\"\n", .bareLF), ("5;a\rx", .bareCR),
        ("0;\r\n", .chunkExtensionInvalid),
        ("5;" + String(repeating: "a", count: 256) + "\r\n", .chunkExtensionTooLong),
        ("5;a=\"" + String(repeating: " ", count: 999), .chunkExtensionTooLong),
    ]

    /// Bytes, what is kept framed, what is kept decoded.
    static let complete: [(String, String, String)] = [
        ("0\r\n", "0\r\n", ""), ("000\r\n", "000\r\n", ""),
        ("3\r\nabc\r\n0\r\n", "3\r\nabc\r\n0\r\n", "abc"),
        ("0000000000000003\r\nabc\r\n0\r\n", "0000000000000003\r\nabc\r\n0\r\n", "abc"),
        (
            "A\r\n0123\r\n6789\r\n0a\r\n..........\r\n0\r\n",
            "A\r\n0123\r\n6789\r\n0a\r\n..........\r\n0\r\n", "0123\r\n6789.........."
        ),
        ("1;a\r\nx\r\n0;b\r\n", "1\r\nx\r\n0\r\n", "x"),
        ("1;a=b;c=\"d;\\\"\u{ff}\t\r \";e\r\n", "", ""),
        (
            "1;a=b;c=\"d;\\\" \u{ff}\t\";e\r\nx\r\n2\r\nyz\r\n0\r\n", "1\r\nx\r\n2\r\nyz\r\n0\r\n",
            "xyz"
        ),
        ("1; a\t= b ; c=\"\" ;d\r\nx\r\n0\r\n", "1\r\nx\r\n0\r\n", "x"),
        ("1;" + String(repeating: "a", count: 255) + "\r\nx\r\n0\r\n", "1\r\nx\r\n0\r\n", "x"),
    ].filter { !$0.1.isEmpty }
}

@Suite struct BodyReaderTests {
    @Test(arguments: ChunkedCases.refused)
    func `a malformed chunk is refused`(bytes: String, reason: Reason) {
        for form in [BodyReader.Form.framed, .decoded, .discarded] {
            let body = readBody(latin(bytes), .chunked, form)
            #expect(body.reason == reason && !body.isComplete && !body.isAwaitingTrailers)
        }
        #expect(readBody(latin("1\r\nx\r\n" + bytes), .chunked, .decoded).kept.hasPrefix("x"))
    }

    @Test(arguments: ChunkedCases.complete)
    func `chunks are kept without extensions, or their data alone, or nothing`(
        bytes: String, framed: String, decoded: String
    ) {
        let count = bytes.unicodeScalars.count
        for (form, kept) in [
            (BodyReader.Form.framed, framed), (.decoded, decoded), (.discarded, ""),
        ] {
            let body = readBody(latin(bytes + "X: y\r\n\r\n"), .chunked, form)
            let expected = ReadBody(
                kept: kept, consumed: count, reason: nil, isComplete: false,
                isAwaitingTrailers: true)
            #expect(body == expected)
        }
    }

    @Test func `a largest size is taken and its data counted`() {
        let body = readBody(latin("7fffffffffffffff\r\nabc"), .chunked, .decoded)
        #expect(body == ReadBody(kept: "abc", consumed: 21))
    }

    @Test func `counted content ends where it ends`() {
        let body = readBody(latin("abcdef"), .length(4), .framed)
        #expect(body == ReadBody(kept: "abcd", consumed: 4, isComplete: true))
        #expect(readBody(latin("abc"), .length(4), .framed) == ReadBody(kept: "abc", consumed: 3))
        let discarded = readBody(latin("abcdef"), .length(4), .discarded)
        #expect(discarded == ReadBody(kept: "", consumed: 4, isComplete: true))
        #expect(readBody(latin("abc"), .none, .framed) == ReadBody(isComplete: true))
        let largest = readBody(latin("abc"), .length(UInt64(Int64.max)), .framed)
        #expect(largest == ReadBody(kept: "abc", consumed: 3))
    }

    @Test func `content until the close ends only with it`() {
        var reader = BodyReader(.untilClose)
        let progress = withGuardedBytes(latin("abc")) { reader.process($0, as: .framed) }
        #expect(progress == BodyReader.Progress(consumed: 3, kept: 3, data: 3, error: nil))
        #expect(!reader.isComplete)
        #expect(reader.connectionClosed() && reader.isComplete)
    }

    @Test func `a close amid counted or chunked content is no end`() {
        for framing in [BodyFraming.length(4), .chunked] {
            var reader = BodyReader(framing)
            #expect(!reader.connectionClosed() && !reader.isComplete)
        }
    }

    @Test func `content is complete once its trailers are done`() {
        var reader = BodyReader(.chunked)
        _ = withGuardedBytes(latin("0\r\n\r\n")) { reader.process($0, as: .framed) }
        #expect(reader.isAwaitingTrailers && !reader.isComplete)
        reader.trailersDone()
        #expect(!reader.isAwaitingTrailers && reader.isComplete)
    }

    @Test func `a failed reader stays failed`() {
        var reader = BodyReader(.chunked)
        _ = withGuardedBytes(latin("x")) { reader.process($0, as: .framed) }
        let again = withGuardedBytes(latin("0\r\n")) { reader.process($0, as: .framed) }
        #expect(again == .init(consumed: 0, kept: 0, error: ProtocolError(.chunkSizeInvalid)))
    }

    /// Every split into two, byte by byte, and some splits by chance.
    private func checkSplits(_ bytes: [UInt8], _ generator: inout FixedSeed) {
        for form in [BodyReader.Form.framed, .decoded, .discarded] {
            let whole = readBody(bytes, .chunked, form)
            var splits = (0...bytes.count).map { [$0] }
            splits.append(Array(repeating: 1, count: bytes.count))
            for _ in 0..<4 {
                splits.append((0..<9).map { _ in Int.random(in: 1...9, using: &generator) })
            }
            for parts in splits where readBody(bytes, .chunked, form, parts: parts) != whole {
                Issue.record("\(parts) of \(latin(bytes).debugDescription) as \(form)")
                return
            }
        }
    }

    /// The data that a second reader finds in what the first one lets pass.
    private func followed(_ bytes: [UInt8], _ framing: BodyFraming, parts: [Int]) -> String {
        var reader = BodyReader(framing)
        var follower = BodyReader(framing)
        var data = ""
        var offset = 0
        for length in parts + [bytes.count] where offset < bytes.count {
            let end = min(bytes.count, offset + length)
            let consumed = withGuardedBytes(Array(bytes[offset..<end])) { view in
                let progress = reader.process(view, as: .framed)
                withGuardedBytes(view.view.slice(0, progress.kept).bytes) { piece in
                    var start = 0
                    while let found = follower.nextData(in: piece.view, from: &start) {
                        #expect(!found.isEmpty)
                        data += latin(found.bytes)
                    }
                }
                return progress.consumed
            }
            offset += consumed
            if consumed < end - offset + consumed { break }
        }
        return data
    }

    @Test func `a second reader finds the data in what the first one lets pass`() {
        var generator = FixedSeed(5)
        for (text, _, decoded) in ChunkedCases.complete {
            let bytes = latin(text)
            for cut in 0...bytes.count {
                #expect(followed(bytes, .chunked, parts: [cut]) == decoded)
            }
            #expect(followed(bytes, .chunked, parts: bytes.map { _ in 1 }) == decoded)
        }
        for _ in 0..<200 {
            let bytes = (0..<60).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let cut = Int.random(in: 0...60, using: &generator)
            #expect(followed(bytes, .length(50), parts: [cut]) == latin(bytes.prefix(50)))
            #expect(followed(bytes, .untilClose, parts: [cut]) == latin(bytes))
        }
        #expect(followed(latin("abc"), .none, parts: []) == "")
    }

    @Test func `chunked content is read alike however it is split`() {
        var generator = FixedSeed(3)
        let texts = ChunkedCases.refused.map(\.0) + ChunkedCases.complete.map(\.0)
        for text in texts {
            checkSplits(latin(text), &generator)
            for _ in 0..<4 { checkSplits(mutated(latin(text), &generator), &generator) }
        }
    }

    @Test func `chunks made by chance come out as their data`() {
        var generator = FixedSeed(4)
        for _ in 0..<200 {
            var wire = ""
            var framed = ""
            var data = ""
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                let length = Int.random(in: 1...40, using: &generator)
                let chunk = latin(
                    (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
                let size = String(length, radix: 16, uppercase: Bool.random(using: &generator))
                wire += size + (Bool.random(using: &generator) ? ";n=\"\(length);\"" : "") + "\r\n"
                wire += chunk + "\r\n"
                framed += size + "\r\n" + chunk + "\r\n"
                data += chunk
            }
            let bytes = latin(wire + "0;last\r\n")
            let parts = (0..<bytes.count).map { _ in Int.random(in: 1...30, using: &generator) }
            #expect(readBody(bytes, .chunked, .framed, parts: parts).kept == framed + "0\r\n")
            #expect(readBody(bytes, .chunked, .decoded, parts: parts).kept == data)
            let discarded = readBody(bytes, .chunked, .discarded, parts: parts)
            #expect(discarded.kept == "" && discarded.isAwaitingTrailers)
        }
    }
}
