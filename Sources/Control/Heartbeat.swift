// Whether every worker still goes round its loop. A worker at rest waits for events, so it is
// asked: the next question goes out when all have answered the last one, and only then does the
// service manager get its sign of life.

/// The answers to the last question.
package struct Heartbeat {
    private enum Answer { case owed, given, ended }

    private var answers: [Answer]
    /// The number of the last question; 0 before the first.
    package private(set) var number: UInt64 = 0

    package init(workers: Int) { answers = Array(repeating: .given, count: workers) }

    /// Begins a new question, or nil as long as an answer to the last one is owed.
    package mutating func next() -> UInt64? {
        guard !answers.contains(.owed) else { return nil }
        number += 1
        answers = answers.map { $0 == .ended ? .ended : .owed }
        return number
    }

    /// A worker has answered; an answer to an older question does not count.
    package mutating func answer(from worker: Int, to number: UInt64) {
        if number == self.number, answers[worker] == .owed { answers[worker] = .given }
    }

    /// A worker has ended in order: nothing more is expected of it.
    package mutating func end(worker: Int) { answers[worker] = .ended }
}
