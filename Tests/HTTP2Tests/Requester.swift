import HTTP2
import HTTPSyntax
import TestSupport

/// One request of a `Requester`.
final class Asked {
    fileprivate(set) var events: [String] = []
    /// What has come of the answer, as HTTP/1.1 has it.
    fileprivate(set) var answer = ""
    private let memory = SessionMemory()
    fileprivate let stream: ClientStream

    fileprivate init() {
        // Who owns it is told by address, which is known once all of it is there.
        let owner = Owner()
        stream = ClientStream(
            owner: Unmanaged.passUnretained(owner).toOpaque(), memory: memory.handle)
        stream.reset()
        self.owner = owner
        owner.asked = self
    }

    private final class Owner {
        weak var asked: Asked?
    }

    private let owner: Owner

    fileprivate static func at(_ owner: UnsafeMutableRawPointer) -> Asked? {
        Unmanaged<Owner>.fromOpaque(owner).takeUnretainedValue().asked
    }

    /// What a backend knows it by.
    var number: UInt32 { UInt32(stream.output.stream) }
    var isAnswered: Bool { stream.isAnswered }
    var room: Int { stream.output.room }

    func append(_ content: String) { content.withView { stream.output.append($0) } }
}

/// A session with a backend that is frames.
final class Requester {
    private var session: ClientSession?
    private(set) var asked: [Asked] = []
    private var fields = FieldList(capacity: 20)

    init(limits: HeaderBlock.Limits = .init()) {
        let handlers = ClientHandlers(
            answer: { owner, bytes, count in
                Asked.at(owner)?.answer += ByteView(base: bytes, count: count).text
            },
            problem: { owner, problem in
                let text = AnswerProblem(rawValue: problem).map { "\($0)" } ?? "?"
                Asked.at(owner)?.events.append(text)
            },
            closed: { owner, loss in
                let text = StreamLoss(rawValue: loss).map { "\($0)" } ?? "?"
                Asked.at(owner)?.events.append(text)
            },
            room: { owner in Asked.at(owner)?.events.append("room") })
        session = ClientSession(handlers: handlers, limits: limits, now: 0)
    }

    /// Asks for `/`; its content, if any, is what is appended.
    @discardableResult
    func ask(_ method: String = "GET", hasContent: Bool = false) -> Asked? {
        let asked = Asked()
        self.asked.append(asked)
        let isOpen = method.withView { method in
            fields.begin(
                method: method, scheme: "http", path: ByteView("/"), authority: ByteView("a"))
            fields.add(ByteView("X-Name"), ByteView("value"))
            return session?.request(
                asked.stream, fields, isHead: method.equals(ByteView("HEAD")),
                hasContent: hasContent) ?? false
        }
        return isOpen ? asked : nil
    }

    func end(_ asked: Asked, trailers: String = "") {
        trailers.withView { session?.end(asked.stream, trailers: $0) }
    }

    func resume(_ asked: Asked) { session?.resume(asked.stream) }

    func acknowledge(_ asked: Asked, keeping kept: Int = 0) {
        session?.acknowledge(asked.stream, keeping: kept)
    }

    func close(_ asked: Asked) { session?.close(asked.stream, .cancel) }

    /// Takes frames in; whether the connection goes on.
    @discardableResult
    func receive(_ frames: HTTP2Frame...) -> Bool { receive(frames.flatMap(\.bytes)) }

    @discardableResult
    func receive(_ bytes: Bytes, at now: UInt64 = 0) -> Bool {
        var bytes = bytes
        return bytes.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return true }
            return session?.receive(MutableByteView(base: base, count: buffer.count), now: now)
                ?? false
        }
    }

    /// The bytes that are sent.
    func sendBytes() -> Bytes {
        var buffer = ByteBuffer()
        _ = session?.send(into: &buffer, limit: .max)
        return buffer.view.bytes
    }

    /// The same as frames, without the preface.
    func send() -> [HTTP2Frame] {
        var bytes = sendBytes()
        if bytes.starts(with: HTTP2Frame.preface) { bytes.removeFirst(HTTP2Frame.preface.count) }
        var frames: [HTTP2Frame] = []
        while let (frame, length) = HTTP2Frame.read(bytes) {
            frames.append(frame)
            bytes.removeFirst(length)
        }
        return frames
    }

    var isOver: Bool { session?.isOver ?? true }
    var streamCount: Int { session?.streamCount ?? 0 }
    var streamLimit: Int { session?.streamLimit ?? 0 }
    var takesStreams: Bool { session?.takesStreams ?? false }
}
