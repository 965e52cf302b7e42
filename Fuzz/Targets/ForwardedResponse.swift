import Gateway
import HTTP1
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// A backend's answers behind a byte that describes the request: what the client gets is for
    /// a strict reader the same answer, and a broken one never looks whole.
    static let forwardedResponse = FuzzTarget("forwarded-response", longest: 4096) {
        input throws(Finding) in
        guard let choice = input.first else { return }
        var answer = AnswerOnItsWay(Array(input.dropFirst()), choice)
        while try answer.forwardOne() {}
    }
}

/// An upstream's bytes and what a client gets of them.
private struct AnswerOnItsWay {
    var bytes: Bytes
    let isHead: Bool
    /// Whether the backend closes behind the bytes.
    let ends: Bool
    var exchange: Exchange
    private var sent: Bytes = []
    private var isWhole = false

    private static let date = "Thu, 01 Jan 1970 00:00:00 GMT"

    init(_ bytes: Bytes, _ choice: UInt8) {
        self.bytes = bytes
        isHead = choice & 1 != 0
        ends = choice & 8 != 0
        exchange = Exchange(
            method: isHead ? .head : .get, version: choice & 2 != 0 ? .http10 : .http11,
            flags: choice & 4 != 0 ? .keepAlive : [], framing: .none)
    }

    /// Forwards and checks an interim answer, or the final one; true where another one follows.
    mutating func forwardOne() throws(Finding) -> Bool {
        var head = ResponseHead(maximumFields: 100)
        let parsed = bytes.withView { ResponseParser.parse($0, into: &head, limits: .usual) }
        guard parsed == .complete else { return false }
        let came = try FuzzTarget.strictHead(bytes, ofRequest: false)
        let rest = Array(bytes[head.length...])
        sent = []
        switch exchange.responseHeadArrived(
            status: head.status, version: head.version, flags: head.flags, framing: head.framing)
        {
        // Nobody asks for a handshake here.
        case .refuse, .handshake: return false
        case .interim(let forwards):
            if forwards {
                write(head, extra: "", date: "", [])
                try check(came, content: [], ended: false)
            }
            bytes = rest
            return true
        case .final(let framing):
            writeFinal(head)
            let content = forward(rest, framing)
            try check(came, content: content, ended: true)
            return false
        }
    }

    private mutating func writeFinal(_ head: borrowing ResponseHead) {
        var options: HeadWriter.ResponseOptions = []
        var extra = ""
        if exchange.clientIsHTTP10 {
            options.insert(.dropsTransferEncoding)
            if exchange.clientPersists { extra += "Connection: keep-alive\r\n" }
        }
        if !exchange.clientPersists { extra += "Connection: close\r\n" }
        write(head, extra: extra, date: Self.date, options)
    }

    private mutating func write(
        _ head: borrowing ResponseHead, extra: String, date: String,
        _ options: HeadWriter.ResponseOptions
    ) {
        var buffer = ByteBuffer()
        bytes.withView { bytes in
            extra.withView { extra in
                date.withView { date in
                    HeadWriter.response(
                        head, in: bytes, extra: extra, date: date, options: options, into: &buffer)
                }
            }
        }
        sent = buffer.view.bytes
        isWhole = true
    }

    /// Forwards content in pieces of 1, 2, 4… bytes; what of it is content to anybody.
    private mutating func forward(_ rest: Bytes, _ framing: BodyFraming) -> Bytes {
        var reader = BodyReader(framing)
        let form: BodyReader.Form = exchange.clientIsHTTP10 ? .decoded : .framed
        var used = 0
        var piece = 1
        var end = min(rest.count, piece)
        while !reader.isComplete, !reader.isAwaitingTrailers, used < rest.count {
            var part = Array(rest[used..<end])
            let progress = part.withMutableView { reader.take($0, as: form) }
            sent += part[0..<progress.kept]
            used += progress.consumed
            if progress.error != nil { break }
            piece *= 2
            end = min(rest.count, end + piece)
        }
        if reader.isAwaitingTrailers, let (length, trailers) = Self.trailers(Array(rest[used...])) {
            reader.trailersDone()
            used += length
            if form == .framed { sent += trailers }
        }
        isWhole = reader.isComplete || (ends && reader.connectionClosed())
        if framing == .chunked { return Chunks(rest)?.content ?? [] }
        return Array(rest[..<used])
    }

    private static func trailers(_ bytes: Bytes) -> (Int, Bytes)? {
        var fields = FieldSection(capacity: 100)
        var buffer = ByteBuffer()
        let used = bytes.withView { view -> Int? in
            let (result, length) = TrailerSection.parse(view, into: &fields, limits: .usual)
            guard result == .complete else { return nil }
            TrailerSection.write(fields, in: view, into: &buffer)
            return length
        }
        return used.map { ($0, buffer.view.bytes) }
    }

    private func check(_ came: WireMessage, content: Bytes, ended: Bool) throws(Finding) {
        // Close-delimited, a broken answer is a reset, which these bytes do not show.
        let outcome: StrictReader.Outcome
        do throws(Malformed) {
            outcome = try StrictReader.response(sent, to: isHead ? "HEAD" : "GET", atEnd: isWhole)
        } catch {
            throw Finding("forwarded: \(error)")
        }
        switch outcome {
        case .incomplete(let head):
            try require(!isWhole, "half an answer from a whole one")
            guard let head else { throw Finding("half a head was forwarded") }
            try checkHead(head, came)
        case .message(let message):
            try require(isWhole, "a whole answer from half a one")
            try require(message.length, equals: sent.count, "end of the answer")
            try checkHead(message, came)
            try require(message.content, equals: content, "content")
        }
    }

    private func checkHead(_ message: WireMessage, _ came: WireMessage) throws(Finding) {
        try require(message.status, equals: came.status, "status")
        try require(message.reason, equals: came.reason, "reason")
        let dates = message.values("Date").count
        try require(came.status < 200 || dates > 0, "no Date")
        let own: Set<String> = [
            "Connection: keep-alive", "Connection: close", "Date: \(Self.date)",
        ]
        for field in message.fields where !own.contains(field.description) {
            try require(came.fields.contains(field), "\(field) was not sent")
            try require(!ForwardingRules.isRemovedFromResponse(field.name), "\(field) has passed")
        }
        let named = ForwardingRules.named(by: came)
        for field in came.fields where ForwardingRules.isInnocent(field.name) {
            guard !named.contains(field.name.lowercased()) else { continue }
            try require(message.fields.contains(field), "\(field) is lost")
        }
    }
}
