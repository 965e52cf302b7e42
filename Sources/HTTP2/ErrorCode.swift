/// Why a stream or a connection ends before its time (RFC 9113 §7).
package struct ErrorCode: RawRepresentable, Equatable, Sendable, BitwiseCopyable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static var noError: ErrorCode { ErrorCode(rawValue: 0) }
    package static var protocolError: ErrorCode { ErrorCode(rawValue: 1) }
    package static var internalError: ErrorCode { ErrorCode(rawValue: 2) }
    package static var flowControlError: ErrorCode { ErrorCode(rawValue: 3) }
    package static var streamClosed: ErrorCode { ErrorCode(rawValue: 5) }
    package static var frameSizeError: ErrorCode { ErrorCode(rawValue: 6) }
    package static var refusedStream: ErrorCode { ErrorCode(rawValue: 7) }
    package static var cancel: ErrorCode { ErrorCode(rawValue: 8) }
    package static var compressionError: ErrorCode { ErrorCode(rawValue: 9) }
    package static var enhanceYourCalm: ErrorCode { ErrorCode(rawValue: 11) }
}
