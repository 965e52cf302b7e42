// Whether every worker still goes round its loop. A worker at rest waits for events, so it is
// asked: the next question goes out when all have answered the last one, and only then does the
// service manager get its sign of life. A worker that owes its answer for long is one that hangs,
// for probes too.

/// The answers to the last question.
package struct Heartbeat {
    private enum Answer { case owed, given, ended }

    private var answers: [Answer]
    /// The number of the last question; 0 before the first.
    package private(set) var number: UInt64 = 0
    /// How often in a row there was no new question. Turns of the main loop and not time: what it
    /// missed itself is no worker's fault.
    private var refused = 0

    /// Seconds without an answer after which a worker is silent.
    package static let patience = 10

    package init(workers: Int) { answers = Array(repeating: .given, count: workers) }

    /// Whether every worker has answered the last question.
    package var isAnswered: Bool { !answers.contains(.owed) }

    /// Once a second: begins a new question, or nil as long as an answer to the last one is owed.
    package mutating func next() -> UInt64? {
        guard isAnswered else {
            refused += 1
            return nil
        }
        refused = 0
        number += 1
        answers = answers.map { $0 == .ended ? .ended : .owed }
        return number
    }

    /// A worker has answered; an answer to an older question does not count.
    package mutating func answer(from worker: Int, to number: UInt64) {
        if number == self.number, answers[worker] == .owed { answers[worker] = .given }
    }

    /// The first worker that has not answered for `patience`, or nil.
    package var silentWorker: Int? {
        refused < Self.patience ? nil : answers.firstIndex(of: .owed)
    }

    /// A worker has ended in order: nothing more is expected of it.
    package mutating func end(worker: Int) { answers[worker] = .ended }
}
