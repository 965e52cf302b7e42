import HTTP1
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// A client's connection: each request on it that would be forwarded is for a strict reader
    /// exactly the one that was judged, with nothing in it that must not pass.
    static let forwardedRequest = FuzzTarget("forwarded-request", longest: 4096) {
        input throws(Finding) in
        var rest = input[...]
        for _ in 0..<4 {
            if rest.starts(with: [0x0d, 0x0a]) { rest = rest.dropFirst(2) }
            guard let request = try RequestOnItsWay(Array(rest)) else { return }
            guard request.isWhole else { return }
            rest = rest.dropFirst(request.length)
        }
    }
}

/// One request from the front of a client's bytes to what a backend would get.
private struct RequestOnItsWay {
    let bytes: Bytes
    /// What the client's head says, to a reader that is not the gate's.
    let came: WireMessage
    /// What the rules are asked about.
    private var judged = (method: "", path: "", host: "")
    private var framing = BodyFraming.none
    private var version = HTTPVersion.http11
    private var sent: Bytes = []
    /// Of the client's bytes.
    private(set) var length = 0
    private(set) var isWhole = false

    /// What the gate itself adds, less the address.
    private static let extra = "Via: 1.1 methodgate\r\nX-Forwarded-For: 192.0.2.1\r\n"
    private static let backend = "backend.example:8080"

    /// Nil where there is no head, or none that is forwarded.
    init?(_ bytes: Bytes) throws(Finding) {
        self.bytes = bytes
        var head = RequestHead(maximumFields: 100)
        let parsed = bytes.withView { RequestParser.parse($0, into: &head, limits: .usual) }
        guard parsed == .complete, head.method != .connect else { return nil }
        came = try FuzzTarget.strictHead(bytes, ofRequest: true)
        note(head)
        writeHead(head)
        let headLength = sent.count
        readContent()
        try check(headLength)
    }

    private func text(_ offset: Int, _ length: Int) -> String {
        String(latin1: bytes[offset..<offset + length])
    }

    private mutating func note(_ head: borrowing RequestHead) {
        let target = head.target
        judged.method = text(0, head.methodLength)
        judged.path = text(target.pathOffset, target.pathLength)
        judged.host =
            head.hostLength > 0
            ? text(head.hostOffset, head.hostLength)
            : text(target.authorityOffset, target.authorityLength)
        framing = head.framing
        version = head.version
        length = head.length
    }

    private mutating func writeHead(_ head: borrowing RequestHead) {
        var extra = Self.extra
        if head.target.form != .absolute, !head.fields.has(.host) {
            extra += "Host: \(Self.backend)\r\n"
        }
        var buffer = ByteBuffer()
        bytes.withView { bytes in
            extra.withView { HeadWriter.request(head, in: bytes, extra: $0, into: &buffer) }
        }
        sent = buffer.view.bytes
    }

    /// The content as far as it is there, in pieces of 1, 2, 4… bytes.
    private mutating func readContent() {
        var reader = BodyReader(framing)
        var piece = 1
        var end = min(bytes.count, length + piece)
        while !reader.isComplete {
            if reader.isAwaitingTrailers {
                guard readTrailers() else { return }
                reader.trailersDone()
                break
            }
            var part = Array(bytes[length..<end])
            let progress = part.withMutableView { reader.take($0, as: .framed) }
            sent += part[0..<progress.kept]
            length += progress.consumed
            if progress.error != nil { return }
            let isDone = reader.isComplete || reader.isAwaitingTrailers
            guard isDone || end < bytes.count else { return }
            piece *= 2
            end = min(bytes.count, end + piece)
        }
        isWhole = true
    }

    private mutating func readTrailers() -> Bool {
        var fields = FieldSection(capacity: 100)
        var buffer = ByteBuffer()
        let used = Array(bytes[length...]).withView { view -> Int? in
            let (result, length) = TrailerSection.parse(view, into: &fields, limits: .usual)
            guard result == .complete else { return nil }
            TrailerSection.write(fields, in: view, into: &buffer)
            return length
        }
        guard let used else { return false }
        sent += buffer.view.bytes
        length += used
        return true
    }

    private func check(_ headLength: Int) throws(Finding) {
        let outcome: StrictReader.Outcome
        do throws(Malformed) {
            outcome = try StrictReader.request(sent)
        } catch {
            throw Finding("forwarded: \(error)")
        }
        switch outcome {
        case .incomplete(let head):
            try require(!isWhole, "half a request from a whole one")
            guard let head else { throw Finding("half a head was forwarded") }
            try checkHead(head)
        case .message(let message):
            try require(isWhole, "a whole request from half a one")
            try require(message.length, equals: sent.count, "end of the request")
            try require(message.headLength, equals: headLength, "end of the head")
            try checkHead(message)
            try require(message.content, equals: try content(), "content")
        }
    }

    /// The content as the client sent it, to a reader that is not the gate's.
    private func content() throws(Finding) -> Bytes {
        let rest = Array(bytes[came.headLength...])
        switch framing {
        case .none: return []
        case .length(let count): return Array(rest.prefix(Int(count)))
        default:
            guard let chunks = Chunks(rest) else { throw Finding("forwarded what is no chunk") }
            return chunks.content
        }
    }

    private func checkHead(_ message: WireMessage) throws(Finding) {
        let (target, authority) = Self.parts(of: came)
        try require(message.startLine, equals: "\(came.method) \(target) HTTP/1.1", "request line")
        try require(judged.method, equals: came.method, "judged method")
        let path = String(target.prefix { $0 != "?" })
        try require(
            judged.path == path || judged.path.isEmpty, "judged \(judged.path), forwarded \(path)")
        let host = authority ?? came.value("Host") ?? Self.backend
        try require(message.value("Host"), equals: host, "Host")
        if host != Self.backend {
            let plain = judged.host.lowercased()
            try require(
                plain == host.lowercased() || authority != nil, "judged \(judged.host) for \(host)")
        }
        try checkFields(message)
    }

    /// The target to forward and the authority of an absolute form (RFC 9112 §3.2.2).
    private static func parts(of message: WireMessage) -> (target: String, authority: String?) {
        let target = message.target
        let scheme = ["http://", "https://"].first { target.lowercased().hasPrefix($0) }
        guard let scheme else { return (target, nil) }
        let rest = target.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(authority.count)
        if path.isEmpty { return (message.method == "OPTIONS" ? "*" : "/", String(authority)) }
        return (path.first == "?" ? "/" + path : String(path), String(authority))
    }

    private func checkFields(_ message: WireMessage) throws(Finding) {
        let named = ForwardingRules.named(by: came)
        let own = [
            WireField(name: "Via", value: "1.1 methodgate"),
            WireField(name: "X-Forwarded-For", value: "192.0.2.1"),
        ]
        for field in own {
            let count = message.fields.count { $0 == field }
            try require(count == 1, "\(count) of \(field)")
        }
        for field in message.fields where !own.contains(field) && field.name != "Host" {
            try require(came.fields.contains(field), "\(field) was not sent")
            try require(!ForwardingRules.isRemovedFromRequest(field.name), "\(field) has passed")
            let isNamed =
                ForwardingRules.isInnocent(field.name) && named.contains(field.name.lowercased())
            try require(!isNamed, "\(field) has passed though Connection names it")
        }
        for field in came.fields where ForwardingRules.isInnocent(field.name) {
            guard !named.contains(field.name.lowercased()) else { continue }
            try require(message.fields.contains(field), "\(field) is lost")
        }
        let expects = version == .http10 && !message.values("Expect").isEmpty
        try require(!expects, "Expect in HTTP/1.0")
    }
}
