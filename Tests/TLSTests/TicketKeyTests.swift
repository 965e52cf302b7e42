import Testing

@testable import TLS

/// Keys of session tickets, which are replaced every twelve hours.
@Suite struct TicketKeyTests {
    private let keys = TicketKeys()
    private let hour = 3600

    @Test func `one key serves for twelve hours`() throws {
        let first = keys.current(now: 1000)
        #expect(keys.current(now: 1000 + 12 * hour - 1).name == first.name)
        let found = try #require(keys.named(first.name, now: 1000 + 12 * hour - 1))
        #expect(!found.isOld && found.key.cipher == first.cipher && found.key.mac == first.mac)
    }

    @Test func `then another one does, and the first still opens what it has locked`() throws {
        let first = keys.current(now: 0)
        let second = keys.current(now: 12 * hour)
        #expect(first.name != second.name && first.cipher != second.cipher)
        let found = try #require(keys.named(first.name, now: 24 * hour - 1))
        #expect(found.isOld && found.key.cipher == first.cipher)
        #expect(keys.named(second.name, now: 24 * hour - 1)?.isOld == false)
    }

    @Test func `for twelve hours more, and no longer`() {
        let first = keys.current(now: 0)
        let second = keys.current(now: 12 * hour)
        #expect(keys.named(first.name, now: 24 * hour) == nil)
        #expect(keys.named(second.name, now: 24 * hour)?.isOld == true)
    }

    @Test func `a key that nobody asked to replace is gone in time, too`() {
        let first = keys.current(now: 0)
        #expect(keys.named(first.name, now: 24 * hour) == nil)
        let late = TicketKeys()
        let kept = late.current(now: 0)
        #expect(late.named(kept.name, now: 23 * hour)?.isOld == true)
    }

    @Test func `a name that no key has finds none`() {
        let first = keys.current(now: 0)
        #expect(keys.named((first.name.0, ~first.name.1), now: 0) == nil)
    }
}
