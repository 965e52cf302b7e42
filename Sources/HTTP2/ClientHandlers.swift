// What a session with a backend tells whoever owns its streams. Functions without captures and a
// pointer to their context, so that nothing is allocated or counted on the way of a frame.

@safe package struct ClientHandlers: Sendable {
    /// Bytes of the answer as HTTP/1.1 has them have come, to be used in place: one head, interim
    /// or final, or framed content, or its end.
    package typealias Answer =
        @convention(c) (
            _ streamOwner: UnsafeMutableRawPointer, _ bytes: UnsafeMutablePointer<UInt8>,
            _ count: Int
        ) -> Void
    /// What came is no answer, as the raw value of an `AnswerProblem` says; the stream is reset.
    package typealias Problem =
        @convention(c) (_ streamOwner: UnsafeMutableRawPointer, _ problem: UInt8) -> Void
    /// The stream has ended before its answer was whole, as the raw value of a `StreamLoss` says.
    package typealias Closed =
        @convention(c) (_ streamOwner: UnsafeMutableRawPointer, _ loss: UInt8) -> Void
    /// There is room in the stream's output, as somebody waited for.
    package typealias Room = @convention(c) (_ streamOwner: UnsafeMutableRawPointer) -> Void

    package let answer: Answer
    package let problem: Problem
    package let closed: Closed
    package let room: Room

    package init(
        answer: @escaping Answer, problem: @escaping Problem, closed: @escaping Closed,
        room: @escaping Room
    ) {
        unsafe self.answer = answer
        unsafe self.problem = problem
        unsafe self.closed = closed
        unsafe self.room = room
    }
}
