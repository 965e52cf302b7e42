// A backend that speaks HTTP/2 by frames, as a test tells it to.

/// What a backend got on one stream.
public struct HTTP2Request: Sendable {
    public let stream: UInt32
    public var fields: [HTTP2Field] = []
    public var content: Bytes = []
    public var trailers: [HTTP2Field] = []
    public var hasEnded = false
    /// The code of RST_STREAM.
    public var resetCode: UInt32?

    /// The first field of that name.
    public func value(_ name: String) -> String? {
        fields.first { $0.name == Bytes(name.utf8) }.map { String(latin1: $0.value) }
    }

    public var path: String { value(":path") ?? "" }
}

/// The backend's side of one connection.
public final class HTTP2Side {
    public let connection: BackendConnection
    /// By stream, in the order they came.
    public private(set) var requests: [HTTP2Request] = []
    /// GOAWAY, SETTINGS, PING and what else is about the connection.
    public private(set) var others: [HTTP2Frame] = []
    /// Window updates are sent for what comes.
    public var acknowledges = true
    /// Bytes that the gate may be sent, by stream; 0 is the connection.
    public private(set) var windows: [UInt32: Int] = [0: 65535]
    /// Bytes of content that `sendContent` has sent.
    public private(set) var sentContent = 0
    private let decoder = HTTP2FieldDecoder()

    /// Reads the preface, and sends SETTINGS.
    public init(_ connection: BackendConnection, settings: [(UInt16, UInt32)] = []) throws {
        self.connection = connection
        connection.keepsBytes = false
        let preface = try connection.readRaw(HTTP2Frame.preface.count)
        guard preface == HTTP2Frame.preface else {
            throw BadAnswer(description: "no preface: \(String(latin1: preface))")
        }
        try send(.settings(settings))
    }

    public func send(_ frames: HTTP2Frame...) throws {
        try connection.send(frames.flatMap(\.bytes))
    }

    public func send(_ frames: [HTTP2Frame]) throws {
        try connection.send(frames.flatMap(\.bytes))
    }

    /// Answers with content as far as the windows allow without reading more.
    public func answer(
        _ stream: UInt32, _ status: Int = 200, _ content: String = "",
        _ fields: HTTP2Field..., trailers: [HTTP2Field] = []
    ) throws {
        let head = [HTTP2Field(":status", "\(status)")] + fields
        guard !content.isEmpty || !trailers.isEmpty else {
            return try send(.headers(stream, head))
        }
        var frames = [HTTP2Frame.headers(stream, head, ends: false)]
        frames.append(.data(stream, Bytes(content.utf8), ends: trailers.isEmpty))
        if !trailers.isEmpty { frames.append(.headers(stream, trailers)) }
        try send(frames)
    }

    public func goAway(_ last: UInt32, _ code: UInt32 = 0) throws {
        try send(HTTP2Frame(7, HTTP2Frame.number(last) + HTTP2Frame.number(code)))
    }

    /// What has come on a stream.
    public subscript(_ stream: UInt32) -> HTTP2Request? {
        requests.first { $0.stream == stream }
    }

    /// The next request that is whole and was not returned before; nil at the connection's end.
    public func readRequest() throws -> HTTP2Request? {
        while true {
            if let next = requests.first(where: { $0.hasEnded && !returned.contains($0.stream) }) {
                returned.insert(next.stream)
                return next
            }
            guard try readFrame() else { return nil }
        }
    }

    private var returned: Set<UInt32> = []

    /// Reads until something holds; false at the connection's end.
    @discardableResult
    public func readUntil(_ condition: () -> Bool) throws -> Bool {
        while !condition() { guard try readFrame() else { return false } }
        return true
    }

    /// False at the connection's end.
    public func readFrame() throws -> Bool {
        let head = try connection.readRaw(9)
        guard head.count == 9 else { return false }
        let length = Int(HTTP2Frame.value(head[0..<3]))
        let payload = try connection.readRaw(length)
        guard let (frame, _) = HTTP2Frame.read(head + payload) else { return false }
        try take(frame)
        return true
    }

    private func index(_ stream: UInt32) -> Int {
        if let index = requests.firstIndex(where: { $0.stream == stream }) { return index }
        requests.append(HTTP2Request(stream: stream))
        return requests.count - 1
    }

    private func take(_ frame: HTTP2Frame) throws {
        switch frame.kind {
        case HTTP2Frame.Kind.headers:
            let fields = try decoder.decode(frame.payload)
            let index = index(frame.stream)
            if requests[index].fields.isEmpty {
                requests[index].fields = fields
            } else {
                requests[index].trailers = fields
            }
            requests[index].hasEnded = frame.hasEnded
        case HTTP2Frame.Kind.data:
            let index = index(frame.stream)
            requests[index].content += frame.payload
            requests[index].hasEnded = frame.hasEnded
            guard acknowledges, !frame.payload.isEmpty else { return }
            let count = UInt32(frame.payload.count)
            try send(.windowUpdate(0, count), .windowUpdate(frame.stream, count))
        case HTTP2Frame.Kind.resetStream:
            requests[index(frame.stream)].resetCode = HTTP2Frame.value(frame.payload[...])
        case HTTP2Frame.Kind.windowUpdate:
            windows[frame.stream, default: 65535] += Int(HTTP2Frame.value(frame.payload[...]))
        case HTTP2Frame.Kind.settings where frame.flags & 1 == 0:
            others.append(frame)
            try send(HTTP2Frame(HTTP2Frame.Kind.settings, flags: 1))
        case HTTP2Frame.Kind.ping where frame.flags & 1 == 0:
            try send(HTTP2Frame(HTTP2Frame.Kind.ping, flags: 1, frame.payload))
        default: others.append(frame)
        }
    }

    /// Sends so many bytes of content, as the windows allow; false where the stream was reset.
    public func sendContent(_ count: Int, on stream: UInt32, ends: Bool = true) throws -> Bool {
        let block = Bytes(repeating: 0x61, count: 16384)
        var rest = count
        while rest > 0 {
            let window = min(windows[stream] ?? 65535, windows[0] ?? 0)
            let step = min(rest, window, block.count)
            guard step > 0 else {
                if self[stream]?.resetCode != nil { return false }
                guard try readFrame() else { return false }
                continue
            }
            rest -= step
            sentContent += step
            windows[stream] = (windows[stream] ?? 65535) - step
            windows[0, default: 0] -= step
            try send(.data(stream, Bytes(block.prefix(step)), ends: ends && rest == 0))
        }
        return true
    }
}

extension ScriptedBackend {
    /// A backend of HTTP/2: the script begins behind the preface.
    public static func http2(
        on address: Address = .loopback, tls: TestTLS? = nil, settings: [(UInt16, UInt32)] = [],
        _ script: @escaping @Sendable (HTTP2Side) throws -> Void
    ) throws -> ScriptedBackend {
        try ScriptedBackend(on: address, tls: tls) { connection in
            try script(try HTTP2Side(connection, settings: settings))
        }
    }
}
