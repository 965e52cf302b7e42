// Why bytes are refused: what the client is answered and what the operator reads.

/// Bytes that break the protocol, or a limit.
package struct ProtocolError: Error, Equatable, Sendable, BitwiseCopyable {
    /// What to answer the client.
    package let status: UInt16
    package let reason: Reason

    /// Of a request: the reason's own status.
    package init(_ reason: Reason) {
        status = reason.status
        self.reason = reason
    }

    /// Of a response, whose client is answered 502 whatever is wrong.
    package init(inResponse reason: Reason) {
        status = 502
        self.reason = reason
    }

    /// The same error when it was found in what a backend sent (content, trailers).
    package var inResponse: ProtocolError { ProtocolError(inResponse: reason) }
}
