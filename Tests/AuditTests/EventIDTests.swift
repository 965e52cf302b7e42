import Foundation
import HTTPSyntax
import Testing

@testable import Audit

@Suite struct EventIDTests {
    @Test func `the text has the digits in the places of a UUID`() {
        let id = EventID(high: 0x0123_4567_89ab_7def, low: 0x8fed_cba9_8765_4321)
        #expect(text { id.append(to: &$0) } == "01234567-89ab-7def-8fed-cba987654321")
    }

    @Test func `an id carries version 7, the variant and the milliseconds`() throws {
        var ids = try EventIDGenerator()
        for step in 0..<1000 {
            let id = ids.next(at: Timestamp(microseconds: 1_795_232_092_123_456 + Int64(step)))
            #expect(id.high >> 16 == (1_795_232_092_123_456 + UInt64(step)) / 1000)
            #expect(id.high >> 12 & 15 == 7)
            #expect(id.low >> 62 == 2)
            let uuid = UUID(uuidString: text { id.append(to: &$0) })
            #expect(uuid?.uuidString.lowercased() == text { id.append(to: &$0) })
        }
    }

    @Test func `ids are in order though the clock stands still or is set back`() throws {
        var ids = try EventIDGenerator()
        var last = ""
        for step in 0..<20_000 {
            let time = Timestamp(microseconds: 1_795_232_092_000_000 - Int64(step % 7) * 5000)
            let id = ids.next(at: time)
            let text = text { id.append(to: &$0) }
            guard text > last else {
                Issue.record("\(text) after \(last)")
                return
            }
            last = text
        }
    }

    @Test func `the bits below the millisecond are the fraction of it`() throws {
        var ids = try EventIDGenerator()
        let early = ids.next(at: Timestamp(microseconds: 1_000_000_000_250))
        let late = ids.next(at: Timestamp(microseconds: 1_000_000_000_999))
        #expect(early.high & 0xfff == 1024)
        #expect(late.high & 0xfff == 4091)
    }

    @Test func `two generators share no id`() throws {
        var first = try EventIDGenerator()
        var second = try EventIDGenerator()
        var seen: Set<EventID> = []
        for _ in 0..<5000 {
            seen.insert(first.next(at: Sample.time))
            seen.insert(second.next(at: Sample.time))
        }
        #expect(seen.count == 10_000)
    }
}
