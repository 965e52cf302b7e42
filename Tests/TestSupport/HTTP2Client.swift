// A client that sends the frames it is told to, and reads what becomes of its streams.

/// What a client got on one stream.
public struct HTTP2Answer: Sendable {
    /// Heads of interim answers.
    public var interim: [WireMessage] = []
    /// The answer, as far as it has come; its names are in lower case.
    public var message: WireMessage?
    public var hasEnded = false
    /// The code of RST_STREAM.
    public var resetCode: UInt32?

    public var status: Int { message?.status ?? 0 }
    public var isOver: Bool { hasEnded || resetCode != nil }
}

public final class HTTP2Client: @unchecked Sendable {
    public let raw: RawClient
    public private(set) var answers: [UInt32: HTTP2Answer] = [:]
    /// The code and the last stream of GOAWAY frames, in their order.
    public private(set) var goAways: [(last: UInt32, code: UInt32)] = []
    /// What else came, except for WINDOW_UPDATE.
    public private(set) var others: [HTTP2Frame] = []
    /// Bytes that the other side may be sent, by stream; 0 is the connection.
    public private(set) var windows: [UInt32: Int] = [0: 65535]
    public var initialWindow = 65535
    /// Window updates are sent for what comes.
    public var acknowledges = true
    public var isByteByByte = false
    /// Is given the content of answers, which is not kept then.
    public var takesContent: ((Bytes) throws -> Void)?
    private let decoder = HTTP2FieldDecoder()
    private var buffer: Bytes = []
    private var nextStream: UInt32 = 1

    /// Connects and sends preface and SETTINGS.
    public init(
        _ address: Address, settings: [(UInt16, UInt32)] = [], patience: Double = 10,
        receiveBuffer: Int32? = nil, greeting: Bytes = [], tls: TestTLS? = nil
    ) throws {
        raw = try RawClient(
            address, patience: patience, receiveBuffer: receiveBuffer, tls: tls)
        try raw.send(greeting + HTTP2Frame.preface + HTTP2Frame.settings(settings).bytes)
    }

    public func send(_ frames: HTTP2Frame...) throws {
        let bytes = frames.flatMap(\.bytes)
        if isByteByByte { try raw.sendByteByByte(bytes) } else { try raw.send(bytes) }
    }

    public func close() { raw.close() }

    // MARK: Requests

    /// A number for another stream.
    public func takeStream() -> UInt32 {
        defer { nextStream += 2 }
        return nextStream
    }

    /// Sends a request's fields; content may follow where it does not end there.
    @discardableResult
    public func open(_ fields: [HTTP2Field], ends: Bool = true) throws -> UInt32 {
        let stream = takeStream()
        try send(.headers(stream, fields, ends: ends))
        return stream
    }

    /// Sends content as the windows allow.
    public func sendContent(_ content: Bytes, on stream: UInt32, ends: Bool = true) throws {
        var rest = content[...]
        repeat {
            let window = windows[stream] ?? initialWindow
            let count = min(rest.count, window, windows[0] ?? 0, 16384)
            guard count > 0 || rest.isEmpty else {
                if answers[stream]?.isOver == true { return }
                try readFrame()
                continue
            }
            let piece = Bytes(rest.prefix(count))
            rest = rest.dropFirst(count)
            windows[stream] = window - count
            windows[0, default: 0] -= count
            try send(.data(stream, piece, ends: ends && rest.isEmpty))
        } while !rest.isEmpty
    }

    /// A whole exchange.
    public func exchange(
        _ fields: [HTTP2Field], content: Bytes? = nil
    ) throws -> HTTP2Answer {
        let stream = try open(fields, ends: content == nil)
        if let content { try sendContent(content, on: stream) }
        return try readAnswer(stream)
    }

    // MARK: Answers

    /// Reads until the stream is over.
    public func readAnswer(_ stream: UInt32) throws -> HTTP2Answer {
        try readUntil { answers[stream]?.isOver == true }
        return answers[stream] ?? HTTP2Answer()
    }

