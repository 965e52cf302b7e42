// gRPC as far as its content type says it: whoever speaks it looks for `grpc-status`.

/// What kind of call a request is, by its Content-Type.
package enum CallType: UInt8, BitwiseCopyable, Sendable {
    case none
    /// `application/grpc`, or what begins so.
    case grpc
    /// `application/grpc-web` and its like: its clients are clients of HTTP.
    case web

    /// Letter case aside.
    package init(contentType type: ByteView) {
        if !type.begins(with: ByteView("application/grpc")) {
            self = .none
        } else {
            self = type.begins(with: ByteView("application/grpc-web")) ? .web : .grpc
        }
    }
}

extension ByteView {
    fileprivate func begins(with name: ByteView) -> Bool {
        count >= name.count && slice(0, name.count).equalsIgnoringCase(name)
    }
}
