import Control
import Testing

@Suite struct HeartbeatTests {
    private func expect(_ heartbeat: inout Heartbeat, _ number: UInt64?) {
        let next = heartbeat.next()
        #expect(next == number)
    }

    @Test func `a question is asked anew only when every worker has answered`() {
        var heartbeat = Heartbeat(workers: 2)
        expect(&heartbeat, 1)
        expect(&heartbeat, nil)
        heartbeat.answer(from: 0, to: 1)
        expect(&heartbeat, nil)
        heartbeat.answer(from: 1, to: 1)
        expect(&heartbeat, 2)
    }

    @Test func `a late answer to an older question does not count`() {
        var heartbeat = Heartbeat(workers: 1)
        expect(&heartbeat, 1)
        heartbeat.answer(from: 0, to: 1)
        expect(&heartbeat, 2)
        heartbeat.answer(from: 0, to: 1)
        expect(&heartbeat, nil)
    }

    @Test func `a worker that owes an answer for long is silent until it gives it`() {
        var heartbeat = Heartbeat(workers: 2)
        _ = heartbeat.next()
        heartbeat.answer(from: 0, to: 1)
        for _ in 1..<Heartbeat.patience { expect(&heartbeat, nil) }
        #expect(heartbeat.silentWorker == nil)
        expect(&heartbeat, nil)
        #expect(heartbeat.silentWorker == 1)
        heartbeat.answer(from: 1, to: 1)
        #expect(heartbeat.silentWorker == nil)
        expect(&heartbeat, 2)
        expect(&heartbeat, nil)
        #expect(heartbeat.silentWorker == nil)
    }

    @Test func `a worker that has ended owes nothing`() {
        var heartbeat = Heartbeat(workers: 2)
        _ = heartbeat.next()
        heartbeat.end(worker: 0)
        heartbeat.answer(from: 1, to: 1)
        expect(&heartbeat, 2)
        heartbeat.answer(from: 1, to: 2)
        expect(&heartbeat, 3)
    }
}
