internal import HTTPSyntax

// What carries many streams over one connection does for each of them what the kernel does for a
// socket. It is told so by functions without captures and the context of the stream.

/// The lower side of a stream that is no socket.
@safe package struct StreamCarrier {
    /// How many bytes of both pieces together were taken; -1 where the stream is broken.
    package typealias Send =
        @convention(c) (
            _ context: UnsafeMutableRawPointer, _ head: UnsafePointer<UInt8>, _ headCount: Int,
            _ content: UnsafePointer<UInt8>, _ contentCount: Int
        ) -> Int
    package typealias Call = @convention(c) (_ context: UnsafeMutableRawPointer) -> Void
    package typealias Count = @convention(c) (_ context: UnsafeMutableRawPointer) -> Int
    package typealias Close =
        @convention(c) (_ context: UnsafeMutableRawPointer, _ isCut: Bool) -> Void

    private let context: UnsafeMutableRawPointer
    private let sending: Send
    private let waiting: Call
    private let finishing: Call
    private let counting: Count
    private let closing: Close

    /// - Parameters:
    ///   - context: what each function gets; valid until `closing` is called.
    ///   - waiting: `writable` is wanted once there is room.
    ///   - counting: bytes that were taken and have not gone.
    package init(
        context: UnsafeMutableRawPointer, sending: @escaping Send, waiting: @escaping Call,
        finishing: @escaping Call, counting: @escaping Count, closing: @escaping Close
    ) {
        unsafe self.context = context
        unsafe self.sending = sending
        unsafe self.waiting = waiting
        unsafe self.finishing = finishing
        unsafe self.counting = counting
        unsafe self.closing = closing
    }

    func send(_ head: ByteView, _ content: ByteView) -> IOResult {
        let count = unsafe sending(context, head.base, head.count, content.base, content.count)
        if count < 0 { return .failed(0) }
        return count == 0 && head.count + content.count > 0 ? .wouldBlock : .bytes(count)
    }

    func startWriting() { unsafe waiting(context) }
    func finishWriting() { unsafe finishing(context) }
    var queuedBytes: Int { unsafe counting(context) }
    func close(_ isCut: Bool) { unsafe closing(context, isCut) }
}
