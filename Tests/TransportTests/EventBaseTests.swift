import Glibc
import Testing

@testable import Transport

/// One end of a Unix stream, watched by a loop.
private struct Watched: ~Copyable {
    var stream: ByteStream
    let calls: Ref<Int>
}

private func wasReadable(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Ref<Watched>(context: context).value.calls.value += 1
}

private func isWritable(_: Int32, _: Int16, _: UnsafeMutableRawPointer?) {}

@Suite struct EventBaseTests {
    /// How many of `count` streams with input a loop calls back for at once, and whether it says
    /// that those are all.
    private func sweep(_ count: Int) throws -> (calls: Int, hasTakenAll: Bool) {
        let base = try #require(EventBase())
        let calls = Ref<Int>.make(0)
        defer { calls.destroy() }
        var watched: [Ref<Watched>] = []
        var others: [Int32] = []
        defer {
            for one in watched {
                one.value.stream.close()
                one.destroy()
            }
            for other in others { Socket.close(other) }
        }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        for _ in 0..<count {
            var ends: [Int32] = [-1, -1]
            try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
            others.append(ends[1])
            let one = Ref<Watched>.make { context in
                Watched(
                    stream: ByteStream(
                        ends[0], on: base, readable: wasReadable, writable: isWritable,
                        context: context),
                    calls: calls)
            }
            one.value.stream.startReading()
            watched.append(one)
            #expect(write(ends[1], "x", 1) == 1)
        }
        #expect(base.runOnce())
        return (calls.value, base.hasTakenAll)
    }

    /// That a surplus answer is told from an answer rests on it.
    @Test(arguments: [1, 2, 31])
    func `calls back for all that is ready, and says so`(_ count: Int) throws {
        let (calls, hasTakenAll) = try sweep(count)
        #expect(calls == count)
        #expect(hasTakenAll)
    }

    @Test(arguments: [32, 33, 200])
    func `does not say so where something may be left`(_ count: Int) throws {
        let (calls, hasTakenAll) = try sweep(count)
        #expect(calls == 32)
        #expect(!hasTakenAll)
    }
}
