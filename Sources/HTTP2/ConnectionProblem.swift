// By what a backend breaks HTTP/2 itself, so that its connection ends with all its streams: for the
// operator, who would else read that it had closed.

/// What is wrong with a backend's connection (RFC 9113 §5.4.1).
package enum ConnectionProblem: UInt8, Sendable, BitwiseCopyable {
    case speaksHTTP1, pushes, sectionUnreadable, sectionTooLarge, frameSize, flowControl, flood
    case frames

    /// What is wrong, for the operator.
    package var text: StaticString {
        switch self {
        case .speaksHTTP1: "the backend speaks HTTP/1.1, and is configured for HTTP/2"
        case .pushes: "PUSH_PROMISE, though pushing is turned off"
        case .sectionUnreadable: "fields that HPACK cannot read, or one of more than 64 KiB"
        case .sectionTooLarge: "the head is longer than the limit"
        case .frameSize: "an HTTP/2 frame of a wrong size"
        case .flowControl: "more content than the HTTP/2 windows allow"
        case .flood: "too many HTTP/2 frames that carry nothing"
        case .frames: "frames that break HTTP/2"
        }
    }

    /// Whether a limit of the gate is what it is beyond.
    package var isSize: Bool { self == .sectionTooLarge }

    /// By the code of the GOAWAY that ends the connection.
    init(_ code: ErrorCode) {
        switch code {
        case .flowControlError: self = .flowControl
        case .frameSizeError: self = .frameSize
        case .compressionError: self = .sectionUnreadable
        case .enhanceYourCalm: self = .flood
        default: self = .frames
        }
    }
}

/// How a stream ended before its answer was whole.
package enum StreamLoss: UInt8, Sendable, BitwiseCopyable {
    /// The backend has certainly not acted on the request (RFC 9113 §8.7).
    case unprocessed
    /// The backend has reset it.
    case reset
    /// What the backend sent on it breaks HTTP/2.
    case broken
}
