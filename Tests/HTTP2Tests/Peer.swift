import HTTP2
import HTTPSyntax
import TestSupport

private final class Output {
    let value: StreamOutput

    init(_ value: consuming StreamOutput) { self.value = value }
}

/// A session whose events are kept as text, and whose answers are frames again.
final class Peer {
    private(set) var events: [String] = []
    private let ownMemory = SessionMemory()
    private let memory: SessionMemory.Handle
    private var session: ServerSession?
    private var outputs: [Int32: Output] = [:]
    private var fields = FieldList(capacity: 20)
    private var stream: Int32 = 0
    private(set) var now: UInt64 = 0

    init(limits: HeaderBlock.Limits = .init(), memory: SessionMemory.Handle? = nil) {
        self.memory = memory ?? ownMemory.handle
        let handlers = SessionHandlers(
            request: { owner, stream, hasEnded in
                Peer.at(owner).began(stream, hasEnded)
            },
            content: { owner, bytes, count in
                Peer.at(owner).note("content \(ByteView(base: bytes, count: count).text)")
            },
            trailers: { owner in Peer.at(owner).noteBlock("trailers") },
            end: { owner in Peer.at(owner).note("end") },
            closed: { owner, code in Peer.at(owner).note("closed \(code)") },
            room: { owner in Peer.at(owner).note("room") },
            pong: { owner in Peer.at(owner).note("pong") })
        session = ServerSession(
            owner: Unmanaged.passUnretained(self).toOpaque(), handlers: handlers, limits: limits,
            now: 0, memory: memory)
    }

    private static func at(_ owner: UnsafeMutableRawPointer) -> Peer {
        Unmanaged<Peer>.fromOpaque(owner).takeUnretainedValue()
    }

    private func note(_ event: String) { events.append(event) }

    private func noteBlock(_ what: String) {
        let problem = session?.blockProblem.map { "\($0)" }
        note("\(what) \(problem ?? session?.blockText.view.text ?? "")")
    }

    private func began(_ stream: Int32, _ hasEnded: Bool) {
        self.stream = stream
        let output = Output(
            StreamOutput(owner: Unmanaged.passUnretained(self).toOpaque(), memory: memory))
        output.value.reset(stream: stream)
        session?.attach(output.value)
        outputs[stream] = output
        noteBlock("request \(stream)")
        if hasEnded { note("end") }
    }

    /// Takes frames in; whether the connection goes on.
    @discardableResult
    func receive(_ bytes: Bytes, at time: UInt64 = 0) -> Bool {
        var rest = bytes
        while !rest.isEmpty { rest.removeFirst(receiveSome(rest, at: time)) }
        return session?.goesOn ?? false
    }

    /// Takes in as much as the session takes at a time; how many bytes that were.
    func receiveSome(_ bytes: Bytes, at time: UInt64 = 0, limit: Int = .max) -> Int {
        now = time
        return bytes.withView { session?.receive($0, now: time, limit: limit) ?? $0.count }
    }

    func adopt(_ limits: HeaderBlock.Limits) { session?.adopt(limits) }

    var isInSection: Bool { session?.isInSection ?? false }

    /// What is sent, in one go.
    func send(limit: Int = .max) -> [HTTP2Frame] {
        var buffer = ByteBuffer()
        _ = session?.send(into: &buffer, limit: limit)
        var bytes = buffer.view.bytes
        var frames: [HTTP2Frame] = []
        while let (frame, length) = HTTP2Frame.read(bytes) {
            frames.append(frame)
            bytes.removeFirst(length)
        }
        return frames
    }

    func answer(
        _ stream: Int32, _ status: Int, content: String, trailers: String = "", ends: Bool = true
    ) {
        guard let output = outputs[stream] else { return }
        fields.begin(status: status)
        fields.add(ByteView("Server"), ByteView("x"))
        session?.answer(output.value, fields, hasContent: !content.isEmpty)
        content.withView { output.value.append($0) }
        if ends && !content.isEmpty { end(stream, trailers: trailers) }
    }

    /// More of an answer's content.
    func append(_ stream: Int32, _ content: String) {
        guard let output = outputs[stream] else { return }
        content.withView { output.value.append($0) }
        session?.resume(output.value)
    }

    /// An answer without content whose last field has a value of its own.
    func answer(_ stream: Int32, _ usual: String, unique: String) {
        guard let output = outputs[stream] else { return }
        fields.begin(status: 405)
        usual.withView { usual in
            unique.withView { unique in
                fields.add(ByteView("Server"), usual)
                fields.add(ByteView("Methodgate-Event"), unique, isUnique: true)
                session?.answer(output.value, fields, hasContent: false)
            }
        }
    }

    func interim(_ stream: Int32) {
        guard let output = outputs[stream] else { return }
        fields.begin(status: 103)
        session?.interim(output.value, fields)
    }

    func end(_ stream: Int32, trailers: String = "") {
        guard let output = outputs[stream] else { return }
        trailers.withView { session?.end(output.value, trailers: $0) }
    }

    func reset(_ stream: Int32, _ code: ErrorCode) {
        guard let output = outputs[stream] else { return }
        session?.close(output.value, code)
    }

    func acknowledge(_ stream: Int32, _ count: Int) {
        guard let output = outputs[stream] else { return }
        session?.acknowledge(output.value, count)
    }

    var isOver: Bool { session?.isOver ?? true }
}
