// What a session tells whoever owns it. Functions without captures and a pointer to their context,
// so that nothing is allocated or counted on the way of a frame.

@safe package struct SessionHandlers: Sendable {
    /// A request's field section is whole, in `block` of the session; `hasEnded`: without content.
    /// Later events of the stream go to the owner of the `StreamOutput` that is attached to it now.
    package typealias Request =
        @convention(c) (
            _ owner: UnsafeMutableRawPointer, _ stream: Int32, _ hasEnded: Bool
        ) -> Void
    /// Content has come for a stream's owner, to be used in place.
    package typealias Content =
        @convention(c) (
            _ streamOwner: UnsafeMutableRawPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int
        ) -> Void
    /// Something has happened to a stream.
    package typealias StreamEvent = @convention(c) (_ streamOwner: UnsafeMutableRawPointer) -> Void
    /// A stream is gone, with its error code.
    package typealias Closed =
        @convention(c) (_ streamOwner: UnsafeMutableRawPointer, _ code: UInt32) -> Void
    /// Something has happened to the connection.
    package typealias ConnectionEvent = @convention(c) (_ owner: UnsafeMutableRawPointer) -> Void

    package let request: Request
    package let content: Content
    /// A trailer section is whole, in `block`; the message ends with it.
    package let trailers: StreamEvent
    /// The request has ended.
    package let end: StreamEvent
    package let closed: Closed
    /// There is room in the stream's output, as somebody waited for.
    package let room: StreamEvent
    /// A PING of ours was answered.
    package let pong: ConnectionEvent

    package init(
        request: @escaping Request, content: @escaping Content,
        trailers: @escaping StreamEvent, end: @escaping StreamEvent, closed: @escaping Closed,
        room: @escaping StreamEvent, pong: @escaping ConnectionEvent
    ) {
        unsafe self.request = request
        unsafe self.content = content
        unsafe self.trailers = trailers
        unsafe self.end = end
        unsafe self.closed = closed
        unsafe self.room = room
        unsafe self.pong = pong
    }
}
