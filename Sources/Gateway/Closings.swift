import Transport

// Sockets of connections to backends that are to be closed. close(2) costs more than most that a
// worker does, and a client that leaves a hundred requests behind has as many of them closed:
// beyond a few they wait for later rounds of the loop, and other clients do not.

struct Closings {
    /// How many are closed in a round.
    static let most = 8
    /// How many wait: who is behind by more gains nothing by waiting.
    static let limit = 256

    /// How many have been closed in this round.
    private var count = 0
    private var waiting: [Int32] = []

    var isEmpty: Bool { waiting.isEmpty }

    /// Takes `descriptor` in; the one that is to be closed now, which may be another.
    mutating func add(_ descriptor: Int32) -> Int32? {
        guard count >= Self.most || !waiting.isEmpty else {
            count += 1
            return descriptor
        }
        waiting.append(descriptor)
        return waiting.count > Self.limit ? waiting.removeFirst() : nil
    }

    /// The next one that has its turn in this round.
    mutating func next() -> Int32? {
        guard count < Self.most, !waiting.isEmpty else { return nil }
        count += 1
        return waiting.removeFirst()
    }

    /// The one that has waited longest, whatever has been closed in this round.
    mutating func takeFirst() -> Int32? { waiting.isEmpty ? nil : waiting.removeFirst() }

    mutating func endRound() { count = 0 }
}

extension Ref<Worker> {
    /// Closes the socket of a connection to a backend, which counts until then.
    func close(upstream descriptor: Int32) {
        if let due = value.closings.add(descriptor) { closeNow(due) }
    }

    private func closeNow(_ descriptor: Int32) {
        Socket.close(descriptor)
        value.upstreamCount -= 1
    }

    /// Closes some of those that wait; the loop does not wait as long as there are more.
    @inline(__always) func goOnClosing() {
        if !value.closings.isEmpty { closeWaiting() }
        value.closings.endRound()
    }

    @inline(never) private func closeWaiting() {
        while let descriptor = value.closings.next() { closeNow(descriptor) }
        if !value.closings.isEmpty { value.more.activate() }
    }

    /// Closes one that waits, for its descriptor; false where there is none.
    func closeFirst() -> Bool {
        guard let descriptor = value.closings.takeFirst() else { return false }
        closeNow(descriptor)
        return true
    }

    /// Closes all of them.
    func endClosing() { while closeFirst() {} }
}

/// Nothing: that it was called is all that is wanted.
func workerGoesOn(_: Int32, _: Int16, _: UnsafeMutableRawPointer?) {}
