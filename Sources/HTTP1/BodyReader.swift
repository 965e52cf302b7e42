package import HTTPSyntax

package struct BodyReader: Sendable, BitwiseCopyable {
    /// What the caller wants of the content.
    package enum Form: Sendable, BitwiseCopyable {
        /// In the framing it came in, chunk extensions dropped.
        case framed
        /// Without the chunked coding, for an HTTP/1.0 client.
        case decoded
        /// Nothing: it is only counted.
        case discarded
    }

    package struct Progress: Equatable, Sendable, BitwiseCopyable {
        /// Input bytes used up; what is behind them is not this content's, or the trailer section.
        package var consumed: Int
        /// Bytes now at the front of the input, to be forwarded. Never more than `consumed`.
        package var kept: Int
        /// What is wrong at `consumed`; what was kept before it is still good.
        package var error: ProtocolError?
    }

    package init(_ framing: BodyFraming) {}

    /// Whether the content, its trailer section included, has ended. Never true of `untilClose`
    /// before `connectionClosed()`.
    package var isComplete: Bool { true }
    /// Whether the last chunk has been read, so that a trailer section comes next.
    package var isAwaitingTrailers: Bool { false }

    package mutating func process(_ bytes: MutableByteView, as form: Form) -> Progress {
        Progress(consumed: 0, kept: 0, error: nil)
    }

    /// The trailer section has been read.
    package mutating func trailersDone() {}

    /// The sender closed: true where the content may end so (`untilClose`, or it had ended).
    package mutating func connectionClosed() -> Bool { true }
}
