import Testing

@testable import Transport

/// A wheel whose time the test sets, and deadlines that note when they were called.
private final class Rig {
    let wheel: Ref<DeadlineWheel>
    private(set) var alarms: [Ref<Alarm>] = []

    init(now: UInt64 = 1_000_000) { wheel = .make(DeadlineWheel(now: now)) }

    deinit {
        for alarm in alarms { alarm.destroy() }
        wheel.destroy()
    }

    var now: UInt64 {
        get { wheel.value.now }
        set {
            wheel.value.now = newValue
            DeadlineWheel.advance(wheel)
        }
    }

    func make() -> Ref<Alarm> {
        let wheel = wheel
        let alarm = Ref<Alarm>.make { context in
            Alarm(wheel: wheel, deadline: Deadline(on: wheel, rang, context))
        }
        alarms.append(alarm)
        return alarm
    }

    /// Goes on in the steps of a worker's tick.
    func pass(_ milliseconds: Int) {
        for _ in 0..<(milliseconds / DeadlineWheel.tick) { now += UInt64(DeadlineWheel.tick) }
    }
}

private struct Alarm: ~Copyable {
    let wheel: Ref<DeadlineWheel>
    var deadline: Deadline
    var calls: [UInt64] = []
    /// Set again by the callback, in milliseconds.
    var again: Int?
    /// Cleared by the callback.
    var other: Ref<Alarm>?

    init(wheel: Ref<DeadlineWheel>, deadline: consuming Deadline) {
        self.wheel = wheel
        self.deadline = deadline
    }
}

private func rang(_ context: UnsafeMutableRawPointer) {
    let alarm = Ref<Alarm>(context: context)
    alarm.value.calls.append(alarm.value.wheel.value.now)
    if let again = alarm.value.again { alarm.value.deadline.set(again) }
    alarm.value.other?.value.deadline.clear()
}

@Suite struct DeadlineWheelTests {
    @Test(arguments: [1, 99, 100, 101, 500, 10_000, 102_300, 102_400, 102_500, 300_000, 3_600_000])
    func `a deadline is called once, never early, and late by two ticks at most`(_ time: Int) {
        for start: UInt64 in [1_000_000, 1_000_099, 7] {
            let rig = Rig(now: start)
            let alarm = rig.make()
            alarm.value.deadline.set(time)
            rig.pass(time + 1000)
            #expect(alarm.value.calls.count == 1)
            let late = Int(alarm.value.calls.first ?? 0) - Int(start) - time
            #expect(late >= 0 && late <= 2 * DeadlineWheel.tick, "\(late)")
            #expect(rig.wheel.value.count == 0)
        }
    }

    // The slot that is emptied is not the one that it moves on to, however late the tick comes.
    @Test(arguments: [100, 150, 199, 201, 250, 999, 102_399])
    func `a lone one beyond the horizon is called once, whenever ticks come`(_ step: Int) {
        let rig = Rig()
        let alarm = rig.make()
        alarm.value.deadline.set(3_600_000)
        for _ in 0..<(3_600_000 / step + 3) { rig.now += UInt64(step) }
        #expect(alarm.value.calls.count == 1)
        #expect((alarm.value.calls.first ?? 0) >= 4_600_000)
    }

    @Test func `one that is moved later is called at the later time`() {
        let rig = Rig()
        let alarm = rig.make()
        for _ in 0..<20 {
            alarm.value.deadline.set(1000)
            rig.pass(500)
        }
        #expect(alarm.value.calls.isEmpty)
        rig.pass(1000)
        #expect(alarm.value.calls.count == 1)
    }

    @Test func `one that is moved earlier is called at the earlier time`() {
        let rig = Rig()
        let alarm = rig.make()
        alarm.value.deadline.set(60_000)
        alarm.value.deadline.set(300)
        rig.pass(500)
        #expect(alarm.value.calls.count == 1)
        rig.pass(60_000)
        #expect(alarm.value.calls.count == 1)
    }

    @Test func `one that is cleared is not called`() {
        let rig = Rig()
        let alarm = rig.make()
        alarm.value.deadline.set(300)
        alarm.value.deadline.clear()
        rig.pass(2000)
        #expect(alarm.value.calls.isEmpty)
        alarm.value.deadline.set(300)
        rig.pass(500)
        #expect(alarm.value.calls.count == 1)
    }

    @Test func `one that is destroyed is not called, wherever it stands in its slot`() {
        for gone in 0..<3 {
            let rig = Rig()
            let others = [rig.make(), rig.make()]
            let wheel = rig.wheel
            for position in 0..<3 {
                if position == gone {
                    let alarm = Ref<Alarm>.make { context in
                        Alarm(wheel: wheel, deadline: Deadline(on: wheel, rang, context))
                    }
                    alarm.value.deadline.set(300)
                    others[0].value.deadline.set(300)
                    others[1].value.deadline.set(position == 1 ? 300 : 290)
                    alarm.destroy()
                }
            }
            rig.pass(600)
            #expect(others.allSatisfy { $0.value.calls.count == 1 })
            #expect(rig.wheel.value.count == 0)
        }
    }

    @Test func `a callback may set its own deadline again and clear another of the same slot`() {
        let rig = Rig()
        let (first, second) = (rig.make(), rig.make())
        first.value.again = 1000
        first.value.other = second
        second.value.other = first
        first.value.deadline.set(300)
        second.value.deadline.set(300)
        rig.pass(600)
        // Whichever was called took the other's deadline back.
        #expect(first.value.calls.count + second.value.calls.count == 1)
        first.value.other = nil
        first.value.deadline.set(100)
        rig.pass(5000)
        #expect(first.value.calls.count >= 4)
    }

    @Test func `time that passes in one leap is caught up with`() {
        let rig = Rig()
        let alarms = (0..<50).map { _ in rig.make() }
        for (index, alarm) in alarms.enumerated() { alarm.value.deadline.set(index * 700) }
        rig.now += 10 * 3600 * 1000
        #expect(alarms.allSatisfy { $0.value.calls.count == 1 })
    }

    @Test func `a wheel that was empty for a long time takes up at the present`() {
        let rig = Rig()
        // Nobody ticks an empty wheel.
        rig.wheel.value.now += 5 * 3600 * 1000
        let alarm = rig.make()
        alarm.value.deadline.set(500)
        rig.pass(300)
        #expect(alarm.value.calls.isEmpty)
        rig.pass(500)
        #expect(alarm.value.calls.count == 1)
    }

    @Test func `many deadlines keep their times`() {
        let rig = Rig()
        var random = SystemRandomNumberGenerator()
        let alarms = (0..<2000).map { _ in rig.make() }
        let start = rig.now
        var times: [Int] = []
        for alarm in alarms {
            let time = Int.random(in: 0...200_000, using: &random)
            times.append(time)
            alarm.value.deadline.set(Int.random(in: 0...200_000, using: &random))
            alarm.value.deadline.set(time)
        }
        rig.pass(201_000)
        for (alarm, time) in zip(alarms, times) {
            let late = alarm.value.calls.map { Int($0) - Int(start) - time }
            #expect(late.count == 1 && late[0] >= 0 && late[0] <= 2 * DeadlineWheel.tick)
        }
    }
}
