import Testing
import Transport

@testable import Gateway

@Suite struct SilenceTests {
    private static var offset: Int64 {
        let wall = Clock.wallNanoseconds()
        return Silence.clockOffset(wall, Clock.milliseconds())
    }

    @Test func `what came before the request breaks it, and nothing else does`() {
        let now = Clock.wallNanoseconds()
        let silence = Silence(brokenBefore: now, offset: Self.offset, wasSeen: false)
        #expect(silence.isDoubted && silence.isDoubtedBehind)
        #expect(silence.wasBroken(by: now - 1))
        #expect(!silence.wasBroken(by: now))
        #expect(!silence.wasBroken(by: now + 1))
        // The kernel does not say.
        #expect(!silence.wasBroken(by: 0))
    }

    @Test func `a clock that was set back proves nothing`() {
        // As if the request had been sent by a clock that was ahead then.
        let silence = Silence(
            brokenBefore: Clock.wallNanoseconds() + 50_000_000, offset: Self.offset + 50_000_000,
            wasSeen: false)
        #expect(!silence.wasBroken(by: Clock.wallNanoseconds()))
    }

    @Test func `on a fresh connection nothing is doubted`() {
        #expect(!Silence().isDoubted && !Silence().isDoubtedBehind)
        #expect(!Silence().wasBroken(by: 1))
    }

    @Test func `a look before leaves no doubt about two answers`() {
        let now = Clock.wallNanoseconds()
        let silence = Silence(brokenBefore: now, offset: Self.offset, wasSeen: true)
        #expect(silence.isDoubted && !silence.isDoubtedBehind)
        #expect(silence.wasBroken(by: now - 1))
    }
}
