import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// What the gate answers of its own accord, besides a rule's verdict: status, what the operator
// reads, and RFC 9209's name for it.

/// A request that is refused whatever the rules say: 4xx, with a record.
package struct Refusal {
    package let status: UInt16
    package let reason: StaticString
    /// Proxy-Status error type (RFC 9209 §2.3): for 501 and 505 too, since the table has no
    /// nearer one for a request that is at fault.
    let error: StaticString = "http_request_error"

    init(_ status: UInt16, _ reason: StaticString) {
        self.status = status
        self.reason = reason
    }

    init(_ error: ProtocolError) { self.init(error.status, error.reason.text) }

    static let requestTimeout = Refusal(408, "the request did not arrive in time")
    package static let contentTooLarge = Refusal(413, "the content is longer than the limit")
    package static let plainHTTP = Refusal(400, "plain HTTP on a port for TLS: ask with https://")
    package static let misdirected = Refusal(
        421, "TLS was set up for a name with other settings than those of the Host")
    package static let expectationFailed = Refusal(417, "an expectation other than 100-continue")
}

/// An upstream that gave no answer: 502, 503 or 504, without a record.
enum UpstreamFailure {
    /// connect(2) failed, with errno.
    case unreachable(Int32)
    case connectTimeout
    /// It closed before it answered.
    case terminated
    /// It closed amid the head of its answer.
    case incomplete
    /// It did not answer in time.
    case timeout
    /// What it sent is no response.
    case misbehaved(ProtocolError?)
    /// What it sent over HTTP/2 is no response.
    case malformed(AnswerProblem)
    /// It breaks HTTP/2 itself.
    case broken(ConnectionProblem)
    /// It has reset the stream.
    case reset
    /// It has put the request back, as often as it was sent.
    case refused
    /// It switches protocols otherwise than it was asked to.
    case badHandshake
    /// TLS could not be set up; why, in OpenSSL's words, which live as long as the process.
    case tls(TLSFault, ByteView)

    /// By what the session of a backend's connection has failed.
    init(_ session: Ref<TLSSession>) {
        self = .tls(session.fault, session.failure)
    }

    var status: UInt16 {
        switch self {
        case .unreachable(let code):
            Self.isOurs(code) ? 503 : code == Self.timedOut ? 504 : 502
        case .terminated, .incomplete, .misbehaved, .malformed, .broken, .reset, .refused,
            .badHandshake, .tls:
            502
        case .connectTimeout, .timeout: 504
        }
    }

    /// Proxy-Status error type (RFC 9209 §2.3).
    var error: StaticString {
        switch self {
        case .unreachable(let code):
            Self.isOurs(code) ? "connection_limit_reached" : Self.name(code)
        case .connectTimeout: "connection_timeout"
        case .terminated, .reset, .refused: "connection_terminated"
        case .incomplete: "http_response_incomplete"
        case .timeout: "http_response_timeout"
        case .misbehaved(let error): error.map { Self.name($0.reason) } ?? "http_protocol_error"
        case .malformed(let problem):
            problem.isSize ? "http_response_header_section_size" : "http_protocol_error"
        case .broken(let problem):
            problem.isSize ? "http_response_header_section_size" : "http_protocol_error"
        case .badHandshake: "http_protocol_error"
        case .tls(.certificate, _): "tls_certificate_error"
        case .tls(.alert, _): "tls_alert_received"
        case .tls: "tls_protocol_error"
        }
    }

    /// Where the table has a name for what is wrong with an answer's head.
    private static func name(_ reason: Reason) -> StaticString {
        switch reason {
        case .headTooLarge, .tooManyFields, .connectionTooLong:
            "http_response_header_section_size"
        case .transferEncodingUnsupported, .transferEncodingRepeated, .transferEncodingInHTTP10:
            "http_response_transfer_coding"
        default: "http_protocol_error"
        }
    }

    var reason: StaticString {
        switch self {
        case .unreachable(let code):
            Self.isOurs(code) ? "the gate has no descriptor left" : "the backend cannot be reached"
        case .connectTimeout: "the backend did not accept in time"
        case .terminated: "the backend closed before it answered"
        case .incomplete: "the backend closed amid the head of its answer"
        case .timeout: "the backend did not answer in time"
        case .misbehaved(let error): error?.reason.text ?? "an answer that nobody asked for"
        case .malformed(let problem): problem.text
        case .broken(let problem): problem.text
        case .reset: "the backend reset the stream"
        case .refused: "the backend refused the stream"
        case .badHandshake: "a switch to WebSocket that breaks the handshake"
        case .tls(.certificate, _): "the backend's certificate is not accepted"
        case .tls(.alert, _): "the backend ended TLS with an alert"
        case .tls: "TLS with the backend could not be set up"
        }
    }

    /// What else the operator is told, who knows the backend.
    var cause: ByteView {
        if case .tls(_, let cause) = self { return cause }
        return ByteView(reason)
    }

    /// Descriptors or memory have run out here (EMFILE, ENFILE, ENOBUFS, ENOMEM).
    static func isOurs(_ code: Int32) -> Bool {
        code == 24 || code == 23 || code == 105 || code == 12
    }

    /// ENOMEM.
    static let noMemory: Int32 = 12
    /// EMFILE.
    static let noDescriptor: Int32 = 24

    /// The kernel gave up before `timeouts.connect` did (ETIMEDOUT).
    private static let timedOut: Int32 = 110

    /// What connect(2) said, in the words of the table.
    private static func name(_ code: Int32) -> StaticString {
        switch code {
        case 111: "connection_refused"  // ECONNREFUSED
        case 104: "connection_terminated"  // ECONNRESET
        case timedOut: "connection_timeout"
        case 101, 113: "destination_ip_unroutable"  // ENETUNREACH, EHOSTUNREACH
        default: "destination_unavailable"
        }
    }
}
