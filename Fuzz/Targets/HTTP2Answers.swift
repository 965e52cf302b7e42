import HTTP1
import HTTP2
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// A backend's frames behind its SETTINGS, to a GET, a HEAD and a POST that has not ended: what
    /// comes of them does not depend on how they are split, and an answer that is whole is for the
    /// parser and for a strict reader exactly one.
    static let http2Answers = FuzzTarget("http2-answers", longest: 4096) { input throws(Finding) in
        let bytes = AnswerRun.beginning + input
        let whole = AnswerRun(bytes, cutAt: [bytes.count])
        for request in whole.requests { try request.check() }
        for cuts in Splitting.cuts(of: input) {
            let split = AnswerRun(bytes, cutAt: cuts.map { $0 + AnswerRun.beginning.count })
            try require(split.isOver, equals: whole.isOver, "cut at \(cuts.prefix(64))")
            for request in split.requests { try request.check() }
            // Once a connection ends, what still came of one piece may or may not be told.
            if whole.isOver { continue }
            for (one, other) in zip(whole.requests, split.requests) {
                try require(one.summary, equals: other.summary, "cut at \(cuts.prefix(64))")
            }
        }
    }
}

/// One request and what came back.
private final class AnsweredRequest {
    let method: StaticString
    private(set) var bytes: Bytes = []
    private var events = ""
    /// Told from others by its address, by which it is known before all of it is there.
    private let owner = Owner()
    private let memory = SessionMemory()
    let stream: ClientStream

    private final class Owner {
        weak var request: AnsweredRequest?
    }

    init(_ method: StaticString) {
        self.method = method
        stream = unsafe ClientStream(
            owner: Unmanaged.passUnretained(owner).toOpaque(), memory: memory.handle)
        stream.reset()
        owner.request = self
    }

    private static func at(_ owner: UnsafeMutableRawPointer) -> AnsweredRequest? {
        unsafe Unmanaged<Owner>.fromOpaque(owner).takeUnretainedValue().request
    }

    static var handlers: ClientHandlers {
        unsafe ClientHandlers(
            answer: { owner, bytes, count in
                let view = unsafe ByteView(base: bytes, count: count)
                unsafe AnsweredRequest.at(owner)?.bytes += view.bytes
            },
            problem: { owner, problem in
                unsafe AnsweredRequest.at(owner)?.events += "|problem \(problem)|"
            },
            closed: { owner, loss in
                unsafe AnsweredRequest.at(owner)?.events += "|closed \(loss)|"
            },
            room: { _ in })
    }

    private var isHead: Bool { ByteView(method).equals(ByteView("HEAD")) }

    /// What came, content without how it was cut; of an answer that broke off without its content,
    /// since it depends on the pieces how much of that was told.
    private(set) var summary = ""

    /// Every head is whole, and behind a whole answer nothing is left.
    func check() throws(Finding) {
        let bytes = bytes
        summary = events
        var start = 0
        var head = ResponseHead(maximumFields: 200)
        let limits = HeadLimits(head: 1 << 20, target: 1 << 16, fields: 200)
        repeat {
            let rest = Bytes(bytes[start...])
            if rest.isEmpty { return }
            let result = rest.withView { ResponseParser.parse($0, into: &head, limits: limits) }
            // The gate makes a 502 of it.
            if case .failed = result { return }
            try require(result == .complete, "half a head: \(rest)")
            summary += String(latin1: rest.prefix(head.length))
            start += head.length
        } while head.status < 200
        let hasNone = isHead || head.status == 204 || head.status == 304
        var reader = BodyReader(hasNone ? .none : head.framing)
        let rest = Bytes(bytes[start...])
        var offset = 0
        let isBroken = !events.isEmpty
        rest.withView { view in
            while let data = reader.nextData(in: view, from: &offset) {
                if !isBroken { summary += String(latin1: data.bytes) }
            }
        }
        guard stream.isAnswered, events.isEmpty else {
            return try require(offset == rest.count, "an answer behind half an answer")
        }
        if reader.isAwaitingTrailers {
            summary += String(latin1: Bytes(rest[offset...]))
        } else {
            try require(reader.isComplete, "a whole answer is not whole")
            try require(offset, equals: rest.count, "something behind the answer")
        }
        try checkStrictly(Bytes(bytes[(start - head.length)...]))
    }

    private func checkStrictly(_ answer: Bytes) throws(Finding) {
        let outcome: StrictReader.Outcome
        do throws(Malformed) {
            outcome = try StrictReader.response(answer, to: "\(method)")
        } catch {
            // Fields that the parser takes and the gate takes off; a trailer section that it refuses.
            return
        }
        guard case .message(let message) = outcome else {
            throw Finding("half an answer for a strict reader: \(answer)")
        }
        try require(message.length, equals: answer.count, "something behind the answer")
    }
}

/// A session that was fed in some way.
private final class AnswerRun {
    /// An empty SETTINGS frame.
    static let beginning: Bytes = [0, 0, 0, 4, 0, 0, 0, 0, 0]

    let requests = [AnsweredRequest("GET"), AnsweredRequest("HEAD"), AnsweredRequest("POST")]
    private(set) var isOver = false

    init(_ bytes: Bytes, cutAt cuts: [Int]) {
        let session = ClientSession(
            handlers: AnsweredRequest.handlers, limits: .init(), now: 0)
        var fields = FieldList(capacity: 8)
        for request in requests {
            fields.begin(
                method: ByteView(request.method), scheme: "http", path: ByteView("/"),
                authority: ByteView("a.example"))
            _ = session.request(
                request.stream, fields, isHead: ByteView(request.method).equals(ByteView("HEAD")),
                hasContent: ByteView(request.method).equals(ByteView("POST")))
        }
        var buffer = ByteBuffer()
        _ = session.send(into: &buffer, limit: 1 << 20)
        var start = 0
        for cut in cuts where !isOver {
            var piece = ByteBuffer()
            Array(bytes[start..<cut]).withView { piece.append($0) }
            isOver = !session.receive(piece.mutableView, now: 0)
            start = cut
        }
        // Whatever came, the end can be said.
        if isOver { _ = session.send(into: &buffer, limit: 1 << 20) }
    }
}
