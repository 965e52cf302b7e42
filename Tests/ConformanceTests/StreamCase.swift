// The cases that say nothing about HTTP/1.1 itself, as streams of HTTP/2: the same requests must get
// the same verdicts, reach the backend as the same bytes and leave the same records.

import TestSupport

/// A request of a case, as fields and content.
struct StreamRequest {
    var fields: [HTTP2Field]
    /// Nil where the request ends with its fields.
    var content: Bytes?
    var trailers: [HTTP2Field]
}

extension Case {
    /// The requests of the client; nil where the case is about how HTTP/1.1 writes or connects them.
    func streamRequests() -> [StreamRequest]? {
        guard !configuration.contains("listen:") else { return nil }
        var bytes: Bytes = []
        var answers = 0
        for step in steps {
            switch step {
            case .send(let piece, halfClose: false): bytes += piece
            case .expect(let expectation):
                guard let status = expectation.status else { return nil }
                if status >= 200 { answers += 1 }
            default: return nil
            }
        }
        var requests: [StreamRequest] = []
        while !bytes.isEmpty {
            guard case .message(let message)? = try? StrictReader.request(bytes),
                let request = StreamRequest(message)
            else { return nil }
            bytes.removeFirst(message.length)
            requests.append(request)
        }
        return requests.count == answers ? requests : nil
    }
}

extension StreamRequest {
    /// What HTTP/2 has no place for, or what differs there.
    private static let connectionFields: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "upgrade", "http2-settings",
        "trailer",
    ]

    init?(_ message: WireMessage) {
        let names = Set(message.fields.map { $0.name.lowercased() })
        guard message.startLine.hasSuffix(" HTTP/1.1"), message.method != "CONNECT",
            message.target.hasPrefix("/") || message.target == "*",
            let host = message.value("Host"), names.isDisjoint(with: Self.connectionFields),
            message.values("Cookie").count < 2,
            // The answer would be the request, with its names as they came.
            message.method != "TRACE" || message.value("Max-Forwards") == nil
        else { return nil }
        fields = HTTP2Field.request(message.method, message.target, authority: host)
        for field in message.fields {
            let name = field.name.lowercased()
            guard name != "host", name != "transfer-encoding" else { continue }
            fields.append(HTTP2Field(name, field.value))
        }
        content = message.framing == .none ? nil : message.content
        trailers = message.trailers.map { HTTP2Field($0.name.lowercased(), $0.value) }
    }
}

extension CaseRun {
    /// Plays the requests one after another, each as a stream of one connection.
    static func play(
        _ theCase: Case, _ requests: [StreamRequest], on gate: CaseGate, byteByByte: Bool
    ) throws -> Observation {
        var run = CaseRun(theCase, on: gate, byteByByte: byteByByte)
        try run.play(requests)
        return run.seen
    }

    private mutating func play(_ requests: [StreamRequest]) throws {
        seen.isHTTP2 = true
        gate.backend.begin(theCase.exchanges, byteByByte: isByteByByte)
        let mark = gate.gate.log.lines.count
        let client = try gate.connectHTTP2()
        client.isByteByByte = isByteByByte
        defer { client.close() }
        for request in requests {
            let fields = request.fields.map {
                $0.description == ":scheme: http" && gate.transport == .tls
                    ? HTTP2Field(":scheme", "https") : $0
            }
            let stream = try client.open(fields, ends: request.content == nil)
            if let content = request.content {
                let hasTrailers = !request.trailers.isEmpty
                try client.sendContent(content, on: stream, ends: !hasTrailers)
                if hasTrailers { try client.send(.headers(stream, request.trailers)) }
            }
            let answer = try client.readAnswer(stream)
            seen.replies += answer.interim
            if let message = answer.message { seen.replies.append(message) }
            if let code = answer.resetCode, code != 0 {
                seen.problems.append("stream \(stream) is reset with code \(code)")
            }
        }
        client.close()
        try readRecords(after: mark, until: try sentinel())
        seen.requests = gate.backend.requests
        seen.problems += gate.backend.problems
        checkUnfinished()
    }
}
