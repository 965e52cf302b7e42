import HTTP1
import HTTP2
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// A client's frames behind preface and SETTINGS: what comes of them does not depend on how they
    /// are split, and each request is for the parser and for a strict reader exactly one.
    static let http2Frames = FuzzTarget("http2-frames", longest: 4096) { input throws(Finding) in
        let bytes = FrameRun.beginning + input
        let whole = FrameRun(bytes, cutAt: [bytes.count])
        for cuts in saysGoodbye(input) ? [] : Splitting.cuts(of: input) {
            let split = FrameRun(bytes, cutAt: cuts.map { $0 + FrameRun.beginning.count })
            try require(split.isOver, equals: whole.isOver, "cut at \(cuts.prefix(64))")
            // Once a connection ends, what still came of one piece may or may not be told.
            if whole.isOver { continue }
            try require(split.events, equals: whole.events, "cut at \(cuts.prefix(64))")
        }
        for head in whole.heads { try check(head) }
    }

    /// Whether the client says that it leaves (GOAWAY): if a request that it sends all the same
    /// finds anybody is a matter of time.
    private static func saysGoodbye(_ input: Bytes) -> Bool {
        var rest = input[...]
        while rest.count >= 9 {
            let head = Bytes(rest.prefix(9))
            if head[3] == 7 { return true }
            rest = rest.dropFirst(9 + (Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])))
        }
        return false
    }

    /// A head that was written from fields: refused, or one request and not a byte more.
    private static func check(_ head: Bytes) throws(Finding) {
        var parsed = RequestHead(maximumFields: 200)
        let limits = HeadLimits(head: 1 << 20, target: 1 << 16, fields: 200)
        let result = head.withView { RequestParser.parse($0, into: &parsed, limits: limits) }
        guard result == .complete else {
            try require(result != .incomplete, "half a head: \(head)")
            return
        }
        try require(parsed.length, equals: head.count, "a second request behind the head")
        let outcome: StrictReader.Outcome
        do throws(Malformed) {
            outcome = try StrictReader.request(head)
        } catch {
            throw Finding("a strict reader refuses what the parser took: \(error)")
        }
        switch outcome {
        case .message(let message), .incomplete(head: .some(let message)):
            try require(message.headLength, equals: head.count, "end of the head")
            try require(
                Bytes(message.method.utf8), equals: Bytes(head.prefix(parsed.methodLength)),
                "the method")
        case .incomplete(head: nil): throw Finding("half a head for a strict reader")
        }
    }
}

/// A session that was fed in some way, and what it said.
private final class FrameRun {
    /// The preface and an empty SETTINGS frame.
    static let beginning =
        Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

    /// What happened to each stream, content without how it was cut.
    private(set) var events: [Int32: String] = [:]
    private(set) var heads: [Bytes] = []
    private(set) var isOver = false
    private let memory = SessionMemory()
    private var session: ServerSession?
    private var streams: [Stream] = []

    final class Output {
        let value: StreamOutput

        init(_ value: consuming StreamOutput) { self.value = value }
    }

    /// One stream's, told from others by its address.
    private final class Stream {
        /// Which owns it.
        unowned let run: FrameRun
        let number: Int32
        private(set) var output: Output?

        init(_ run: FrameRun, _ number: Int32) {
            self.run = run
            self.number = number
            output = unsafe Output(
                StreamOutput(
                    owner: Unmanaged.passUnretained(self).toOpaque(), memory: run.memory.handle))
            output?.value.reset(stream: number)
        }

        /// All streams live as long as their session.
        static func at(_ owner: UnsafeMutableRawPointer) -> Stream {
            unsafe Unmanaged<Stream>.fromOpaque(owner).takeUnretainedValue()
        }

        func note(_ event: String) { run.events[number, default: ""] += event }
    }

    init(_ bytes: Bytes, cutAt cuts: [Int]) {
        let handlers = unsafe SessionHandlers(
            request: { owner, stream, hasEnded in
                let run = unsafe Unmanaged<FrameRun>.fromOpaque(owner).takeUnretainedValue()
                run.began(stream, hasEnded)
            },
            content: { owner, bytes, count in
                // A character that is cut in two must not read otherwise.
                let content = unsafe ByteView(base: bytes, count: count).bytes
                unsafe Stream.at(owner).note(String(latin1: content))
            },
            trailers: { owner in
                let stream = unsafe Stream.at(owner)
                stream.note("|trailers \(stream.run.block)|")
            },
            end: { owner in unsafe Stream.at(owner).note("|end|") },
            closed: { owner, code in unsafe Stream.at(owner).note("|closed \(code)|") },
            room: { _ in }, pong: { _ in })
        session = unsafe ServerSession(
            owner: Unmanaged.passUnretained(self).toOpaque(), handlers: handlers, limits: .init(),
            now: 0)
        var start = 0
        for cut in cuts where !isOver {
            Array(bytes[start..<cut]).withView { piece in
                var used = 0
                while used < piece.count {
                    used += session?.receive(piece.dropFirst(used), now: 0) ?? piece.count
                }
            }
            isOver = session?.goesOn != true
            start = cut
        }
        if isOver { finish() }
        session = nil
    }

    /// Whatever came, the end can be said.
    private func finish() {
        var buffer = ByteBuffer()
        _ = session?.send(into: &buffer, limit: 1 << 20)
    }

    var block: String {
        let problem = session?.blockProblem.map { "\($0)" }
        return problem ?? session?.blockText.view.text ?? ""
    }

    private func began(_ number: Int32, _ hasEnded: Bool) {
        let stream = Stream(self, number)
        streams.append(stream)
        if let output = stream.output { session?.attach(output.value) }
        stream.note("|request \(block) \(hasEnded)|")
        guard session?.blockProblem == nil else { return }
        let isTunnel = session?.blockFacts.asksTunnel ?? false
        // A tunnel's key is another one each time.
        if isTunnel {
            events[number] = "|tunnel|"
        } else {
            heads.append(session?.blockText.view.bytes ?? [])
        }
    }
}