    /// Reads until so many bytes of the answer's content have come.
    public func readContent(_ stream: UInt32, _ count: Int) throws -> Bytes {
        try readUntil {
            let answer = answers[stream]
            return answer?.isOver == true || answer?.message?.content.count ?? 0 >= count
        }
        return answers[stream]?.message?.content ?? []
    }

    public func readUntil(_ condition: () -> Bool) throws {
        while !condition() { try readFrame() }
    }

    /// Reads to the end of the connection; whether it ended without a reset.
    @discardableResult
    public func readToEnd() throws -> Bool {
        while true {
            do { try readFrame() } catch is BadAnswer { return !raw.wasReset }
        }
    }

    /// Whether something has come that was not read.
    public var hasInput: Bool { !buffer.isEmpty || raw.socket.hasInput }

    public func readFrame() throws {
        while true {
            if let (frame, length) = HTTP2Frame.read(buffer) {
                buffer.removeFirst(length)
                return try take(frame)
            }
            let more = try raw.readSome()
            guard !more.isEmpty else {
                throw BadAnswer(description: "the connection has ended")
            }
            buffer += more
        }
    }

    private func take(_ frame: HTTP2Frame) throws {
        switch frame.kind {
        case HTTP2Frame.Kind.headers: try takeFields(frame)
        case HTTP2Frame.Kind.data: try takeData(frame)
        case HTTP2Frame.Kind.resetStream:
            answers[frame.stream, default: HTTP2Answer()].resetCode =
                HTTP2Frame.value(frame.payload[...])
        case HTTP2Frame.Kind.goAway:
            goAways.append(
                (HTTP2Frame.value(frame.payload[0..<4]), HTTP2Frame.value(frame.payload[4..<8])))
        case HTTP2Frame.Kind.windowUpdate:
            windows[frame.stream, default: initialWindow] +=
                Int(HTTP2Frame.value(frame.payload[...]))
        case HTTP2Frame.Kind.settings where frame.flags & HTTP2Frame.Flag.acknowledgement == 0:
            others.append(frame)
            try send(HTTP2Frame(HTTP2Frame.Kind.settings, flags: HTTP2Frame.Flag.acknowledgement))
        case HTTP2Frame.Kind.ping where frame.flags & HTTP2Frame.Flag.acknowledgement == 0:
            others.append(frame)
            guard acknowledges else { return }
            try send(
                HTTP2Frame(
                    HTTP2Frame.Kind.ping, flags: HTTP2Frame.Flag.acknowledgement, frame.payload))
        default: others.append(frame)
        }
    }

    /// The gate's field sections are never longer than a frame in a test.
    private func takeFields(_ frame: HTTP2Frame) throws {
        let fields = try decoder.decode(frame.payload)
        var answer = answers[frame.stream] ?? HTTP2Answer()
        let lines = fields.filter { $0.name.first != 0x3a }.map {
            WireField(name: String(latin1: $0.name), value: String(latin1: $0.value))
        }
        if answer.message != nil {
            answer.message?.trailers = lines
        } else {
            let status = fields.first { $0.name == Bytes(":status".utf8) }
            var message = WireMessage()
            message.startLine = "HTTP/2 \(String(latin1: status?.value ?? [])) "
            message.fields = lines
            message.framing = frame.hasEnded ? .none : .length
            if message.status < 200 {
                answer.interim.append(message)
            } else {
                answer.message = message
            }
        }
        answer.hasEnded = frame.hasEnded
        answers[frame.stream] = answer
    }

    private func takeData(_ frame: HTTP2Frame) throws {
        if let takesContent {
            try takesContent(frame.payload)
        } else {
            answers[frame.stream, default: HTTP2Answer()].message?.content += frame.payload
        }
        answers[frame.stream]?.hasEnded = frame.hasEnded
        guard acknowledges, !frame.payload.isEmpty else { return }
        let count = UInt32(frame.payload.count)
        if frame.hasEnded {
            try send(.windowUpdate(0, count))
        } else {
            try send(.windowUpdate(0, count), .windowUpdate(frame.stream, count))
        }
    }
}
