package import HTTPSyntax

package enum HeadWriter {
    /// What a request head keeps or loses besides what it always loses.
    package struct RequestOptions: OptionSet, Sendable, BitwiseCopyable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
    }

    /// What a response head keeps or loses besides what it always loses.
    package struct ResponseOptions: OptionSet, Sendable, BitwiseCopyable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The client speaks HTTP/1.0 and gets the content decoded.
        package static let dropsTransferEncoding = ResponseOptions(rawValue: 1)
        /// `extra` holds a narrowed `Allow`.
        package static let dropsAllow = ResponseOptions(rawValue: 2)
        /// `extra` holds a narrowed `Access-Control-Allow-Methods`.
        package static let dropsAllowMethods = ResponseOptions(rawValue: 4)
    }

    /// Appends the head to send upstream. `bytes` is what was parsed into `head`; `extra` is
    /// field lines to add, each ended by CRLF.
    package static func request(
        _ head: borrowing RequestHead, in bytes: ByteView, extra: ByteView,
        options: RequestOptions = [], into buffer: inout ByteBuffer
    ) {}

    /// Appends the head to send to the client. `date` is the value of the `Date` that is added
    /// where the backend sent none.
    package static func response(
        _ head: borrowing ResponseHead, in bytes: ByteView, extra: ByteView, date: ByteView,
        options: ResponseOptions = [], into buffer: inout ByteBuffer
    ) {}
}
