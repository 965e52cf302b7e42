import HTTP2
import Testing

@Suite struct FrameBudgetTests {
    @Test func `frames that nobody asked for spend it, and time gives it back`() {
        var budget = FrameBudget(now: 0)
        for _ in 0..<FrameBudget.capacity { budget.note(.controlFrame) }
        #expect(!budget.isSpent)
        budget.refill(now: 1000)
        for _ in 0..<FrameBudget.perSecond { budget.note(.controlFrame) }
        #expect(!budget.isSpent)
        budget.note(.controlFrame)
        #expect(budget.isSpent)
    }

    @Test func `streams taken back at once are dearer than control frames`() {
        var budget = FrameBudget(now: 0)
        for _ in 0...FrameBudget.capacity / 10 { budget.note(.reset) }
        #expect(budget.isSpent)
    }

    @Test func `who gets content may report that he took it, for ever`() {
        var budget = FrameBudget(now: 0)
        for _ in 0..<100_000 {
            budget.note(.sent(16384, isCut: true))
            budget.note(.report)
            budget.note(.report)
        }
        // However small the pieces are, and however late the reports.
        for _ in 0..<100_000 { budget.note(.sent(10, isCut: false)) }
        for _ in 0..<200_000 { budget.note(.report) }
        #expect(!budget.isSpent)
    }

    @Test func `reports pay for no other frames`() {
        var budget = FrameBudget(now: 0)
        for _ in 0..<100_000 { budget.note(.sent(16384, isCut: false)) }
        for _ in 0...FrameBudget.capacity { budget.note(.controlFrame) }
        #expect(budget.isSpent)
    }

    @Test func `malformed requests cost although they are answered`() {
        var budget = FrameBudget(now: 0)
        for _ in 0...FrameBudget.capacity / 10 {
            budget.note(.malformed)
            budget.note(.answered)
        }
        #expect(budget.isSpent)
    }

    @Test func `a window opened byte by byte is not paid for by the bytes`() {
        var budget = FrameBudget(now: 0)
        for _ in 0...FrameBudget.capacity {
            budget.note(.sent(1, isCut: true))
            budget.note(.report)
        }
        #expect(budget.isSpent)
    }

    @Test func `a small message may be reported as taken, as it was small by itself`() {
        var budget = FrameBudget(now: 0)
        for _ in 0..<100_000 {
            budget.note(.sent(5, isCut: false))
            budget.note(.report)
            budget.note(.report)
        }
        // Many that went in one frame may be reported one by one.
        for _ in 0..<1000 {
            budget.note(.sent(8 * 500, isCut: false))
            for _ in 0..<500 { budget.note(.report) }
        }
        #expect(!budget.isSpent)
    }

    @Test func `answered requests pay for those that are taken back`() {
        var budget = FrameBudget(now: 0)
        for _ in 0..<10_000 {
            budget.note(.answered)
            budget.note(.reset)
        }
        #expect(!budget.isSpent)
    }

    @Test func `nobody saves up for a flood`() {
        var budget = FrameBudget(now: 0)
        budget.refill(now: 1_000_000_000)
        for _ in 0..<1000 { budget.note(.answered) }
        for _ in 0...FrameBudget.capacity { budget.note(.controlFrame) }
        #expect(budget.isSpent)
        budget.refill(now: 2_000_000_000)
        #expect(budget.isSpent, "what is spent stays spent")
    }
}
