import Glibc
import Testing

@testable import Transport

/// Input that is always there again: its callback asks to be called once more.
private struct Eager: ~Copyable {
    var event: Event
    var calls = 0
}

private func called(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    let eager = Ref<Eager>(context: context)
    eager.value.calls += 1
    if eager.value.calls < 1000 { eager.value.event.activate() }
}

@Suite struct EventTests {
    // libevent would go on with what becomes active in a round.
    @Test func `who asks for another turn gets it in the next round`() throws {
        let base = try #require(EventBase())
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        let eager = Ref<Eager>.make { context in
            Eager(event: .streamRead(base, ends[0], called, context))
        }
        defer { eager.destroy() }
        eager.value.event.add()
        try #require(write(ends[1], "x", 1) == 1)
        for round in 1...3 {
            #expect(base.runOnce())
            try #require(eager.value.calls == round)
        }
    }
}
