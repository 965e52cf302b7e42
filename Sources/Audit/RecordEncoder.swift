// A record as a line of JSON with the flat names of the Elastic Common Schema. What is constant
// for a log is prebuilt once, what is constant for a rule comes prebuilt with it; the rest is
// copied once from where the request stands.

import HTTPSyntax
import Policy

/// Bytes that a record keeps of what a client sent.
enum TextLimit {
    static let url = 2048
    static let userAgent = 512
    static let other = 256
    /// Readings of one path; there are never more.
    static let readings = 64
    static let rules = 16
}

/// Encodes the groups that the records of one log have in common. For one thread.
struct RecordEncoder: ~Copyable {
    private var timestamps = TimestampWriter()
    /// `,"ecs.version":…` and who writes.
    private(set) var observer = ByteBuffer(capacity: 512)
    var redactQuery: Bool

    init(observer: Observer, stream: StreamID? = nil, redactQuery: Bool) {
        self.redactQuery = redactQuery
        self.observer.append(",\"ecs.version\":\"8.17.0\"")
        self.observer.append(",\"observer.product\":", text: observer.product)
        self.observer.append(",\"observer.version\":", text: observer.version)
        self.observer.append(",\"observer.hostname\":", text: observer.hostname)
        if let stream {
            self.observer.append(",\"methodgate.stream\":", text: stream.description)
        }
    }

    /// `{"@timestamp":"…"`.
    mutating func begin(at time: Timestamp, in line: inout ByteBuffer) {
        line.append("{\"@timestamp\":\"")
        timestamps.append(time, to: &line)
        line.append(byte: 0x22)
    }

    mutating func append(_ time: Timestamp, to line: inout ByteBuffer) {
        timestamps.append(time, to: &line)
    }

    func appendObserver(to line: inout ByteBuffer) { line.append(observer.view) }

    /// The request group.
    func append(_ request: borrowing RequestFields, to line: inout ByteBuffer) {
        appendMethod(request, to: &line)
        switch request.version {
        case .http2: line.append(",\"http.version\":\"2\"")
        case .http11: line.append(",\"http.version\":\"1.1\"")
        case .http10: line.append(",\"http.version\":\"1.0\"")
        case nil: break
        }
        appendURL(request, to: &line)
        if !request.sourceAddress.isEmpty {
            line.append(",\"source.ip\":", text: request.sourceAddress, limit: TextLimit.other)
        }
        if request.sourcePort != 0 {
            line.append(",\"source.port\":")
            line.append(number: UInt64(request.sourcePort))
        }
        if !request.clientAddress.isEmpty {
            line.append(",\"client.ip\":", text: request.clientAddress, limit: TextLimit.other)
        }
        if let tls = request.tls { append(tls, to: &line) }
        if !request.userAgent.isEmpty {
            line.append(
                ",\"user_agent.original\":", text: request.userAgent, limit: TextLimit.userAgent)
        }
        if !request.requestID.isEmpty {
            line.append(",\"http.request.id\":", text: request.requestID, limit: TextLimit.other)
        }
        if let trace = request.traceparent.traceID {
            line.append(",\"trace.id\":", text: trace, limit: TextLimit.other)
        }
    }

    private func append(_ tls: TLSFields, to line: inout ByteBuffer) {
        line.append(",\"tls.version\":", text: tls.version, limit: TextLimit.other)
        line.append(",\"tls.version_protocol\":\"tls\"")
        line.append(",\"tls.cipher\":", text: tls.cipher, limit: TextLimit.other)
        if !tls.serverName.isEmpty {
            line.append(
                ",\"tls.client.server_name\":", text: tls.serverName, limit: TextLimit.other)
        }
        if !tls.subject.isEmpty {
            line.append(
                ",\"tls.client.subject\":", text: tls.subject, limit: TextLimit.userAgent)
        }
    }

    private func appendMethod(_ request: borrowing RequestFields, to line: inout ByteBuffer) {
        guard !request.method.isEmpty else { return }
        // TRACE and CONNECT are judged in any letter case, and are none in another than theirs.
        if request.methodID.isRegistered, MethodID(registered: request.method) != .unknown {
            line.append(
                ",\"http.request.method\":", text: request.method, limit: TextLimit.other)
        } else {
            line.append(
                ",\"http.request.method\":\"_OTHER\",\"http.request.method_original\":",
                text: request.method, limit: TextLimit.other)
        }
    }

    private func appendURL(_ request: borrowing RequestFields, to line: inout ByteBuffer) {
        let domain = request.host.hostWithoutPort
        if !domain.isEmpty {
            line.append(",\"url.domain\":")
            let start = line.count
            line.appendJSON(domain, limit: TextLimit.other)
            line.lowercaseASCII(from: start)
        }
        if !request.path.isEmpty {
            line.append(",\"url.path\":", text: request.path, limit: TextLimit.url)
        }
        if !request.target.isEmpty {
            line.append(",\"url.original\":\"")
            if redactQuery {
                line.appendRedacted(target: request.target)
            } else {
                line.appendEscaped(request.target, limit: TextLimit.url)
            }
            line.append(byte: 0x22)
        }
    }

    /// The rule, as the policy has it prebuilt.
    func append(_ facts: RuleFacts, to line: inout ByteBuffer) {
        line.append(",\"rule.id\":")
        line.append(facts.idJSON)
        line.append(",\"rule.name\":")
        line.append(facts.nameJSON)
        line.append(",\"methodgate.rule_ref\":")
        line.append(facts.refJSON)
    }

    /// What came of it, as far as it is known.
    func append(status: UInt16, reachedBackend: Bool?, to line: inout ByteBuffer) {
        if status != 0 {
            line.append(",\"http.response.status_code\":")
            line.append(number: UInt64(status))
        }
        guard let reachedBackend else { return }
        line.append(
            reachedBackend
                ? ",\"methodgate.reached_backend\":true" : ",\"methodgate.reached_backend\":false")
    }

    /// - Parameter policyDigest: 64 hexadecimal digits, or nothing.
    func append(policyDigest: ByteView, to line: inout ByteBuffer) {
        guard !policyDigest.isEmpty else { return }
        line.append(",\"methodgate.policy_sha256\":\"")
        line.append(policyDigest)
        line.append(byte: 0x22)
    }
}

extension ByteBuffer {
    /// Appends a key as it is written in the line, comma and colon included, and a JSON string.
    @inline(__always)
    mutating func append(_ key: StaticString, text: ByteView, limit: Int) {
        append(key)
        appendJSON(text, limit: limit)
    }

    /// The same for text of ours. Allocates.
    mutating func append(_ key: StaticString, text: String) {
        append(key)
        text.withView { appendJSON($0, limit: TextLimit.url) }
    }
}
