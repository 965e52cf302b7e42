import HTTPSyntax

// What a gRPC client is told besides: its own status code, in header fields, since nothing of a
// call has begun.

enum GRPCStatus {
    /// The code of an HTTP status: as gRPC's table of HTTP statuses has it (doc/
    /// http-grpc-status-mapping.md), and where that knows no better than UNKNOWN, the code whose
    /// meaning is nearest.
    static func code(_ status: UInt16) -> StaticString {
        switch status {
        case 400: "13"  // INTERNAL
        case 403: "7"  // PERMISSION_DENIED
        case 404, 405, 501, 505: "12"  // UNIMPLEMENTED
        case 408: "4"  // DEADLINE_EXCEEDED
        case 413, 414, 431: "8"  // RESOURCE_EXHAUSTED
        case 502, 503, 504: "14"  // UNAVAILABLE
        default: "2"  // UNKNOWN
        }
    }

    /// Appends the fields, each behind a line end. The message is percent-encoded: what is not
    /// printable ASCII, and `%`.
    static func append(_ status: UInt16, message: ByteView, to output: inout ByteBuffer) {
        output.append("\r\ngrpc-status: ")
        output.append(code(status))
        output.append("\r\ngrpc-message: ")
        for index in 0..<message.count {
            let byte = message[index]
            if byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "%") {
                output.append(byte: byte)
            } else {
                output.append("%")
                output.append(hexDigitsOf: byte)
            }
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func append(hexDigitsOf byte: UInt8) {
        let digits = ByteView("0123456789ABCDEF")
        append(byte: digits[Int(byte >> 4)])
        append(byte: digits[Int(byte & 15)])
    }
}
