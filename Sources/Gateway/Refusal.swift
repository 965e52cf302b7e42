import HTTP1

// What the gate answers of its own accord, besides a rule's verdict: status, what the operator
// reads, and RFC 9209's name for it.

/// A request that is refused whatever the rules say: 4xx, with a record.
struct Refusal {
    let status: UInt16
    let reason: StaticString
    /// Proxy-Status error type (RFC 9209 §2.3).
    let error: StaticString = "http_request_error"

    init(_ status: UInt16, _ reason: StaticString) {
        self.status = status
        self.reason = reason
    }

    init(_ error: ProtocolError) { self.init(error.status, error.reason.text) }

    static let requestTimeout = Refusal(408, "the request did not arrive in time")
    static let contentTooLarge = Refusal(413, "the content is longer than the limit")
    static let expectationFailed = Refusal(417, "an expectation other than 100-continue")
}

/// An upstream that gave no answer: 502, 503 or 504, without a record.
enum UpstreamFailure {
    /// connect(2) failed, with errno.
    case unreachable(Int32)
    case connectTimeout
    /// It closed before it answered.
    case terminated
    /// It did not answer in time.
    case timeout
    /// What it sent is no response.
    case misbehaved(ProtocolError?)
    /// It switches protocols otherwise than it was asked to.
    case badHandshake

    var status: UInt16 {
        switch self {
        case .unreachable(let code): Self.isOurs(code) ? 503 : 502
        case .terminated, .misbehaved, .badHandshake: 502
        case .connectTimeout, .timeout: 504
        }
    }

    /// Proxy-Status error type (RFC 9209 §2.3).
    var error: StaticString {
        switch self {
        case .unreachable(let code):
            Self.isOurs(code) ? "connection_limit_reached" : Self.name(code)
        case .connectTimeout: "connection_timeout"
        case .terminated: "connection_terminated"
        case .timeout: "http_response_timeout"
        case .misbehaved, .badHandshake: "http_protocol_error"
        }
    }

    var reason: StaticString {
        switch self {
        case .unreachable(let code):
            Self.isOurs(code) ? "the gate has no descriptor left" : "the backend cannot be reached"
        case .connectTimeout: "the backend did not accept in time"
        case .terminated: "the backend closed before it answered"
        case .timeout: "the backend did not answer in time"
        case .misbehaved(let error): error?.reason.text ?? "an answer that nobody asked for"
        case .badHandshake: "a switch to WebSocket that breaks the handshake"
        }
    }

    /// Descriptors or memory have run out here (EMFILE, ENFILE, ENOBUFS, ENOMEM).
    static func isOurs(_ code: Int32) -> Bool {
        code == 24 || code == 23 || code == 105 || code == 12
    }

    /// ECONNREFUSED is the upstream's own word; anything else says it is not there.
    private static func name(_ code: Int32) -> StaticString {
        code == 111 ? "connection_refused" : "destination_unavailable"
    }
}
